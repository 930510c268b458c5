"""PURE. What holds up a job that is not queued, in words that say what to do about it."""

from worker.domain import buttons, retry_policy
from worker.domain.account.circuit_breaker import BLIND_HINT
from worker.domain.events import Policy
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.lifecycle.doubting import resubmits
from worker.domain.lifecycle.moves import followed, place_until
from worker.domain.result import AssetsStatus
from worker.domain.times import clock
from worker.domain.wording import counted
from worker.services.reports.answers.waiting import Reason, Waiting

#: Seconds after which a submit takes long, a task is silent, and files wait for a worker.
LONG_S = 10.0
SILENT_S = 60.0


def held_up(job: Job, policy: Policy, now: float, asked_at: float | None = None) -> Waiting | None:
    """What holds the job up; None if it is queued, makes progress, or is settled.

    ``asked_at``: when the provider is asked about it next.
    """
    if job.askable and policy.unanswered is not None:
        return _unseen(job, policy)
    match job.status:
        case Status.SUBMITTING:
            return _submit(job, policy, now)
        case Status.IN_PROGRESS if job.kind is Kind.CHOOSE:
            return Waiting(Reason.FUNCTION, f"{job.request.get('choose')} is being called")
        case Status.SUBMITTED | Status.IN_PROGRESS:
            return _silence(job, policy, now, asked_at)
        case Status.AWAITING_MODAL:
            return _window(job, now)
        case Status.IN_DOUBT:
            return _doubt(job, policy, now)
        case Status.OVERDUE:
            return _overdue(job, policy, now)
        case Status.SUCCEEDED if job.result.assets_status is AssetsStatus.PENDING:
            return _files(job, now)
        case Status.SUCCEEDED if job.seed_pending:
            ends_at = (job.finished_at or now) + retry_policy.SEED_WINDOW_S
            message = f"the provider is asked for its seed, until {clock(ends_at, now)}"
            return Waiting(Reason.SEED, message, ends_at)
        case _:
            return None


def _unseen(job: Job, policy: Policy) -> Waiting:
    message = (
        f"what became of task {job.task_id} cannot be seen: {str(policy.unanswered).rstrip('.')}; "
        "it is asked again every few seconds, and a callback still counts"
    )
    if policy.blind:
        return Waiting(Reason.BLIND, f"{message}. {BLIND_HINT}")
    return Waiting(Reason.UNANSWERED, message)


def _submit(job: Job, policy: Policy, now: float) -> Waiting | None:
    """A POST may wait for its answer longer than a minute."""
    lease_end = job.due_at or now
    if now < lease_end - policy.lease_s + LONG_S:
        return None
    if not job.posting:
        message = "a worker prepares it: it fetches the pictures, or looks up the button"
        return Waiting(Reason.SUBMIT, message, lease_end)
    message = (
        f"the provider has not answered the submit of {_sent_at(job, now)} yet; without an answer "
        f"it is in doubt from {clock(lease_end, now)}"
    )
    return Waiting(Reason.SUBMIT, message, lease_end)


def _silence(job: Job, policy: Policy, now: float, asked_at: float | None) -> Waiting | None:
    if job.missing_since is not None:
        lost_at = job.missing_since + policy.lost_after_s
        message = (
            f"the provider says that it does not know task {job.task_id} (since "
            f"{clock(job.missing_since, now)}); if that stays so, it is lost at "
            f"{clock(lost_at, now)}"
        )
        return Waiting(Reason.MISSING, message, lost_at)
    heard_at = job.heard_at or job.submitted_at or now
    if now - heard_at < SILENT_S:
        return None
    again = f"at {clock(asked_at, now)}" if asked_at and asked_at > now else "in a moment"
    message = (
        f"nothing new of task {job.task_id} since {clock(heard_at, now)}; the provider is asked "
        f"again {again}"
    )
    if job.deadline_at:
        message += f", and it is overdue at {clock(job.deadline_at, now)}"
    return Waiting(Reason.SILENT, message, asked_at)


def _window(job: Job, now: float) -> Waiting:
    ends = f"; without one it is timed out at {clock(job.deadline_at, now)}"
    message = f"its window waits for your answer{ends if job.deadline_at else ''}"
    mask = " --mask mask.png" if buttons.wants_mask(str(job.request.get("custom_id", ""))) else ""
    answer = f'hookline modal --job-id {job.id} --prompt "..."{mask}'
    return Waiting(Reason.WINDOW, message, job.deadline_at, (answer, _cancel(job)))


def _doubt(job: Job, policy: Policy, now: float) -> Waiting:
    commands = tuple(
        f"hookline resolve {job.id} --outcome {outcome}"
        for outcome in ("accepted --task-id TASK", "resubmit", "failed")
    )
    if job.held:
        message = (
            f"held for you: it is not known whether the submit of {_sent_at(job, now)} was "
            "accepted, and paid; no evidence came. A late callback still settles it, or you, after "
            f"a look at the provider's tasks{_place(job, policy, now)}"
        )
        return Waiting(Reason.HELD, message, None, commands)
    said = f" ({job.error.message.rstrip('.')})" if job.error else ""
    message = (
        f"the submit of {_sent_at(job, now)} was cut off{said}: it may have been accepted, and "
        f"paid. Until {clock(job.doubt_until, now)} a callback or the provider's task list may "
        f"settle it. {after_doubt(job, policy)}{_place(job, policy, now)}"
    )
    return Waiting(Reason.IN_DOUBT, message, job.doubt_until, commands)


def after_doubt(job: Job, policy: Policy) -> str:
    """What follows if a doubt's window ends without evidence."""
    otherwise = "it fails" if policy.in_doubt == "fail" else "it is held for you"
    if resubmits(job) >= policy.max_resubmits:
        return f"Then {otherwise}: it is not sent again by itself any more"
    if policy.in_doubt == "resubmit":
        return "Then it is sent again, and may be paid for twice"
    return (
        "Then it is sent again if callbacks came all the while and none for it, as it was not"
        f" accepted then; else {otherwise}"
    )


def _overdue(job: Job, policy: Policy, now: float) -> Waiting:
    since = job.overdue_since or now
    ends_at = since + policy.grace_s
    said = f" ({job.error.message.rstrip('.')})" if job.error else ""
    then = "its `retry` decides" if job.options.retry else "it is timed out"
    message = (
        f"overdue since {clock(since, now)}{said}; a late success of task {job.task_id} still "
        f"counts until {clock(ends_at, now)}, then {then}{_place(job, policy, now)}"
    )
    return Waiting(Reason.OVERDUE, message, ends_at, (_cancel(job),))


def _files(job: Job, now: float) -> Waiting:
    retry = job.result.assets_retry
    if retry is None:
        late = now - (job.files_since or now) >= SILENT_S
        worker = " by a worker (does one run? `hookline doctor`)" if late else ""
        return Waiting(Reason.FILES, f"its files are being stored{worker}")
    times = "once" if retry.tries == 1 else counted(retry.tries, "time")
    message = (
        f"its files could not be stored yet ({retry.error.code}: "
        f"{retry.error.message.rstrip('.')}): tried {times}, again at "
        f"{clock(retry.next_at, now)}, given up at {clock(retry.ends_at, now)}. "
        f"{retry.error.hint or ''}"
    )
    return Waiting(Reason.FILES, message.strip(), retry.next_at)


def _sent_at(job: Job, now: float) -> str:
    return clock(followed(job).posted_at, now)


def _place(job: Job, policy: Policy, now: float) -> str:
    if not job.holds_slot:
        return "; it holds no place meanwhile"
    if (until := place_until(job, policy)) is not None:
        return f"; it keeps its place until {clock(until, now)} at most"
    return "; it keeps its place while the provider may be running it"


def _cancel(job: Job) -> str:
    return f"hookline cancel {job.id}"
