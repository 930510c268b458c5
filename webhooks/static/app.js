// What every page has: dialogs that buttons open, times as the browser's own, messages that go.
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.open).showModal());
}

const moments = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = moments.format(new Date(time.dateTime));
  }
}
localise(document);
document.addEventListener("htmx:after:swap", () => localise(document));

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.dropdown[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || event.target.matches("input, textarea, select")) return;
  const help = document.getElementById("help");
  if (help && !help.open) help.showModal();
});

document.addEventListener("submit", (event) => {
  const asks = event.target.dataset.asks;
  if (asks && !confirm(asks)) event.preventDefault();
});

// Links to copy.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-copies]")) return;
  const field = event.target.closest(".made, article").querySelector("[data-copied]");
  field.select();
  navigator.clipboard?.writeText(field.value);
});
