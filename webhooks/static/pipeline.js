// The keys of a pipeline's page: j k choose among its jobs, the rest press buttons.
function keyOf(event) {
  const digit = /^Digit([1-4])$/.exec(event.code)?.[1];
  if (digit) return event.shiftKey ? `Shift+${digit}` : digit;
  return event.key;
}

function move(step) {
  const jobs = [...document.querySelectorAll(".lineage a")];
  const at = jobs.findIndex((job) => job.hasAttribute("aria-current"));
  jobs[at + step]?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = keyOf(event);
  const button = document.querySelector(`button[data-key="${CSS.escape(key)}"]`);
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (button) button.form.requestSubmit(button);
  else return;
  event.preventDefault();
});
