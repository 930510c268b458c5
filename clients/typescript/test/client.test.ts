// Against a real `hookline up`: HOOKLINE_URL, HOOKLINE_API_TOKEN and HOOKLINE_NOTIFY_SECRET.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";

import {
  BadRequest,
  ButtonNotFound,
  Hookline,
  JobFailed,
  NotOver,
  verify,
  type NewJob,
  type Notification,
  type Row,
} from "../src/index.js";

const hookline = new Hookline();
const everyMs = 200;
const imagine: NewJob = { kind: "imagine", prompt: "a snow owl", then: [{ press: "U1" }] };

test("a pipeline and its files", async () => {
  assert.equal((await hookline.quote(imagine)).jobs, 2);
  const job = await hookline.submit(imagine, { key: "typescript-1" });
  assert.equal((await hookline.submit(imagine, { key: "typescript-1" })).id, job.id);
  let last: string[] = [];
  for await (const members of hookline.follow(job, { everyMs })) last = members.map((each) => each.status);
  assert.deepEqual(last, ["succeeded", "succeeded"]);
  const done = await hookline.wait(job.id, { everyMs });
  const [child] = await hookline.press(done, "U2");
  await hookline.wait(child!, { everyMs });
  assert.equal((await hookline.pipeline(done)).jobs.length, 3);
  for await (const [file, response] of hookline.files(child!)) {
    assert.equal(file.type, "image/png");
    assert.equal((await response.arrayBuffer()).byteLength, file.bytes);
  }
  const ids = new Set<string>();
  for await (const each of hookline.jobs({ status: "succeeded" })) ids.add(each.id);
  assert.ok(ids.has(job.id));
});

test("what is refused", async () => {
  await assert.rejects(
    hookline.submit({ kind: "imagine", prompt: "" }),
    (error) => error instanceof BadRequest && error.errors[0]?.field === "prompt",
  );
  const job = await hookline.submit({ kind: "imagine", prompt: "a blue fox" });
  await assert.rejects(hookline.wait(job, { signal: AbortSignal.abort() }), NotOver);
  await hookline.wait(job, { everyMs });
  await assert.rejects(hookline.press(job, "U9"), ButtonNotFound);
  const bad = await hookline.submit({ kind: "imagine", prompt: "a forbidden fox" });
  await assert.rejects(
    hookline.wait(bad, { everyMs }),
    (error) => error instanceof JobFailed && error.meaning !== undefined,
  );
});

test("a batch as a stream", async () => {
  async function* rows(): AsyncGenerator<Row> {
    for (const subject of ["a barn", "a mill"]) yield { prompt: `${subject} at dawn` };
    yield "a gate at dawn";
  }
  const taken = await hookline.submitBatch("dawn", rows(), { defaults: { priority: 7 } });
  assert.deepEqual([taken.new, taken.bad], [3, 0]);
  assert.equal((await hookline.submitBatch("dawn", ["a gate at dawn"])).known, 1);
  assert.equal((await hookline.waitForBatch("dawn", { everyMs })).counts["succeeded"], 3);
  const lines = [];
  for await (const line of hookline.manifest("dawn")) lines.push(line["status"]);
  assert.deepEqual(lines, ["succeeded", "succeeded", "succeeded"]);
});

test("a notification", async () => {
  let told: (event: Promise<Notification>) => void;
  const event = new Promise<Notification>((resolve) => (told = resolve));
  const receiver = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    told(verify(Buffer.concat(pieces), request.headers, process.env["HOOKLINE_NOTIFY_SECRET"]!));
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  try {
    await once(receiver, "listening");
    const { port } = receiver.address() as AddressInfo;
    const notify = { url: `http://127.0.0.1:${port}/hook` };
    const job = await hookline.submit({ kind: "imagine", prompt: "a kite", notify });
    const { type, data } = await event;
    assert.equal(type, "pipeline.finished");
    assert.equal((data as { id: string }).id, job.id);
  } finally {
    receiver.close();
  }
});
