// What the client is made of, apart from its calls.
import { errorOf, NotOver, retryAfter } from "./errors.js";
import type { Job, Pipeline } from "./schema.js";

/** A row of a batch: a job's fields, or the prompt alone. */
export type Row = string | Record<string, unknown>;

/** How often a call that is harmless to repeat is sent. */
const TRIES = 4;
/** A client does not sleep for longer than this (seconds); it throws the error, which says how long. */
const MOST_PATIENT_S = 30;
const OVER = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

/** Whether it has ended, and its files and seed are stored or given up. */
export function isOver(job: Job): boolean {
  const { assets_status: files, seed, seed_error: noSeed } = job.result;
  if (job.seed && job.status === "succeeded" && files === "stored") {
    return seed !== null || noSeed !== null;
  }
  return OVER.has(job.status) && files !== "pending";
}

export function idOf(job: Job | string): string {
  return typeof job === "string" ? job : job.id;
}

export function newKey(): string {
  return crypto.randomUUID();
}

/** The job and all that grew from it, parents before children. */
export function family(rootId: string, pipeline: Pipeline): Job[] {
  const found = new Set<string>([rootId]);
  return pipeline.jobs.filter((job) => {
    const belongs = job.id === rootId || found.has(job.parent_id ?? "");
    if (belongs) found.add(job.id);
    return belongs;
  });
}

export async function good(response: Response): Promise<Response> {
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** Seconds to wait before the call is sent again; null: not again. */
export function pauseBefore(attempt: number, response: Response | undefined): number | null {
  if (attempt >= TRIES) return null;
  if (response && ![429, 502, 503, 504].includes(response.status)) return null;
  const asked = response ? retryAfter(response) : null;
  if (asked === null) return 0.25 * 2 ** attempt * (0.5 + Math.random() / 2);
  return asked <= MOST_PATIENT_S ? asked : null;
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(new NotOver("The waiting was ended; the job continues.", { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** The rows as lines of NDJSON, one at a time, as the connection takes them. */
export function streamed(rows: Iterable<Row> | AsyncIterable<Row>): ReadableStream<Uint8Array> {
  const left = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await left.next();
      if (done) return controller.close();
      const fields = typeof value === "string" ? { prompt: value } : value;
      controller.enqueue(encoder.encode(`${JSON.stringify(fields)}\n`));
    },
  });
}

export async function* pieces<Piece>(stream: ReadableStream<Piece>): AsyncGenerator<Piece, void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
