"""PURE. What `hookline doctor` makes of a Redis and of an account."""

from collections.abc import Iterator

from worker.adapters.store.durability import Durability
from worker.domain.account.callback_stats import TrackingMode
from worker.entrypoints.cli.finding import Finding
from worker.services.reports.overview import Report, Taking

_PAID_AGAIN = "and with them that a POST had left: such a job may be paid for twice"


def durability(found: Durability) -> Finding:
    """Whether the jobs, and what was paid for them, outlive a crash and a power cut."""
    server = f"version {found.version}"
    policy = found.maxmemory_policy
    if policy not in (None, "noeviction"):
        message = f"{server} drops keys when its memory is full ({policy})"
        return Finding("redis", "fail", message, "Set its maxmemory-policy to noeviction.")
    if found.appendonly is False:
        message = f"{server} writes no append-only file: what is newer than its last snapshot"
        message = f"{message} is lost with its process, jobs {_PAID_AGAIN}"
        return Finding("redis", "warn", message, "Set its appendonly to yes, appendfsync always.")
    match found.appendfsync:
        case "always":
            message = f"{server}, every write is on disk before it is answered, no eviction"
            return Finding("redis", "ok", message)
        case "everysec":
            lost = "the last second's changes"
        case "no":
            lost = "the last half minute's changes"
        case _:
            message = f"{server}, append-only, no eviction; it does not say how often it syncs"
            advice = "Unless its appendfsync is always, a power cut may lead to a second payment."
            return Finding("redis", "warn", message, advice)
    message = f"{server} may forget {lost} in a power cut, {_PAID_AGAIN}"
    return Finding("redis", "warn", message, "Set its appendfsync to always.")


def account(report: Report) -> Iterator[Finding]:
    """Whether the account takes jobs, how it calls back, and what of its jobs wants a person."""
    name, state = report.account.name, report.state
    if state.taking is not Taking.OPEN:
        message = f"{state.taking}: {state.why}"
        yield Finding(f"account {name}", "warn", message, state.hint)
    yield _callback_stats(report)
    if report.in_doubt:
        yield Finding(
            f"in doubt {name}",
            "warn",
            f"of {_jobs(report.in_doubt)} nobody knows yet whether the provider accepted them",
            f"`hookline jobs --status in_doubt --account {name}`, then `hookline show ID` says "
            "what happens next.",
        )
    if report.double_payments:
        yield Finding(
            f"paid twice {name}",
            "warn",
            f"{_jobs(report.double_payments)} had more than one submission accepted",
            f"`hookline jobs --double-payments --account {name}`, then `hookline show ID` names "
            "the tasks.",
        )


def deliveries(dead: int) -> Iterator[Finding]:
    """Whether callers were told all that they wanted to hear."""
    if dead:
        what = "1 notification was" if dead == 1 else f"{dead:,} notifications were"
        yield Finding(
            "deliveries",
            "warn",
            f"{what} given up: the receiver did not take it",
            "`hookline deliveries --state dead`; once the receiver works again, "
            "`hookline deliveries replay --dead`.",
        )


def _callback_stats(report: Report) -> Finding:
    message = f"{report.mode}: {report.why}"
    name = f"delivery {report.account.name}"
    if report.mode is TrackingMode.POLLING:
        advice = (
            "Jobs end later this way, and one in doubt waits for you: see that the provider reaches"
            " HOOKLINE_PUBLIC_URL."
        )
        return Finding(name, "warn", message, advice)
    return Finding(name, "ok", message)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
