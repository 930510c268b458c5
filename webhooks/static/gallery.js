// The gallery: it follows what changes, and obeys the keyboard.
const cards = document.getElementById("cards");
const EVERY_MS = 3000;

function known() {
  const near = [...cards.children].filter((tile) => tile.dataset.v && isNear(tile));
  return near.slice(0, 60).map((tile) => `${tile.dataset.id}.${tile.dataset.v}`).join(" ");
}

function isNear(tile) {
  const { top, bottom } = tile.getBoundingClientRect();
  return bottom > -innerHeight && top < 2 * innerHeight;
}

async function follow() {
  if (document.hidden) return;
  const query = cards.dataset.query ? `&${cards.dataset.query}` : "";
  const answer = await fetch(`${cards.dataset.follow}?known=${encodeURIComponent(known())}${query}`, { headers: { "X-Live": "1" } });
  if (answer.status === 401) location.reload();
  if (answer.status === 200) place(await answer.text());
}

// Cards that are here change in their place; new ones come first, unless somebody reads further down.
function place(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  for (const tile of [...made.querySelectorAll(".tile")].reverse()) {
    const here = document.getElementById(tile.id);
    if (here) htmx.swap({ target: here, text: tile.outerHTML, swap: "outerMorph" });
    else if (scrollY < innerHeight && !("knownOnly" in cards.dataset)) {
      cards.prepend(document.importNode(tile, true));
      document.querySelector(".nothing")?.remove();
    }
  }
}

async function forever() {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    await follow().catch(() => {});
  }
}
forever();

// What is chosen stays so while its card changes.
const choosing = document.getElementById("choosing");
const chosen = new Set();

function countChosen() {
  choosing.querySelector("[data-count]").textContent = chosen.size || "";
  choosing.querySelector("[type=reset]").hidden = !chosen.size;
  choosing.toggleAttribute("data-any", chosen.size > 0);
}

function choose(box, on) {
  box.checked = on;
  chosen[on ? "add" : "delete"](box.value);
  countChosen();
}

if (choosing) {
  choosing.dataset.scripted = "";
  cards.addEventListener("change", (event) => {
    if (event.target.matches(".choose")) choose(event.target, event.target.checked);
  });
  choosing.addEventListener("reset", () => {
    chosen.clear();
    countChosen();
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const box of cards.querySelectorAll(".choose")) box.checked = chosen.has(box.value);
  });
}

// A pipeline whose place moved while somebody scrolled would come twice.
document.addEventListener("htmx:after:swap", () => {
  const seen = new Set();
  for (const tile of [...cards.querySelectorAll(".tile")]) {
    if (seen.has(tile.id)) tile.remove();
    seen.add(tile.id);
  }
});

for (const select of document.querySelectorAll("[data-submits]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Keyboard
function tiles() {
  return [...cards.querySelectorAll(".tile")];
}

function move(step) {
  const all = tiles();
  const at = all.indexOf(document.activeElement.closest?.(".tile"));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function press(button) {
  const tile = document.activeElement.closest?.(".tile");
  if (!tile || !tile.dataset.buttons.split("|").includes(button)) return;
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const values = { form_token: cards.dataset.formToken, key, button, from: "gallery" };
  htmx.ajax("POST", `/jobs/${tile.dataset.job}/press`, { values, target: `#${tile.id}`, swap: "outerMorph" });
}

const pressed = { r: "reroll" };
for (const n of "1234") pressed[n] = `U${n}`;

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input:not(.choose), select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const digit = /^Digit([1-4])$/.exec(event.code)?.[1];
  const here = document.activeElement.closest?.(".tile")?.querySelector(".choose");
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "Enter" && event.target.matches(".tile")) event.target.querySelector("a").click();
  else if (event.key === "/") document.querySelector("[data-search]").focus();
  else if (event.key === "x" && here) choose(here, !here.checked);
  else if (event.key === "c" && chosen.size) choosing.requestSubmit();
  else if (digit && event.shiftKey) press(`V${digit}`);
  else if (pressed[event.key]) press(pressed[event.key]);
  else return;
  event.preventDefault();
});
