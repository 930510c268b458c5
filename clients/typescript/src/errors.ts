// Every error that the client throws.
import { ERROR_CODES, type ErrorCode } from "./codes.js";
import type { BadField, Job, Problem } from "./schema.js";

/** Something went wrong. */
export class HooklineError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * Hookline did not answer, or the connection broke; it is unknown what became of the call.
 * Calls that are harmless to repeat were repeated before this is thrown.
 */
export class Unreachable extends HooklineError {}

/** Hookline answered with an error. */
export class ApiError extends HooklineError {
  /** What is wrong, and what to do. */
  readonly detail: string;
  /** Every field that is wrong. */
  readonly errors: readonly BadField[];

  constructor(
    /** Of HTTP. */
    readonly status: number,
    problem: Problem,
    /** Seconds after which the same call can succeed, if known. */
    readonly retryAfter: number | null,
  ) {
    super(`${status}: ${problem.detail}`);
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
  }
}

/** 400: the request is wrong; `errors` names every bad field. */
export class BadRequest extends ApiError {}

/** 401: no token, or a wrong one. */
export class Unauthorized extends ApiError {}

/** 403: the token lacks the scope. */
export class Forbidden extends ApiError {}

/** 404: there is no such job, batch or file, or it is another tenant's. */
export class NotFound extends ApiError {}

/** 409: the job's status does not allow it, or the key was used for another request. */
export class Conflict extends ApiError {}

/** 422: the job has no such button; `detail` lists those that it has. */
export class ButtonNotFound extends ApiError {}

/** 429: the token's limit of requests or money is used up. */
export class TooManyRequests extends ApiError {}

/** 503: Hookline cannot reach its Redis, or is busy. */
export class Unavailable extends ApiError {}

/** The job that was waited for did not succeed. */
export class JobFailed extends HooklineError {
  /** A key of `ERROR_CODES`. */
  readonly code: string | null;
  /** What to do about it. */
  readonly hint: string | null;
  /** Whether `retry` may help. */
  readonly retryable: boolean;

  constructor(readonly job: Job) {
    super(`Job ${job.id} ${job.status}: ${job.error?.message ?? "no reason was given"}`);
    this.code = job.error?.code ?? null;
    this.hint = job.error?.hint ?? null;
    this.retryable = job.error?.retryable ?? false;
  }

  /** The row of the table of error codes; undefined for one that this version does not know. */
  get meaning(): ErrorCode | undefined {
    return this.code === null ? undefined : ERROR_CODES[this.code];
  }
}

/** The time is up; the job continues without you. */
export class NotOver extends HooklineError {}

/** The notification was not signed with this secret, or is too old. */
export class InvalidSignature extends HooklineError {}

const BY_STATUS: Readonly<Record<number, typeof ApiError>> = {
  400: BadRequest,
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: ButtonNotFound,
  429: TooManyRequests,
  503: Unavailable,
};

/** The error that an answer is. */
export async function errorOf(response: Response): Promise<ApiError> {
  const kind = BY_STATUS[response.status] ?? ApiError;
  return new kind(response.status, await problemOf(response), retryAfter(response));
}

async function problemOf(response: Response): Promise<Problem> {
  const title = response.statusText || "no reason";
  try {
    const found = (await response.json()) as Partial<Problem>;
    if (typeof found.detail === "string") return found as Problem;
  } catch {
    // a proxy's page
  }
  return { type: "", title, status: response.status, detail: title };
}

/** Seconds that the answer asks to wait, or null. */
export function retryAfter(response: Response): number | null {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}
