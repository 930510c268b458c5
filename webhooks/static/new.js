// The form of a new job: its preview follows what is typed, pictures may be dropped.
const form = document.getElementById("new");
const preview = document.getElementById("preview");
const files = form.elements.pictures;
const chosen = document.getElementById("chosen");
let pending = 0;

async function show() {
  const data = new FormData(form);
  data.delete("pictures");
  const open = preview.querySelector("details[open] code")?.id;
  const answer = await fetch("/new/preview", { method: "POST", body: new URLSearchParams(data), headers: { "HX-Request": "true" } });
  if (answer.status === 401) return location.reload();
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  preview.replaceChildren(...made.body.childNodes);
  if (open) document.getElementById(open)?.closest("details").setAttribute("open", "");
  // Switching to JSON starts from what the form says.
  const json = document.getElementById("as-json")?.textContent;
  if (json && form.elements.as.value === "form" && !Number(form.elements.chosen.value)) form.elements.json.value = json;
}

function soon() {
  clearTimeout(pending);
  pending = setTimeout(() => show().catch(() => {}), 350);
}

function suit() {
  const kind = form.elements.kind.value;
  form.querySelector(".prompted").hidden = ["blend", "describe"].includes(kind);
  form.querySelector(".pictured").hidden = kind === "shorten";
}

function showPictures() {
  for (const old of chosen.querySelectorAll("img")) URL.revokeObjectURL(old.src);
  chosen.replaceChildren(...[...files.files].map((file) => {
    const item = document.createElement("li");
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    image.alt = file.name;
    item.append(image);
    return item;
  }));
  form.elements.chosen.value = files.files.length;
}

const drop = form.querySelector(".drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    files.files = event.dataTransfer.files;
    files.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

const chips = form.querySelector("[data-chips]");
const then = form.elements.then;
const steps = () => then.value.split(",").map((each) => each.trim()).filter(Boolean);

function lightUp() {
  const chosenSteps = steps();
  for (const chip of chips.children) chip.setAttribute("aria-pressed", chosenSteps.includes(chip.value));
}

chips.hidden = false;
chips.addEventListener("click", (event) => {
  const name = event.target.value;
  if (!name || then.value.trim().startsWith("[")) return;
  const now = steps();
  then.value = (now.includes(name) ? now.filter((each) => each !== name) : [...now, name]).join(",");
  lightUp();
  soon();
});

form.addEventListener("input", () => { lightUp(); soon(); });
form.addEventListener("change", (event) => {
  if (event.target === files) showPictures();
  suit();
  soon();
});
suit();
lightUp();
