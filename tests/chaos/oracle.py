"""PURE. Holds our records against the provider's ledger, which knows nothing of them.

The ledger has one line per submission that the provider accepted, so that was paid. Its ``state``
is our token, which names the job and the attempt. Whatever the two disagree about is a problem.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.chaos.scenario import Row
from worker.adapters.tokens import BadToken, JobToken, Tokens
from worker.domain import followups
from worker.domain.job import Job, Status
from worker.services.reports import answers

#: So many names of jobs are shown with a problem.
_SHOWN = 3


class Payment(NamedTuple):
    """One line of the ledger. ``job_id`` is None where its state is none of ours."""

    job_id: str | None
    attempt: int
    task_id: str
    pressed: tuple[str, str] | None = None  #: the task whose button it was, and the button


@dataclass(frozen=True, slots=True)
class Rules:
    """What a scenario may leave behind.

    By default everything succeeds and is paid for once. Who kills workers in the middle of a POST
    allows ``in_doubt`` jobs: so many, and so many more for each fault. One in doubt that the ledger
    shows as accepted should have been settled by its callbacks, unless all of them were lost:
    ``callbacks_lost`` says that this may be (also because nobody was there to take them).
    ``errors``: codes with which a job may fail. ``listed_extras``: payments beyond a job's first,
    if our records list every one of them.
    """

    in_doubt: int = 0
    in_doubt_per_fault: int = 0
    callbacks_lost: bool = False
    errors: frozenset[str] = frozenset()
    listed_extras: int = 0

    def after(self, faults: int) -> "Rules":
        """The rules when so many faults have been made."""
        return replace(self, in_doubt=self.in_doubt + faults * self.in_doubt_per_fault)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known when a scenario is over."""

    acknowledged: Sequence[str]
    jobs: Sequence[Job]
    payments: Sequence[Payment]
    #: What is left in the store's indexes, by name: ids.
    leftovers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Problems that were seen on the way: a terminal job that changed, a secret in a log ...
    seen: Sequence[str] = ()


def read_ledger(lines: Sequence[str], tokens: Tokens) -> list[Payment]:
    """The payments, oldest first."""
    return [_payment(json.loads(line), tokens) for line in lines]


def _payment(entry: Mapping[str, Any], tokens: Tokens) -> Payment:
    pressed = (entry["parent_task_id"], entry["custom_id"]) if entry["custom_id"] else None
    try:
        named = tokens.read(entry["state"] or "")
    except BadToken:
        named = None
    if not isinstance(named, JobToken):
        return Payment(None, 0, entry["task_id"], pressed)
    return Payment(named.job_id, named.attempt, entry["task_id"], pressed)


def compare(evidence: Evidence, rules: Rules) -> Row:
    """The numbers, and everything that is wrong."""
    return _Comparison(evidence, rules).row()


class _Comparison:
    def __init__(self, evidence: Evidence, rules: Rules) -> None:
        self._evidence = evidence
        self._rules = rules
        self._jobs = {job.id: job for job in evidence.jobs}
        self._paid: dict[str, list[Payment]] = defaultdict(list)
        for payment in evidence.payments:
            self._paid[payment.job_id or ""].append(payment)
        self._in_doubt = [job for job in evidence.jobs if job.status is Status.IN_DOUBT]

    def row(self) -> Row:
        lost, strangers = list(self._lost()), list(self._strangers())
        twice, unlisted = self._paid_twice(), list(self._unlisted())
        missing, doubled = list(self._missing()), list(self._doubled())
        named = {
            "lost": lost,
            "paid for, but no record knows of it": strangers,
            "paid twice under one attempt": list(self._attempts_twice()),
            "paid twice": [name for name, _ in twice] if self._too_many(twice) else [],
            "an extra payment that only one side knows": unlisted,
            "spend that only one side knows": list(self._spend_apart()),
            "follow-ups missing": missing,
            "follow-ups doubled": doubled if len(doubled) > self._rules.listed_extras else [],
            "did not succeed": list(self._not_succeeded()),
            "in doubt, although callbacks came": list(self._could_be_settled()),
            "in doubt, and more than may be": self._too_doubtful(),
        }
        left = {f"left in {name}": ids for name, ids in self._left()}
        problems = (problem(what, ids) for what, ids in {**named, **left}.items() if ids)
        return Row(
            jobs=len(self._evidence.jobs),
            lost=len(lost) + len(strangers),
            paid_twice=sum(extra for _, extra in twice),
            unlisted=len(unlisted),
            follow_ups_missing=len(missing),
            follow_ups_doubled=len(doubled),
            in_doubt=len(self._in_doubt),
            problems=(*problems, *self._evidence.seen),
        )

    # --- jobs ------------------------------------------------------------------------------------

    def _lost(self) -> Iterator[str]:
        """Acknowledged, and now gone or stuck. What grew from them counts the same."""
        for job_id in self._evidence.acknowledged:
            if job_id not in self._jobs:
                yield f"{job_id} (no record)"
        for job in self._evidence.jobs:
            if not job.status.terminal and job.status is not Status.IN_DOUBT:
                yield f"{job.id} ({job.status})"

    def _not_succeeded(self) -> Iterator[str]:
        for job in self._evidence.jobs:
            over = job.status.terminal and job.status is not Status.SUCCEEDED
            code = job.error.code if job.error else job.status.value
            if over and code not in self._rules.errors:
                yield f"{job.id} ({job.status}: {code})"

    def _could_be_settled(self) -> Iterator[str]:
        if not self._rules.callbacks_lost:
            yield from (job.id for job in self._in_doubt if self._paid.get(job.id))

    def _too_doubtful(self) -> list[str]:
        ids = [job.id for job in self._in_doubt]
        return ids if len(ids) > self._rules.in_doubt else []

    def _left(self) -> Iterator[tuple[str, list[str]]]:
        """A job in doubt holds its slot and is looked at again; nothing else may be left."""
        doubted = {job.id for job in self._in_doubt}
        for name, ids in self._evidence.leftovers.items():
            yield name, sorted(ids - doubted)

    # --- money -----------------------------------------------------------------------------------

    def _strangers(self) -> Iterator[str]:
        for job_id, payments in self._paid.items():
            if job_id not in self._jobs:
                yield from (f"task {payment.task_id}" for payment in payments)

    def _attempts_twice(self) -> Iterator[str]:
        for job_id, payments in self._paid.items():
            attempts = Counter(payment.attempt for payment in payments)
            for attempt, number in attempts.items():
                if job_id and number > 1:
                    yield f"{job_id} attempt {attempt} ({number} times)"

    def _paid_twice(self) -> list[tuple[str, int]]:
        """Jobs with more than one payment, and how many more."""
        return [
            (job_id, len(payments) - 1)
            for job_id, payments in self._paid.items()
            if job_id in self._jobs and len(payments) > 1
        ]

    def _too_many(self, twice: list[tuple[str, int]]) -> bool:
        return sum(extra for _, extra in twice) > self._rules.listed_extras

    def _unlisted(self) -> Iterator[str]:
        """Extra payments of the ledger that our record leaves out, and the other way round."""
        for job in self._evidence.jobs:
            tasks = [payment.task_id for payment in self._paid.get(job.id, ())]
            listed = _listed(job)
            extra = _without_first(tasks, job.task_id, listed)
            yield from (f"{job.id} task {task_id}" for task_id in sorted(extra ^ listed))

    def _spend_apart(self) -> Iterator[str]:
        """What we know to be paid is what was paid, but for jobs whose outcome nobody told us."""
        for job in self._evidence.jobs:
            known = ({job.task_id} if job.task_id else set()) | _listed(job)
            paid = {payment.task_id for payment in self._paid.get(job.id, ())}
            untold = job.status is Status.IN_DOUBT and not known
            apart = known - paid if untold else known ^ paid
            yield from (f"{job.id} task {task_id}" for task_id in sorted(apart))

    # --- follow-ups ------------------------------------------------------------------------------

    def _steps(self) -> Iterator[tuple[Job, str]]:
        """Each step of each parent that succeeded, and the id of the child that it must have."""
        for parent in self._evidence.jobs:
            if parent.status is Status.SUCCEEDED:
                for index in range(len(parent.spec.then)):
                    yield parent, followups.child_id(parent.id, str(index))

    def _missing(self) -> Iterator[str]:
        """No record, or one that says it succeeded and that nobody was paid for."""
        for parent, child_id in self._steps():
            child = self._jobs.get(child_id)
            if child is None:
                yield f"{child_id} of {parent.id} (no record)"
            elif child.status is Status.SUCCEEDED and not self._paid.get(child_id):
                yield f"{child_id} of {parent.id} (never sent)"

    def _doubled(self) -> Iterator[str]:
        """A press that was paid for twice, by the provider's own names; a child too many."""
        presses = Counter(p.pressed for p in self._evidence.payments if p.pressed)
        for (task_id, custom_id), number in presses.items():
            yield from [f"{custom_id} of task {task_id}"] * (number - 1)
        wanted = {child_id for _, child_id in self._steps()}
        for job in self._evidence.jobs:
            if job.spec.parent_id and job.id not in wanted:
                yield f"{job.id} (no step of {job.spec.parent_id})"


def _listed(job: Job) -> set[str]:
    """The extra payments that the job itself tells of."""
    return {
        str(extra["task_id"]) for extra in answers.Job.of(job).to_dict().get("double_payments", ())
    }


def _without_first(tasks: Sequence[str], followed: str | None, listed: set[str]) -> set[str]:
    """The payments of one job but for that of the task it follows."""
    if not tasks:
        return set()
    if followed in tasks:
        return set(tasks) - {followed}
    first = next((task_id for task_id in tasks if task_id not in listed), tasks[0])
    return set(tasks) - {first}


def problem(what: str, ids: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    shown = ", ".join(ids[:_SHOWN]) + (" ..." if len(ids) > _SHOWN else "")
    return f"{what}: {len(ids)} ({shown})"
