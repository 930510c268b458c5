"""SHELL. What holds a job up, in words that say what to do about it.

Why it does not start; ``held_up`` has what comes after that.
"""

from collections.abc import Mapping
from dataclasses import replace

from worker.adapters.store.places import lane_of
from worker.domain import money, retry_policy
from worker.domain.access import Caller
from worker.domain.account.capacity import Capacity, Pool, pool_of
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.error_codes import ErrorCode
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.wording import counted
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.accounts import Taking
from worker.services.reports.answers.waiting import Reason, Waiting
from worker.services.reports.held_up import held_up
from worker.services.reports.overview import budget_of, clock_of, state_of, trial_of
from worker.services.roster import Roster

#: Of several accounts' reasons the first of these is given: the one that ends soonest.
_SOONEST = (
    Reason.NEXT,
    Reason.SLOTS,
    Reason.PACE,
    Reason.PROMPT,
    Reason.RESTING,
    Reason.BLIND,
    Reason.BUDGET,
    Reason.PAUSED,
    Reason.CLOSED,
    Reason.ACCOUNT,
)
#: Seconds from which on it is said how a job is tried at once.
_LONG_S = 20.0
_IN_A_MOMENT = ": a worker takes it in a moment"
#: Separates what accounts share about a budget from the price on each.
_PRICE = ", this costs "


def waiting(orchestrator: Orchestrator, job: Job, roster: Roster | None = None) -> Waiting | None:
    """What holds the job up; None if nothing does. One store call per account.

    ``roster``: to say whether it is a worker that is missing, or that knows another key.
    """
    if job.settled:
        return None
    if job.status is not Status.QUEUED:
        asked_at = orchestrator.store.jobs.due_at(job.id) if job.askable else None
        return held_up(job, orchestrator.policy(job), orchestrator.clock(), asked_at)
    if job.waiting:
        return _for_others(job)
    if job.due_at is not None:
        return _in_trouble(orchestrator, job) or _backoff(job, job.due_at, orchestrator.clock())
    names = [job.account] if job.account else list(orchestrator.accounts)
    found = _together([_on(orchestrator, job, name) for name in names])
    return _with_workers(found, roster, job.account or None)


#: What a tenant is told where the reason is the operator's, or what other tenants do: the words for
#: people have their figures, prompts and jobs.
_FOR_TENANTS: Mapping[Reason, Waiting] = {
    **dict.fromkeys(
        (Reason.NEXT, Reason.SLOTS, Reason.PACE, Reason.PROMPT),
        Waiting(Reason.SLOTS, "it waits for its turn"),
    ),
    **dict.fromkeys(
        (Reason.PAUSED, Reason.CLOSED, Reason.RESTING, Reason.ACCOUNT),
        Waiting(Reason.PAUSED, "nothing starts at present; the operator can see why"),
    ),
    **dict.fromkeys(
        (Reason.BLIND, Reason.UNANSWERED),
        Waiting(Reason.UNANSWERED, "the provider answers no questions; the operator can see why"),
    ),
    Reason.BUDGET: Waiting(
        Reason.BUDGET, "a budget is used up: that of its batch, or one of the operator's"
    ),
}


def waiting_for(
    caller: Caller, orchestrator: Orchestrator, job: Job, roster: Roster | None = None
) -> Waiting | None:
    """As ``waiting``; a tenant gets no words about others, and no commands."""
    found = waiting(orchestrator, job, roster)
    if found is None or caller.tenant is None:
        return found
    return _FOR_TENANTS.get(found.reason) or replace(found, commands=())


def _with_workers(found: Waiting, roster: Roster | None, account: str | None) -> Waiting:
    """The reason, with what is wrong with the workers, where that may be the cause."""
    if roster is None or found.reason not in (Reason.NEXT, Reason.CLOSED):
        return found
    problems = roster.problems(account)
    if not problems and found.reason is Reason.NEXT and not roster.workers():
        problems = ["no worker runs: start `hookline up`, or `hookline worker`"]
    if not problems:
        return found
    said = found.message.removesuffix(_IN_A_MOMENT).rstrip(".")
    return replace(found, message="; but ".join([said, *problems]))


def _backoff(job: Job, due_at: float, now: float) -> Waiting:
    message = f"tried again at {clock_of(due_at)}"
    if job.error is None and job.kind is Kind.ACTION:
        late = f"{job.account} takes a press only some seconds after its picture's callback"
        message = f"pressed at {clock_of(due_at)}: {late}"
    if job.error:
        message += f" after: {job.error.message}"
        if job.error.code == ErrorCode.BAD_PICTURE:
            message += f" ({job.refusals} of {retry_policy.PICTURE_TRIES} tries)"
    if job.held_back and job.account and due_at - now > _LONG_S:
        message += f"; `hookline resume {job.account}` tries it at once"
    return Waiting(Reason.BACKOFF, message, due_at)


def _in_trouble(orchestrator: Orchestrator, job: Job) -> Waiting | None:
    """For a job that its account refused: what holds the account up, if anything."""
    if not job.held_back or job.account not in orchestrator.accounts:
        return None
    breaker = orchestrator.dispatch.breaker(job.account, fresh=True)
    return _of_account(orchestrator, job.account, breaker)


def _of_account(orchestrator: Orchestrator, name: str, breaker: CircuitBreaker) -> Waiting | None:
    """What holds the account up; None if it takes jobs."""
    now = orchestrator.clock()
    trial = trial_of(orchestrator.store, name, breaker, now)
    state = state_of(name, breaker, (), now, trial)
    if state.name is Taking.OPEN:
        return None
    message = f"account {name} is {state.name}: {state.why}. {state.hint}"
    return Waiting(Reason(state.name.value), message, state.until)


def _together(found: list[Waiting]) -> Waiting:
    """Merge the reasons; ``mode`` counts only if no account takes the job's mode."""
    found = [each for each in found if each.reason is not Reason.MODE] or found
    found = _without_shared(found)
    reasons = [each.reason for each in found]
    if Reason.NEXT in reasons:
        return found[reasons.index(Reason.NEXT)]
    reason = min(reasons, key=lambda name: _SOONEST.index(name) if name in _SOONEST else 99)
    ends = [each.until for each in found if each.until is not None]
    return Waiting(reason, "; ".join(each.message for each in found), min(ends, default=None))


def _without_shared(found: list[Waiting]) -> list[Waiting]:
    """Drop repeats of a pause or budget that applies to every account."""
    unique = {each.message.partition(_PRICE)[0]: each for each in reversed(found)}
    return list(reversed(unique.values()))


def _for_others(job: Job) -> Waiting:
    if job.kind is Kind.CHOOSE:
        function = job.request.get("choose", "its function")
        return Waiting(Reason.FUNCTION, f"{function} is called once the parent's files are stored")
    names = ", ".join(job.request.get("blend", job.spec.waits_for))
    return Waiting(Reason.SIBLINGS, f"the pictures of {names} are not all there yet")


def _on(orchestrator: Orchestrator, job: Job, name: str) -> Waiting:
    """Why it does not start on the account ``name``."""
    if name not in orchestrator.accounts:
        message = f"its account {name} is not set any more: set it again, or give the job up"
        return Waiting(Reason.ACCOUNT, message)
    now = orchestrator.clock()
    breaker = orchestrator.dispatch.breaker(name, fresh=True)
    capacity = orchestrator.dispatch.capacity(name, now)
    why = orchestrator.store.queue.why_waiting(job, capacity, now)
    if why is None and (trouble := _of_account(orchestrator, name, breaker)) is not None:
        return trouble  # it may be the job that tries the account
    said, _, about = (why or Reason.NEXT).partition(":")
    reason = Reason(said)
    match reason:
        case Reason.SLOTS:
            return _no_slot(orchestrator, job, breaker, capacity)
        case Reason.PAUSED:
            return Waiting(reason, _paused(about))
        case Reason.BUDGET:
            return Waiting(reason, _no_money(orchestrator, job, about, capacity))
        case Reason.PACE:
            message = (
                f"{name} starts at most {counted(capacity.starts_per_minute or 0, 'job')} a minute"
            )
        case Reason.PROMPT:
            message = f"the same prompt runs on {name}, or comes before it"
        case Reason.MODE:
            modes = ", ".join(sorted(capacity.modes))
            message = f"{name} does not take mode {job.options.mode}, but {modes}"
        case _:
            message = f"nothing keeps it from {name}{_IN_A_MOMENT}"
    return Waiting(reason, message)


def _no_slot(
    orchestrator: Orchestrator, job: Job, breaker: CircuitBreaker, capacity: Capacity
) -> Waiting:
    name, account = capacity.account, orchestrator.accounts[capacity.account]
    if (trouble := _of_account(orchestrator, name, breaker)) is not None:
        return trouble
    load = orchestrator.store.queue.load(name)
    films = pool_of(job) is Pool.VIDEO
    running = load.films if films else load.images
    most = account.max_running_video if films else account.max_running
    slots = capacity.slots(pool_of(job))
    if not most:
        return Waiting(Reason.SLOTS, f"{name} takes no films: its max_running_video is 0")
    full = f"; it said that it is full with fewer than {most}" if slots < most else ""
    what = " for films" if films else ""
    return Waiting(Reason.SLOTS, f"no free slot{what} on {name} ({running} of {slots} run{full})")


def _paused(what: str) -> str:
    of, _, name = what.partition(":")
    commands = {"batch": f"batch resume {name}", "account": f"resume {name}"}
    command = commands.get(of, f"resume --{of} {name}")
    return f"{of} {name} is paused; `hookline {command}`"


def _no_money(orchestrator: Orchestrator, job: Job, scope: str, capacity: Capacity) -> str:
    purse = budget_of(orchestrator.store, scope, capacity)
    used, budget = money.in_words(purse.used), money.in_words(purse.budget or 0)
    price = money.in_words(capacity.price(lane_of(job).sort))
    return (
        f"the budget of {scope.replace(':', ' ', 1)}: {used} of {budget} spent or reserved"
        f"{_PRICE}{price} on {capacity.account}"
    )
