import { BadRequest, Hookline } from "hookline-client";

import { pictures } from "../../pictures.js";

const hookline = new Hookline(); // HOOKLINE_URL, HOOKLINE_API_TOKEN

/** Order a picture: {order, prompt}. The same order again changes nothing. */
export async function POST(request: Request): Promise<Response> {
  const { order, prompt } = (await request.json()) as { order: string; prompt: string };
  try {
    const job = await hookline.submit(
      {
        kind: "imagine",
        prompt,
        then: [{ press: "U1" }],
        notify: { url: `${process.env["APP_URL"]}/api/hookline` },
      },
      { key: `order-${order}` },
    );
    if (!pictures.has(job.id)) pictures.set(job.id, { status: "ordered", files: 0 });
    return Response.json({ id: job.id }, { status: 202 });
  } catch (error) {
    if (error instanceof BadRequest) return Response.json({ errors: error.errors }, { status: 400 });
    throw error;
  }
}

/** What became of it: ?id= */
export function GET(request: Request): Response {
  const found = pictures.get(new URL(request.url).searchParams.get("id") ?? "");
  return found ? Response.json(found) : Response.json({ error: "no such picture" }, { status: 404 });
}
