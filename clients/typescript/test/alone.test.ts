// Without a server: what is repeated, thrown and verified.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";

import {
  Conflict,
  ERROR_CODES,
  Hookline,
  InvalidSignature,
  TooManyRequests,
  Unavailable,
  Unreachable,
  verify,
} from "../src/index.js";

function answering(...answers: (Response | Error)[]): { hookline: Hookline; asked: Request[] } {
  const asked: Request[] = [];
  const fetched = async (...all: Parameters<typeof fetch>): Promise<Response> => {
    asked.push(new Request(...all));
    const found = answers[Math.min(asked.length, answers.length) - 1]!;
    if (found instanceof Error) throw found;
    return new Response(await found.clone().text(), found);
  };
  return { hookline: new Hookline({ url: "http://x.example/", token: "t", fetch: fetched }), asked };
}

function problem(status: number, after = ""): Response {
  const headers = { "Retry-After": after };
  return Response.json({ type: "", title: "No", status, detail: "Wrong." }, { status, headers });
}

test("a submission is repeated under one key", async () => {
  const { hookline, asked } = answering(new TypeError("refused"), problem(503, "0"), Response.json({ id: "1" }));
  const job = await hookline.submit({ kind: "imagine", prompt: "a cat" });
  assert.equal(job.id, "1");
  assert.equal(new Set(asked.map((each) => each.headers.get("Idempotency-Key"))).size, 1);
  assert.equal(asked[0]!.headers.get("Authorization"), "Bearer t");
});

test("what may not be harmless is sent once", async () => {
  const { hookline, asked } = answering(problem(503));
  await assert.rejects(hookline.retry("1"), Unavailable);
  assert.equal(asked.length, 1);
  await assert.rejects(answering(new TypeError("refused")).hookline.cancel("1"), Unreachable);
});

test("errors are classes", async () => {
  await assert.rejects(answering(problem(409)).hookline.cancel("1"), Conflict);
  await assert.rejects(
    answering(problem(429, "40000")).hookline.get("1"),
    (error) => error instanceof TooManyRequests && error.retryAfter === 40000,
  );
  await assert.rejects(answering(new Response("<html>", { status: 418 })).hookline.get("1"), /418/);
  assert.equal(ERROR_CODES["moderated"]?.family, "moderation");
});

const SECRET = `whsec_${"c2VjcmV0".repeat(4)}`;
const OTHER = `whsec_${"b3RoZXIx".repeat(4)}`;

function signed(body: string, secret: string, at = 0): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000) + at);
  const key = Buffer.from(secret.slice(6), "base64");
  const signature = createHmac("sha256", key).update(`msg_1.${timestamp}.${body}`).digest("base64");
  return {
    "Webhook-Id": "msg_1",
    "Webhook-Timestamp": timestamp,
    "Webhook-Signature": `v1a,abc v1,b3RoZXI= v1,${signature}`,
  };
}

test("a notification is verified", async () => {
  const body = '{"type": "job.failed"}';
  assert.equal((await verify(body, signed(body, SECRET), [OTHER, SECRET])).type, "job.failed");
  assert.ok(await verify(Buffer.from(body), new Headers(signed(body, SECRET)), SECRET));
});

test("what is not signed, or old, is refused", async () => {
  const wrong: [string, Record<string, string>][] = [
    ["{ }", signed("{}", SECRET)],
    ["{}", signed("{}", OTHER)],
    ["{}", signed("{}", SECRET, -301)],
    ["{}", signed("{}", SECRET, 310)],
    ["{}", { ...signed("{}", SECRET), "Webhook-Id": "msg_2" }],
    ["{}", { ...signed("{}", SECRET), "Webhook-Timestamp": "now" }],
    ["{}", { ...signed("{}", SECRET), "Webhook-Signature": "v1,é garbage" }],
    ["{}", {}],
  ];
  for (const [body, headers] of wrong) {
    await assert.rejects(verify(body, headers, SECRET), InvalidSignature);
  }
  await assert.rejects(verify("{}", signed("{}", SECRET), "hunter2!"), /whsec_/);
});
