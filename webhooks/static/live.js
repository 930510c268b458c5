// Parts of a page that follow what happens: each asks now and then, and changes only where it must.
const EVERY_MS = 3000;
const RESTING_MS = 10000;
const tags = new WeakMap();

async function look(part) {
  const headers = { "X-Live": "1" };
  if (tags.has(part)) headers["If-None-Match"] = tags.get(part);
  const answer = await fetch(part.dataset.live, { headers });
  if (answer.status === 401) location.reload();
  if (answer.status !== 200) return;
  await htmx.swap({ target: part, text: await answer.text(), swap: "outerMorph" });
  const now = document.getElementById(part.id);
  if (now) tags.set(now, answer.headers.get("ETag"));
}

// Nothing moves under somebody who writes, or has a text selected.
function isBusy(part) {
  const typing = document.activeElement?.matches("input:not([type=hidden]), textarea, select");
  return (typing && part.contains(document.activeElement)) || String(getSelection());
}

async function follow() {
  for (const part of document.querySelectorAll("[data-live]")) {
    const due = !("rests" in part.dataset) || Date.now() - (part.lookedAt ?? 0) > RESTING_MS;
    if (document.hidden || !due || isBusy(part)) continue;
    part.lookedAt = Date.now();
    await look(part).catch(() => {});
  }
  setTimeout(follow, EVERY_MS);
}
setTimeout(follow, EVERY_MS);
