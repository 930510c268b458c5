"""PURE. An entry of a job's history in a sentence."""

from collections.abc import Iterator, Mapping

from worker.domain.history.entries import Entry, What
from worker.domain.times import clock
from worker.domain.wording import counted

_HEADS: Mapping[What, str] = {
    What.CREATED: "created",
    What.TAKEN: "taken by a worker",
    What.POSTED: "sent to the provider",
    What.REPLIED: "the provider's reply",
    What.CALLBACK: "callback",
    What.POLLED: "polled",
    What.MISSING: "the provider does not know the task",
    What.NOT_LISTED: "the provider's task list proves that it was not accepted",
    What.TIME_PASSED: "a wait was over",
    What.RELEASED: "what it was refused for is over",
    What.SIBLINGS: "the jobs that it waits for were looked at",
    What.CALLED: "the function that chooses is called",
    What.CHOSEN: "the function chose",
    What.NOT_CHOSEN: "the function failed",
    What.CANCELLED: "cancelled on request",
    What.RETRIED: "retried on request",
    What.RESOLVED: "a person ended the doubt",
    What.ANSWERED: "the window was answered",
    What.FILES: "files",
    What.FILES_DELAYED: "files not stored yet",
    What.FILES_WANTED: "files asked for again",
    What.LINKS_RENEWED: "fresh links fetched",
    What.SEED: "seed",
    What.CHARGED: "the provider's ledger was read",
    What.NOTIFIED: "notification",
}
#: Outcomes in words, where they are not their own.
_OUTCOMES = {
    "try_later": "refused for now",
    "not_yet": "refused, as the provider does not know the parent as finished yet",
    "permanent": "refused",
    "dead": "given up",
}


def in_words(entry: Entry) -> str:
    """The entry in a sentence, without its time and without a full stop."""
    head = _HEADS[entry.what]
    if entry.what is What.REPLIED and entry.http_status is None:
        head = "not sent, or not answered"
    said = ", ".join(_facts(entry))
    return f"{head}: {said}" if said else head


def _facts(entry: Entry) -> Iterator[str]:
    children = len(entry.children) + entry.more_children
    facts = (
        entry.outcome and _OUTCOMES.get(entry.outcome, entry.outcome.replace("_", " ")),
        _reply(entry),
        entry.attempt is not None and f"attempt {entry.attempt}",
        entry.account and f"account {entry.account}",
        entry.task_id and f"task {entry.task_id}",
        entry.status and f"now {entry.status}",
        entry.progress is not None and f"{entry.progress} %",
        children and f"{counted(children, 'follow-up')} created",
        *(f"double payment: task {task}" for task in entry.paid_twice),
        entry.due_at is not None and f"continues at {clock(entry.due_at, entry.at)}",
        _message(entry),
    )
    return (fact for fact in facts if fact)


def _reply(entry: Entry) -> str | None:
    if entry.http_status is None:
        return None
    code = "" if entry.provider_code is None else f" with code {entry.provider_code}"
    return f"HTTP {entry.http_status}{code}"


def _message(entry: Entry) -> str | None:
    return f"{entry.error}: {entry.message}" if entry.error and entry.message else entry.message
