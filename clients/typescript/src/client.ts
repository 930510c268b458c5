import {
  family,
  good,
  idOf,
  isOver,
  newKey,
  pause,
  pauseBefore,
  pieces,
  streamed,
  type Row,
} from "./core.js";
import { JobFailed, Unreachable } from "./errors.js";
import type {
  Accounts,
  Batch,
  BatchNotify,
  Job,
  ModalAnswer,
  NewJob,
  Pipeline,
  Quote,
  Step,
  StoredFile,
  Taken,
} from "./schema.js";

export interface HooklineOptions {
  /** Its address; by default `HOOKLINE_URL`, or http://127.0.0.1:8000. */
  url?: string;
  /** An API token; by default `HOOKLINE_API_TOKEN`. */
  token?: string;
  /** Milliseconds for one call. */
  timeoutMs?: number;
  /** For tests, and for runtimes that have their own. */
  fetch?: typeof fetch;
}

export interface WaitOptions {
  /** Milliseconds between two looks. */
  everyMs?: number;
  /** Ends the waiting; the job continues. */
  signal?: AbortSignal;
}

export interface JobFilter {
  status?: string;
  kind?: string;
  account?: string;
  /** Its id. */
  batch?: string;
}

export interface BatchOptions {
  /** Fields of all rows. */
  defaults?: Record<string, unknown>;
  /** What all of its jobs may cost, in units. */
  budget?: number;
  /** Submit nothing if one row is bad. */
  strict?: boolean;
  notify?: BatchNotify;
}

interface Call {
  body?: unknown;
  key?: string;
  query?: Record<string, unknown>;
}

type Sent = RequestInit & { query?: Record<string, unknown> | undefined; duplex?: "half" };

/** What Node, Deno and Bun have, and browsers and workers need not. */
interface Runtime {
  process?: { env: Record<string, string | undefined> };
}

const LOOK_EVERY_MS = 1000;

/**
 * Talks to one Hookline.
 *
 * Submissions carry an idempotency key, so they and all reads are repeated after a broken connection
 * or a 503, and nothing is paid twice. Methods throw `ApiError` and `Unreachable`.
 */
export class Hookline {
  readonly #url: string;
  readonly #token: string;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: HooklineOptions = {}) {
    const env = (globalThis as Runtime).process?.env ?? {};
    const token = options.token ?? env["HOOKLINE_API_TOKEN"];
    if (!token) throw new TypeError("No API token: pass `token`, or set HOOKLINE_API_TOKEN.");
    this.#token = token;
    this.#url = (options.url ?? env["HOOKLINE_URL"] ?? "http://127.0.0.1:8000").replace(/\/+$/, "");
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#fetch = options.fetch ?? ((...all) => fetch(...all));
  }

  /**
   * Submit a job; it is recorded when this returns. The same `key` and request give the same job,
   * also from another process.
   */
  async submit(request: NewJob, { key }: { key?: string } = {}): Promise<Job> {
    return this.#call("POST", "/v1/jobs", { body: request, key: key ?? newKey() });
  }

  /** What `submit` would start and cost; nothing is stored. */
  async quote(request: NewJob): Promise<Quote> {
    const query = { dry_run: true };
    return this.#call("POST", "/v1/jobs", { body: request, query, key: newKey() });
  }

  /** The job as it is now, with what it waits for. */
  async get(job: Job | string): Promise<Job> {
    return this.#call("GET", `/v1/jobs/${idOf(job)}`);
  }

  /** All jobs that fit, newest first; pages are fetched as they are needed. */
  async *jobs(filter: JobFilter = {}): AsyncGenerator<Job, void> {
    let cursor: string | null = null;
    do {
      const query: Record<string, unknown> = { ...filter, limit: 200, cursor };
      const page: { items: Job[]; next_cursor: string | null } = await this.#call(
        "GET", "/v1/jobs", { query },
      );
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  /** The whole pipeline that the job belongs to. */
  async pipeline(job: Job | string): Promise<Pipeline> {
    const found = typeof job === "string" ? await this.get(job) : job;
    return this.#call("GET", `/v1/pipelines/${found.pipeline_id}`);
  }

  /**
   * Yield the job and all that grew from it, whenever something has changed. It ends when all of
   * them are over and their files are stored or given up.
   */
  async *follow(job: Job | string, options: WaitOptions = {}): AsyncGenerator<Job[], void> {
    const found = typeof job === "string" ? await this.get(job) : job;
    let shown = "";
    for (;;) {
      const members = family(found.id, await this.pipeline(found));
      const text = JSON.stringify(members);
      if (text !== shown) yield members;
      if (members.every(isOver)) return;
      shown = text;
      await pause(options.everyMs ?? LOOK_EVERY_MS, options.signal);
    }
  }

  /**
   * The job, once it and all that grew from it are over and their files are stored. Throws
   * `JobFailed` if the job itself did not succeed, and `NotOver` when the signal ends the waiting.
   */
  async wait(job: Job | string, options: WaitOptions = {}): Promise<Job> {
    let last: Job | undefined;
    for await (const members of this.follow(job, options)) last = members[0];
    if (last?.status !== "succeeded") throw new JobFailed(last as Job);
    return last;
  }

  /**
   * Press a button of a succeeded job, by name, label or emoji; the jobs that this starts. It is one
   * job, except for a pattern such as `U*`.
   */
  async press(
    job: Job | string,
    button: string,
    { key, ...more }: { modal?: ModalAnswer; then?: Step[]; key?: string } = {},
  ): Promise<Job[]> {
    const answer: Job | { items: Job[] } = await this.#call("POST", `/v1/jobs/${idOf(job)}/press`, {
      body: { button, ...more },
      key: key ?? newKey(),
    });
    return "items" in answer ? answer.items : [answer];
  }

  /** Cancel the job and what waits for it. Throws `Conflict` if it is over. */
  async cancel(job: Job | string): Promise<Job> {
    return this.#call("POST", `/v1/jobs/${idOf(job)}/cancel`);
  }

  /** Try a job again that failed, was cancelled or timed out; it is paid again. */
  async retry(job: Job | string): Promise<Job> {
    return this.#call("POST", `/v1/jobs/${idOf(job)}/retry`);
  }

  /**
   * Submit many jobs as one stream. Rows that the batch has already are not submitted again: after
   * an error submit all of them again under the same name.
   */
  async submitBatch(
    name: string,
    rows: Iterable<Row> | AsyncIterable<Row>,
    options: BatchOptions = {},
  ): Promise<Taken> {
    const response = await this.#send("POST", "/v1/batches", {
      query: { name, ...options },
      headers: { "Content-Type": "application/x-ndjson" },
      body: streamed(rows),
      duplex: "half",
    });
    return (await good(response)).json() as Promise<Taken>;
  }

  /** A batch by its id or name: its rows, jobs, errors and cost. */
  async batch(batch: string): Promise<Batch> {
    return this.#call("GET", `/v1/batches/${encodeURIComponent(batch)}`);
  }

  /**
   * The batch, once all of its jobs are over. Throws `NotOver` when the signal ends the waiting. The
   * last files may still be on their way to the storage; `wait` for a job waits for them.
   */
  async waitForBatch(batch: string, options: WaitOptions = {}): Promise<Batch> {
    for (;;) {
      const found = await this.batch(batch);
      if (found.status === "finished") return found;
      await pause(options.everyMs ?? LOOK_EVERY_MS, options.signal);
    }
  }

  /** A line per job of the batch: row, files, prompt, cost, error. */
  async *manifest(batch: string): AsyncGenerator<Record<string, unknown>, void> {
    const path = `/v1/batches/${encodeURIComponent(batch)}/manifest`;
    const response = await good(await this.#send("GET", path));
    let text = "";
    for await (const piece of pieces(response.body!.pipeThrough(new TextDecoderStream()))) {
      const lines = (text + piece).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line);
    }
  }

  /** A stored file; `number` is its place in `result.files`. Read its `body`, or `blob()`. */
  async readFile(job: Job | string, number: number): Promise<Response> {
    return good(await this.#send("GET", `/v1/jobs/${idOf(job)}/files/${number}`));
  }

  /** The stored images and videos of a finished job, without its thumbnails. */
  async *files(job: Job | string): AsyncGenerator<[StoredFile, Response], void> {
    const found = await this.get(job);
    for (const [number, file] of found.result.files.entries()) {
      if (file.of !== "thumbnail") yield [file, await this.readFile(found, number)];
    }
  }

  /** Each account's slots, jobs and money. */
  async accounts(): Promise<Accounts> {
    return this.#call("GET", "/v1/accounts");
  }

  /** The JSON of the answer. Reads, and what carries a key, are repeated. */
  async #call<Answer>(method: string, path: string, call: Call = {}): Promise<Answer> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (call.key !== undefined) headers["Idempotency-Key"] = call.key;
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    const harmless = method === "GET" || call.key !== undefined;
    for (let attempt = 1; ; attempt += 1) {
      let response: Response | undefined;
      let trouble: unknown;
      try {
        const signal = AbortSignal.timeout(this.#timeoutMs);
        response = await this.#send(method, path, { headers, body, signal, query: call.query });
      } catch (error) {
        trouble = error;
      }
      const seconds = harmless ? pauseBefore(attempt, response) : null;
      if (seconds !== null) {
        await response?.body?.cancel();
        await pause(seconds * 1000);
      } else if (response) {
        return (await good(response)).json() as Promise<Answer>;
      } else {
        throw trouble;
      }
    }
  }

  async #send(
    method: string,
    path: string,
    { query = {}, headers, ...more }: Sent = {},
  ): Promise<Response> {
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue;
      url.searchParams.set(name, typeof value === "string" ? value : JSON.stringify(value));
    }
    const all = { ...(headers as Record<string, string>), Authorization: `Bearer ${this.#token}` };
    try {
      return await this.#fetch(url, { method, headers: all, ...more });
    } catch (error) {
      throw new Unreachable(`${this.#url} does not answer: ${String(error)}`, { cause: error });
    }
  }
}
