/**
 * A client for Hookline: submit image jobs, follow them, fetch their files, verify notifications.
 * It needs `fetch` and Web Crypto only: Node 18, Deno, Bun, browsers' workers and edge runtimes.
 */
export { Hookline } from "./client.js";
export type { BatchOptions, HooklineOptions, JobFilter, WaitOptions } from "./client.js";
export { isOver, type Row } from "./core.js";
export { ERROR_CODES } from "./codes.js";
export type { ErrorCode } from "./codes.js";
export * from "./errors.js";
export { verify } from "./notifications.js";
export type {
  Accounts,
  Batch,
  BatchNotify,
  Job,
  ModalAnswer,
  NewJob,
  Notification,
  Notify,
  Pipeline,
  Quote,
  Result,
  Step,
  StoredFile,
  Taken,
} from "./schema.js";
