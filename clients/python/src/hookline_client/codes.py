"""Why a job, or the storing of its files, failed. Made by `make clients`; do not edit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of the table of error codes."""

    code: str
    family: str
    by_itself: str  #: what Hookline does about it
    hint: str | None  #: what you can do about it, unless that depends on the job
    retryable: bool  #: whether the same request may succeed later


ERROR_CODES = {
    "moderated": ErrorCode(
        "moderated",
        "moderation",
        "the job fails; its prompt is never submitted again, to any account",
        "Change the prompt or the picture; the same one is refused again.",
        retryable=False,
    ),
    "bad_parameter": ErrorCode(
        "bad_parameter",
        "bad parameter",
        "the job fails",
        "Check the prompt's options and the pictures against the message.",
        retryable=False,
    ),
    "unknown_action": ErrorCode(
        "unknown_action",
        "bad parameter",
        "the job fails",
        "This provider does not forward that button; press another one.",
        retryable=False,
    ),
    "queue_full": ErrorCode(
        "queue_full",
        "busy",
        "nothing was charged: submitted again with backoff, under the same attempt; fails if the task had been accepted",
        "Nothing was accepted; the job waits and is submitted again automatically.",
        retryable=True,
    ),
    "rate_limited": ErrorCode(
        "rate_limited",
        "busy",
        "nothing was charged: submitted again with backoff, under the same attempt",
        "Nothing was accepted; the job waits and is submitted again automatically.",
        retryable=True,
    ),
    "limit_reached": ErrorCode(
        "limit_reached",
        "busy",
        "nothing was charged: submitted again with backoff, under the same attempt",
        "Nothing was accepted; the job waits and is submitted again automatically. A lower max_running of the account avoids this.",
        retryable=True,
    ),
    "unavailable": ErrorCode(
        "unavailable",
        "busy",
        "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests",
        "Nothing was accepted; the job waits and is submitted again automatically.",
        retryable=True,
    ),
    "unreachable": ErrorCode(
        "unreachable",
        "busy",
        "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests",
        "Nothing was sent; the job is submitted again automatically. Check the account's url and the network if this lasts.",
        retryable=True,
    ),
    "parent_not_ready": ErrorCode(
        "parent_not_ready",
        "busy",
        "submitted again when the provider probably knows of the parent's end, for a minute; then the job fails",
        "A gateway may lag behind its own callback; retry in a minute.",
        retryable=True,
    ),
    "no_account": ErrorCode(
        "no_account",
        "no account",
        "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests; fails if the task had been accepted",
        "Nothing was accepted; the job waits and is submitted again automatically.",
        retryable=True,
    ),
    "no_channel": ErrorCode(
        "no_channel",
        "no account",
        "nothing was charged: submitted again with backoff, under the same attempt, soon minutes apart; if all jobs fail so, the account rests",
        "The gateway has no channel for this now. The job is submitted again by itself; `hookline resume ACCOUNT` does so at once. Ask the provider if this lasts.",
        retryable=True,
    ),
    "quota": ErrorCode(
        "quota",
        "quota",
        "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one",
        "Top up the account: it is tried again by itself, and `hookline resume ACCOUNT` tries it at once. A job that has failed needs `hookline retry`.",
        retryable=False,
    ),
    "unauthorized": ErrorCode(
        "unauthorized",
        "auth",
        "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one",
        "Check the account's key and auth (HOOKLINE_PROVIDER_AUTH, or `auth` in the accounts' file), and its quota: gateways call a key invalid whose quota is used up. If they are right, the provider's own key for its upstream may be wrong: ask the provider.",
        retryable=False,
    ),
    "forbidden": ErrorCode(
        "forbidden",
        "auth",
        "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one",
        "The key may lack the right to Midjourney, its quota may be used up, or this machine's address is blocked: ask the provider.",
        retryable=False,
    ),
    "no_endpoint": ErrorCode(
        "no_endpoint",
        "auth",
        "the job fails; of an imagine, which every provider has: the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root that any account may take moves on; any other job waits until its deadline, but fails if the account never accepted one",
        "This provider lacks the call, or the account's url is wrong: it is the address before `/mj` (HOOKLINE_PROVIDER_URL, or `url` in the accounts' file).",
        retryable=False,
    ),
    "timeout": ErrorCode(
        "timeout",
        "timeout",
        "the provider gave up: watched for a late success for half an hour, then timed out",
        "It may have been paid. `hookline retry` pays again.",
        retryable=True,
    ),
    "deadline": ErrorCode(
        "deadline",
        "timeout",
        "our own deadline: watched for a late success for half an hour, then timed out",
        "It may have been paid. `hookline retry` pays again; a longer `deadline_s` waits longer.",
        retryable=False,
    ),
    "window_deadline": ErrorCode(
        "window_deadline",
        "timeout",
        "timed out: the window was not answered",
        "Give the step a `modal`, or answer sooner with `hookline modal`.",
        retryable=False,
    ),
    "lost": ErrorCode(
        "lost",
        "lost",
        "polled until the provider has not known the task for five minutes (six seconds if it stores tasks before it answers: novicezk, trueai), then fails",
        "It may have restarted without keeping its tasks; `hookline retry` submits the job again.",
        retryable=True,
    ),
    "not_found": ErrorCode(
        "not_found",
        "lost",
        "the parent's task is unknown: the job fails; at a gateway, which may only be late, after a minute",
        "The provider forgot the parent task (it may have restarted), or the task belongs to another account: run the parent again.",
        retryable=False,
    ),
    "failed": ErrorCode(
        "failed",
        "provider bug",
        "the job fails, with the provider's message",
        "`hookline retry` submits it again; see the message first.",
        retryable=True,
    ),
    "provider_error": ErrorCode(
        "provider_error",
        "provider bug",
        "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the account rests",
        "Nothing was accepted; the job waits and is submitted again automatically.",
        retryable=True,
    ),
    "cancelled": ErrorCode(
        "cancelled",
        "cancelled",
        "the job is cancelled",
        "`hookline retry` submits it again.",
        retryable=False,
    ),
    "in_doubt": ErrorCode(
        "in_doubt",
        "doubt",
        "waits for evidence whether it was accepted",
        "The job may have been accepted and paid, so it is not sent again blindly; a callback settles it, or `hookline resolve`.",
        retryable=False,
    ),
    "bad_picture": ErrorCode(
        "bad_picture",
        "not sent",
        "a URL that does not answer is tried 15 times in ten minutes, then the job fails",
        None,
        retryable=False,
    ),
    "bad_mask": ErrorCode("bad_mask", "not sent", "the job fails", None, retryable=False),
    "not_prepared": ErrorCode(
        "not_prepared",
        "not sent",
        "prepared again until the deadline if storage or provider are away; else the job fails",
        None,
        retryable=False,
    ),
    "button_not_found": ErrorCode(
        "button_not_found", "not sent", "the job fails", None, retryable=False
    ),
    "template_unresolved": ErrorCode(
        "template_unresolved",
        "not sent",
        "the job fails",
        "The parent's result does not have what the template asks for.",
        retryable=False,
    ),
    "no_picture": ErrorCode(
        "no_picture",
        "not sent",
        "the job fails",
        "Only a job that ends with a picture can be followed by a describe.",
        retryable=False,
    ),
    "sibling_failed": ErrorCode(
        "sibling_failed",
        "not sent",
        "the job fails",
        "`hookline retry` the one that is not there; when it has succeeded, retry this job.",
        retryable=False,
    ),
    "choose_failed": ErrorCode(
        "choose_failed",
        "not sent",
        "the job fails",
        "`hookline retry` calls the function again; the worker's log has its traceback.",
        retryable=False,
    ),
    "link_dead": ErrorCode(
        "link_dead",
        "files",
        "tried 2 seconds to 5 minutes apart, for an hour after the job's end, each time with the provider's newest links",
        None,
        retryable=False,
    ),
    "not_reached": ErrorCode(
        "not_reached",
        "files",
        "tried 2 seconds to 5 minutes apart, for an hour after the job's end; for a day where our own storage cannot be written to",
        "Look at the way to that host (`image_url` of the result), then `hookline fetch`.",
        retryable=False,
    ),
    "not_taken": ErrorCode(
        "not_taken",
        "files",
        "the files are given up",
        "It is over a limit, or on a host that HOOKLINE_ALLOWED_HOSTS would have to name. Once that is changed, `hookline fetch` stores it.",
        retryable=False,
    ),
}
"""By code; a newer Hookline may have more."""
