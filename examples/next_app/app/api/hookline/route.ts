import { InvalidSignature, verify } from "hookline-client";

import { pictures, seen } from "../../pictures.js";

/** A notification: verified by its raw body, counted once. */
export async function POST(request: Request): Promise<Response> {
  let event;
  try {
    const secret = process.env["HOOKLINE_NOTIFY_SECRET"]!;
    event = await verify(await request.text(), request.headers, secret);
  } catch (error) {
    if (error instanceof InvalidSignature) return new Response(null, { status: 400 });
    throw error;
  }
  const id = request.headers.get("webhook-id")!;
  if (event.type === "pipeline.finished" && !seen.has(id)) {
    const files = (event.data.jobs ?? []).flatMap((job) => job.result.assets).length;
    pictures.set(event.data.id, { status: event.data.status, files });
  }
  seen.add(id);
  return new Response(null, { status: 204 });
}
