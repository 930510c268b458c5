"""PURE. How the doctor judges accounts, and what waits for a person."""

from collections import Counter
from collections.abc import Iterable, Iterator

from worker.domain.account.callback_stats import TrackingMode
from worker.domain.findings import Finding
from worker.domain.job import Job
from worker.domain.refusals import Refusal
from worker.domain.wording import counted
from worker.services.reports.answers.accounts import Account, Taking, Tracking


def account(report: Account) -> Iterator[Finding]:
    """Whether the account takes jobs and calls back, and which of its jobs need a person."""
    name, state = report.name, report.state
    if state.name is not Taking.OPEN:
        message = f"{state.name}: {state.why}"
        yield Finding(f"account {name}", "warn", message, state.hint)
    yield _delivery(name, report.delivery)
    yield from _ledger(report)
    if report.in_doubt:
        jobs = counted(report.in_doubt, "job")
        yield Finding(
            f"in doubt {name}",
            "warn",
            f"{jobs}: it is not known yet whether the provider accepted the submission",
            f"`hookline jobs --status in_doubt --account {name}`, then `hookline show ID` says "
            "what happens next.",
        )
    if report.double_payments:
        yield Finding(
            f"paid twice {name}",
            "warn",
            f"{counted(report.double_payments, 'job')} had more than one submission accepted",
            f"`hookline jobs --double-payments --account {name}`, then `hookline show ID` names "
            "the tasks.",
        )


def proofs(tracking: Tracking, public_url: str) -> Finding:
    """Whether callbacks of our own come back through the public URL."""
    if tracking.receiving_trouble is None:
        message = f"callbacks of our own come back through {public_url}"
        return Finding("proofs", "ok", message)
    message = f"none comes back through {public_url}: {tracking.receiving_trouble}"
    advice = (
        "Until one does, silence about a job in doubt is no evidence, and the job waits for you. "
        "The web process must reach its own HOOKLINE_PUBLIC_URL: see "
        "docs/deployment.md#proofs-that-callbacks-arrive."
    )
    return Finding("proofs", "warn", message, advice)


def files(jobs: Iterable[Job]) -> Iterator[Finding]:
    """Which finished jobs' files cannot be stored now, and why."""
    held = [job.result.assets_retry for job in jobs if job.result.assets_retry]
    for code, count in Counter(retry.error.code for retry in held).items():
        said = next(retry.error for retry in held if retry.error.code == code)
        message = f"of {counted(count, 'job')} cannot be stored now ({code}): {said.message}"
        advice = "`hookline show ID` says when they are tried again and given up."
        yield Finding("files", "warn", message, f"{said.hint or ''} {advice}".strip())


def deliveries(dead: int) -> Iterator[Finding]:
    """Whether notifications were given up."""
    if dead:
        were = "was" if dead == 1 else "were"
        yield Finding(
            "deliveries",
            "warn",
            f"{counted(dead, 'notification')} {were} given up: the receiver did not take it",
            "`hookline deliveries --state dead`; once the receiver works again, "
            "`hookline deliveries replay --dead`.",
        )


def refused(count: int, last: Refusal | None) -> Iterator[Finding]:
    """Whether requests of other programs were refused within a day."""
    if count and last:
        were = "was" if count == 1 else "were"
        yield Finding(
            "refused",
            "warn",
            f"{counted(count, 'request')} sent as a Celery task {were} refused within a day, the "
            f"last: {last.task or 'an unreadable one'}: {last.message[:200]}",
            "`hookline refused` lists them, with their senders.",
        )


def _ledger(report: Account) -> Iterator[Finding]:
    """Whether the key has enough left, and the gateway's ledger can be read."""
    balance, trouble = report.balance, report.ledger.trouble if report.ledger else None
    if balance and balance.warning:
        advice = "Top it up at the gateway."
        yield Finding(f"balance {report.name}", "warn", balance.warning, advice)
    if trouble:
        advice = "Costs stay estimates, and jobs in doubt wait. Check ledger_token and ledger_user."
        yield Finding(f"ledger {report.name}", "warn", trouble, advice)


def _delivery(account: str, tracking: Tracking) -> Finding:
    message = f"{tracking.mode}: {tracking.why}"
    name = f"delivery {account}"
    if tracking.mode is TrackingMode.POLLING:
        advice = (
            "Jobs end later this way, and one in doubt waits for you: see that the provider reaches"
            " HOOKLINE_PUBLIC_URL."
        )
        return Finding(name, "warn", message, advice)
    return Finding(name, "ok", message)
