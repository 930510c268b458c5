"""PURE. How `hookline doctor` judges a Redis, an account, the storage and what fails."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.proxies import Proxies
from worker.adapters.messaging.keys import BrokenKey
from worker.adapters.store.clock import TOLERATED_S
from worker.adapters.store.durability import Durability, is_too_old
from worker.domain.account.callback_stats import TrackingMode
from worker.domain.job import Job
from worker.domain.refusals import Refusal
from worker.entrypoints.cli.base import counted
from worker.services.reports.answers.accounts import Account, Taking, Tracking

_MIB = 1024 * 1024
#: Less free space than this is worth a warning: the largest file may have 100 MiB.
_ROOM = 200 * _MIB

_PAID_AGAIN = "and with them that a POST had left: such a job may be paid for twice"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check, and what to do about it."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    message: str
    advice: str | None = None


def unverified(names: Sequence[str]) -> Iterator[Finding]:
    """Settings whose servers are connected to without asking who they are."""
    for name in names:
        message = f"{name} switches the check of the server's certificate off"
        advice = "Anyone in between can read the password. Name the server's authority instead: "
        yield Finding("settings", "warn", message, f"{advice}ssl_ca_certs=/path/to/ca.pem")


def environment(foreign: Sequence[str], proxies: Proxies) -> Iterator[Finding]:
    """Which variables of other programs are set, and which proxy is used."""
    if foreign:
        message = f"these variables have no effect on Hookline: {', '.join(foreign)}"
        yield Finding("environment", "ok", message)
    used = {f"{proxy.place} ({proxy.name})" for proxy in proxies.by_scheme.values()}
    if used:
        bypass = f", not for {proxies.bypass} (NO_PROXY)" if proxies.bypass else ""
        message = f"{' and '.join(sorted(used))}, not for this machine{bypass}"
        yield Finding("proxy", "ok", message)


def folder(namesakes: Sequence[str]) -> Iterator[Finding]:
    """Whether programs that run in this folder can import Hookline."""
    if namesakes:
        message = f"{' and '.join(namesakes)}: not used by Hookline, but found first by programs"
        advice = (
            "`import worker` does not work in a program that runs here: give Hookline jobs over "
            "HTTP or as Celery tasks such as `hookline.imagine`."
        )
        yield Finding("folder", "ok", f"{message} that run here", advice)


def durability(found: Durability, replicas: int = 0) -> Finding:
    """Whether the jobs, and what was paid for them, outlive a crash, a power cut and a fail-over.

    ``replicas``: how many must have a change before it counts.
    """
    verdict, message, advice = _replication(found, replicas) or _durability(found)
    version = f"version {found.version}" if found.version else "answers, without its version"
    return Finding("redis", verdict, f"{version}{message}", advice)


def _replication(
    found: Durability, wanted: int
) -> tuple[Literal["warn", "fail"], str, str | None] | None:
    """What is wrong with the replicas, if they are known."""
    if wanted and found.replicas is None:
        return "fail", " refuses WAIT, which HOOKLINE_REDIS_REPLICAS needs", _WAIT
    have = found.replicas or 0
    if have < wanted:
        message = f" has {have} replicas in step; nothing is submitted with fewer than {wanted}"
        return "fail", message, "Mend the replicas, or lower HOOKLINE_REDIS_REPLICAS."
    if have > wanted == 0:
        message = f" has {have} replicas; a fail-over may forget the last changes, {_PAID_AGAIN}"
        return "warn", message, "Set HOOKLINE_REDIS_REPLICAS=1; see docs/deployment.md#fail-over."
    return None


_WAIT = "Give its user the right to WAIT (+wait), or set HOOKLINE_REDIS_REPLICAS=0."


def _durability(found: Durability) -> tuple[Literal["ok", "warn", "fail"], str, str | None]:
    if found.version and is_too_old(found.version):
        return "fail", " is too old", "Use Redis 6.2 or newer, or any Valkey."
    policy = found.maxmemory_policy
    if policy not in (None, "noeviction"):
        message = f" drops keys when its memory is full ({policy})"
        return "fail", message, "Set its maxmemory-policy to noeviction."
    if found.appendonly is False:
        message = " writes no append-only file: what is newer than its last snapshot is lost with"
        message = f"{message} its process, jobs {_PAID_AGAIN}"
        return "warn", message, "Set its appendonly to yes, appendfsync always."
    if found.appendfsync == "always":
        return "ok", ", every write is on disk before it is answered, no eviction", None
    lost = {"everysec": "second", "no": "half minute"}.get(found.appendfsync or "")
    if lost is None:
        message = ", append-only, no eviction; it does not say how often it syncs"
        advice = "Unless its appendfsync is always, a power cut may lead to a second payment."
        return "warn", message, advice
    message = f" may forget the last {lost}'s changes in a power cut, {_PAID_AGAIN}"
    return "warn", message, "Set its appendfsync to always."


def broker(broken: Sequence[BrokenKey]) -> Finding:
    """Whether a broker that answers can take messages, and hand them out."""
    if not broken:
        return Finding("broker", "ok", "answers")
    named = ", ".join(f"{key.name} is a {key.type}, not a {key.should_be}" for key in broken)
    ours = any(key.ours for key in broken)
    whose = "no worker of Hookline" if ours else "no worker of other apps on this database"
    commands = "\n".join(
        f"redis-cli -n {key.database} RENAME '{key.name}' 'broken:{key.name}'" for key in broken
    )
    return Finding(
        "broker",
        "fail" if ours else "warn",
        f"Redis has something else where messages should be: {named}; {whose} can take a message",
        "A program wrote to a queue of that name, or uses it itself. Stop that, put the keys aside "
        f"while the workers are stopped, and start them again:\n{commands}",
    )


def clock(ahead_s: float) -> Iterator[Finding]:
    """Whether this machine and Redis agree about the time; ``ahead_s``: seconds we are ahead."""
    if abs(ahead_s) <= TOLERATED_S:
        return
    way = "ahead of" if ahead_s > 0 else "behind"
    message = f"this machine is {abs(ahead_s):,.0f} s {way} Redis"
    advice = "Redis's time counts, so nothing goes wrong; but set the one that is wrong, as by NTP."
    yield Finding("clock", "warn", message, advice)


def workers(count: int, problems: Sequence[str]) -> Iterator[Finding]:
    """Whether workers run, with the settings that are set here."""
    if not count:
        advice = (
            "Start `hookline up` in this directory, or `hookline worker`: nothing runs without."
        )
        yield Finding("workers", "warn", "none runs", advice)
    elif not problems:
        yield Finding("workers", "ok", f"{counted(count, 'worker')} with these settings")
    for problem in problems:
        yield Finding("workers", "warn", problem, "A worker reads its settings when it starts.")


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


def storage(place: str, free: Mapping[str, int]) -> Finding:
    """Whether a writable storage has room; ``free``: bytes in each folder that results need."""
    for folder, room in free.items():
        if room < _ROOM:
            message = f"{folder} has only {room // _MIB} MiB left"
            return Finding("storage", "warn", message, "Make room: results that do not fit wait.")
    return Finding("storage", "ok", f"{place} is writable")


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
