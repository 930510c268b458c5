// Why a job, or the storing of its files, failed. Made by `make clients`; do not edit.

/** A row of the table of error codes. */
export interface ErrorCode {
  readonly family: string;
  /** What Hookline does about it. */
  readonly byItself: string;
  /** What you can do about it, unless that depends on the job. */
  readonly hint: string | null;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}

/** By code; a newer Hookline may have more. */
export const ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  moderated: {"family": "moderation", "byItself": "the job fails; its prompt is never submitted again, to any account", "hint": "Change the prompt or the picture; the same one is refused again.", "retryable": false},
  bad_parameter: {"family": "bad parameter", "byItself": "the job fails", "hint": "Check the prompt's options and the pictures against the message.", "retryable": false},
  unknown_action: {"family": "bad parameter", "byItself": "the job fails", "hint": "This provider does not forward that button; press another one.", "retryable": false},
  queue_full: {"family": "busy", "byItself": "nothing was charged: submitted again with backoff, under the same attempt; fails if the task had been accepted", "hint": "Nothing was accepted; the job waits and is submitted again automatically.", "retryable": true},
  rate_limited: {"family": "busy", "byItself": "nothing was charged: submitted again with backoff, under the same attempt", "hint": "Nothing was accepted; the job waits and is submitted again automatically.", "retryable": true},
  limit_reached: {"family": "busy", "byItself": "nothing was charged: submitted again with backoff, under the same attempt", "hint": "Nothing was accepted; the job waits and is submitted again automatically. A lower max_running of the account avoids this.", "retryable": true},
  unavailable: {"family": "busy", "byItself": "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests", "hint": "Nothing was accepted; the job waits and is submitted again automatically.", "retryable": true},
  unreachable: {"family": "busy", "byItself": "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests", "hint": "Nothing was sent; the job is submitted again automatically. Check the account's url and the network if this lasts.", "retryable": true},
  parent_not_ready: {"family": "busy", "byItself": "submitted again when the provider probably knows of the parent's end, for a minute; then the job fails", "hint": "A gateway may lag behind its own callback; retry in a minute.", "retryable": true},
  no_account: {"family": "no account", "byItself": "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests; fails if the task had been accepted", "hint": "Nothing was accepted; the job waits and is submitted again automatically.", "retryable": true},
  no_channel: {"family": "no account", "byItself": "nothing was charged: submitted again with backoff, under the same attempt, soon minutes apart; if all jobs fail so, the account rests", "hint": "The gateway has no channel for this now. The job is submitted again by itself; `hookline resume ACCOUNT` does so at once. Ask the provider if this lasts.", "retryable": true},
  quota: {"family": "quota", "byItself": "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one", "hint": "Top up the account: it is tried again by itself, and `hookline resume ACCOUNT` tries it at once. A job that has failed needs `hookline retry`.", "retryable": false},
  unauthorized: {"family": "auth", "byItself": "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one", "hint": "Check the account's key and auth (HOOKLINE_PROVIDER_AUTH, or `auth` in the accounts' file), and its quota: gateways call a key invalid whose quota is used up. If they are right, the provider's own key for its upstream may be wrong: ask the provider.", "retryable": false},
  forbidden: {"family": "auth", "byItself": "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one", "hint": "The key may lack the right to Midjourney, its quota may be used up, or this machine's address is blocked: ask the provider.", "retryable": false},
  no_endpoint: {"family": "auth", "byItself": "the job fails; of an imagine, which every provider has: the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one", "hint": "This provider lacks the call, or the account's url is wrong: it is the address before `/mj` (HOOKLINE_PROVIDER_URL, or `url` in the accounts' file).", "retryable": false},
  timeout: {"family": "timeout", "byItself": "the provider gave up: watched for a late success for half an hour, then timed out", "hint": "It may have been paid. `hookline retry` pays again.", "retryable": true},
  deadline: {"family": "timeout", "byItself": "our own deadline: watched for a late success for half an hour, then timed out", "hint": "It may have been paid. `hookline retry` pays again; a longer `deadline_s` waits longer.", "retryable": false},
  window_deadline: {"family": "timeout", "byItself": "timed out: the window was not answered", "hint": "Give the step a `modal`, or answer sooner with `hookline modal`.", "retryable": false},
  lost: {"family": "lost", "byItself": "polled until the provider has not known the task for five minutes (six seconds if it stores tasks before it answers: novicezk, trueai), then fails", "hint": "It may have restarted without keeping its tasks; `hookline retry` submits the job again.", "retryable": true},
  not_found: {"family": "lost", "byItself": "the parent's task is unknown: the job fails; at a gateway, which may only be late, after a minute", "hint": "The provider forgot the parent task (it may have restarted), or the task belongs to another account: run the parent again.", "retryable": false},
  failed: {"family": "provider bug", "byItself": "the job fails, with the provider's message", "hint": "`hookline retry` submits it again; see the message first.", "retryable": true},
  provider_error: {"family": "provider bug", "byItself": "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests", "hint": "Nothing was accepted; the job waits and is submitted again automatically.", "retryable": true},
  cancelled: {"family": "cancelled", "byItself": "the job is cancelled", "hint": "`hookline retry` submits it again.", "retryable": false},
  in_doubt: {"family": "doubt", "byItself": "waits for evidence whether it was accepted", "hint": "The job may have been accepted and paid, so it is not sent again blindly; a callback settles it, or `hookline resolve`.", "retryable": false},
  bad_picture: {"family": "not sent", "byItself": "a URL that does not answer is tried 15 times in ten minutes, then the job fails", "hint": null, "retryable": false},
  bad_mask: {"family": "not sent", "byItself": "the job fails", "hint": null, "retryable": false},
  not_prepared: {"family": "not sent", "byItself": "prepared again until the deadline if storage or provider are away; else the job fails", "hint": null, "retryable": false},
  button_not_found: {"family": "not sent", "byItself": "the job fails", "hint": null, "retryable": false},
  template_unresolved: {"family": "not sent", "byItself": "the job fails", "hint": "The parent's result does not have what the template asks for.", "retryable": false},
  no_picture: {"family": "not sent", "byItself": "the job fails", "hint": "Only a job that ends with a picture can be followed by a describe.", "retryable": false},
  sibling_failed: {"family": "not sent", "byItself": "the job fails", "hint": "`hookline retry` the one that is not there; when it has succeeded, retry this job.", "retryable": false},
  choose_failed: {"family": "not sent", "byItself": "the job fails", "hint": "`hookline retry` calls the function again; the worker's log has its traceback.", "retryable": false},
  link_dead: {"family": "files", "byItself": "tried 2 seconds to 5 minutes apart, for an hour after the job's end, each time with the provider's newest links", "hint": null, "retryable": false},
  not_reached: {"family": "files", "byItself": "tried 2 seconds to 5 minutes apart, for an hour after the job's end; for a day where our own storage cannot be written to", "hint": "Look at the way to that host (`image_url` of the result), then `hookline fetch`.", "retryable": false},
  not_taken: {"family": "files", "byItself": "the files are given up", "hint": "It is over a limit, or on a host that HOOKLINE_ALLOWED_HOSTS would have to name. Once that is changed, `hookline fetch` stores it.", "retryable": false},
};
