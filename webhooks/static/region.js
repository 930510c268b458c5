// A mask, drawn on a picture in its own pixels: strokes are kept, so that each can be taken back.
const form = document.getElementById("region");
const canvas = form.querySelector("canvas");
const context = canvas.getContext("2d");
const size = form.querySelector("[data-size]");
const strokes = [];
let tool = "brush";
let present = null;

form.querySelector(".tools").hidden = false;

function draw() {
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const stroke of present ? [...strokes, present] : strokes) drawOne(stroke);
}

function drawOne({ kind, points, width }) {
  context.globalCompositeOperation = kind === "invert" ? "xor" : "source-over";
  context.fillStyle = context.strokeStyle = "#7c4dff";
  if (kind === "invert") return context.fillRect(0, 0, canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of points) context.lineTo(...point);
  if (kind === "brush") return context.stroke();
  context.closePath();
  context.fill();
}

function at(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  const width = (Math.max(canvas.width, canvas.height) * size.value) / 400;
  present = { kind: tool, points: [at(event)], width };
  draw();
});

canvas.addEventListener("pointermove", (event) => {
  if (!present) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) present.points.push(at(each));
  draw();
});

for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    if (present) strokes.push(present);
    present = null;
    draw();
  });
}

const done = {
  invert: () => strokes.push({ kind: "invert" }),
  undo: () => strokes.pop(),
};

function act(name) {
  done[name]();
  draw();
}

function take(name) {
  tool = name;
  for (const button of form.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === name);
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.tool) take(button.dataset.tool);
  if (button?.dataset.do) act(button.dataset.do);
});

document.addEventListener("keydown", (event) => {
  if (event.target.matches("textarea, input:not([type=range])")) return;
  if (event.key === "z") act("undo");
  else if (event.key === "i") act("invert");
  else if (event.key === "b") take("brush");
  else if (event.key === "l") take("lasso");
  else if (event.key === "[" || event.key === "]") size.value = Number(size.value) + (event.key === "]" ? 8 : -8);
});

// Black and white only, in exactly the picture's size.
function mask() {
  const made = document.createElement("canvas");
  made.width = canvas.width;
  made.height = canvas.height;
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    pixels.data.fill(pixels.data[i + 3] > 127 ? 255 : 0, i, i + 3);
    pixels.data[i + 3] = 255;
  }
  made.getContext("2d").putImageData(pixels, 0, 0);
  return made.toDataURL("image/png");
}

form.addEventListener("submit", () => {
  if (strokes.length && !form.elements.mask_file.files.length) form.elements.mask.value = mask();
});
