"""A provider in memory that knows the truth: what was accepted, and what anybody was told of it.

Not the sandbox: it has no sockets and no clock of its own, so that random histories of thousands of
steps are fast and can be repeated. ``Ledger`` is its book. It is kept apart from everything that
Hookline writes down, and judges every POST: whether a second payment was risked without the right.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.support.jobs import GRID
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.payloads import Submission
from worker.adapters.provider.replies import read_reply, read_transport_error
from worker.adapters.provider.snapshots import read_task
from worker.domain.account import Account
from worker.domain.errors import NoSuchCall, ProviderUnavailable
from worker.domain.events import Policy
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import SeedReply, Snapshot, Verdict

Name = tuple[str, int]  #: an attempt: the job's id and the attempt's number


class Fate(StrEnum):
    """What becomes of a POST."""

    ACCEPTED = "accepted"
    CALLED_BACK_FIRST = "called back first"
    REPLY_LOST = "accepted, the reply lost"
    CUT_OFF = "lost before it was accepted, for all we know sent"
    SLOW = "accepted after a minute"
    TOO_SLOW = "accepted, cut at the deadline"
    UNREACHABLE = "no connection"
    BUSY = "429"
    QUEUE_FULL = "queue full"
    BAD_GATEWAY = "502, nothing accepted"
    ACCEPTED_BAD_GATEWAY = "502, and accepted"
    REFUSED = "refused for good"


_TAKEN = frozenset(
    {
        Fate.ACCEPTED,
        Fate.CALLED_BACK_FIRST,
        Fate.REPLY_LOST,
        Fate.SLOW,
        Fate.TOO_SLOW,
        Fate.ACCEPTED_BAD_GATEWAY,
    }
)
#: Those that tell for sure that nothing was accepted.
_CLEAR_REFUSALS = frozenset({Fate.UNREACHABLE, Fate.BUSY, Fate.QUEUE_FULL, Fate.REFUSED})
_TAKES_S = {Fate.SLOW: 60.0, Fate.TOO_SLOW: 80.0}


#: Of a list: all tasks.
WHOLE = 10_000


@dataclass
class Task:
    """A paid task."""

    id: str
    of: Name
    state: str
    hook: str | None
    mute: bool = False  #: it never calls back
    late: bool = False  #: it calls back some day only
    status: str = "SUBMITTED"
    reason: str = ""
    evident: bool = False  #: whether a callback about it was answered, or its acceptance noted

    @property
    def over(self) -> bool:
        """Whether it will not change any more. A timeout may become a late success."""
        return self.status in ("SUCCESS", "FAILURE") and "timeout" not in self.reason

    def body(self) -> dict[str, Any]:
        """What a callback about it carries."""
        told: dict[str, Any] = {"id": self.id, "state": self.state, "status": self.status}
        told |= {"action": "IMAGINE", "progress": "50%" if self.status == "IN_PROGRESS" else ""}
        if self.status == "SUCCESS":
            told |= {"imageUrl": f"https://cdn.example/{self.id}.png", "progress": "100%"}
            told["buttons"] = [{"customId": b.custom_id, "label": b.label} for b in GRID]
        return told | {"failReason": self.reason}


@dataclass
class Post:
    """A POST that left Hookline."""

    of: Name
    at: float
    fate: Fate


@dataclass
class Ledger:
    """The truth about all payments. ``policy``: what it holds others to."""

    policy: Policy
    hooked: bool
    now: Callable[[], float]
    posts: list[Post] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    answered_at: float | None = None  #: when a callback was last answered
    absent_at: float = float("-inf")  #: when our receiver was last away, or turned one away
    allowed: set[Name] = field(default_factory=set)  #: beside which others may be sent
    automatic: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _may_send: dict[Name, int] = field(default_factory=lambda: defaultdict(int))
    _announced_at: dict[Name, float] = field(default_factory=dict)

    def accepted(self, job_id: str) -> list[Task]:
        """All that was paid for the job, in order."""
        return [task for task in self.tasks.values() if task.of[0] == job_id]

    def of_attempt(self, name: Name) -> list[Post]:
        """The POSTs of one attempt."""
        return [post for post in self.posts if post.of == name]

    def asked_again(self, job: Job) -> None:
        """A caller wants a further attempt, whatever became of those before."""
        self.allowed |= {(job.id, attempt.number) for attempt in job.attempts}

    def committed(self, before: Job | None, job: Job) -> None:
        """Hold each change of a record against what it may do to the money."""
        name = (job.id, job.attempt)
        for task_id in (each.task_id for each in job.attempts if each.task_id):
            self.tasks[task_id].evident = True
        if job.posting and not (before and before.posting):
            self._may_send[name] += 1
            self._announced_at[name] = self.now()
            self._check_unpaid(job)
        if before and job.status is Status.QUEUED and before.status is not Status.QUEUED:
            self._tried_again(before, job)
        if before and before.status is Status.IN_DOUBT and job.status is Status.QUEUED:
            outcome = job.attempts[-1].outcome  # else it was clearly refused
            if outcome == "not_listed":
                assert not any(task.of == name for task in self.tasks.values()), "it was accepted"
                self.allowed.add(name)
            if outcome == "in_doubt" and name not in self.allowed:
                self._check_silence(job, job.attempts[-1].posted_at or 0.0)
                self.automatic[job.id].add(job.attempt)
                assert len(self.automatic[job.id]) <= self.policy.max_resubmits

    def _tried_again(self, before: Job, job: Job) -> None:
        """By itself only where that was asked for, and where the task is truly over."""
        over = {Status.FAILED.value, Status.TIMED_OUT.value}
        ended = {a.number: a for a in job.attempts if a.outcome in over}
        for known in (a.number for a in before.attempts if a.outcome in over):
            del ended[known]
        if before.status.terminal or not ended:
            return
        (attempt,) = ended.values()
        assert job.options.retry is not None, "nobody asked for another attempt"
        task = self.tasks[attempt.task_id or ""]
        if attempt.outcome == Status.FAILED.value:
            assert task.over, f"{task} may still succeed"
            assert task.status == "FAILURE"
        else:
            assert self.now() >= attempt.started_at + self.policy.grace_s, "it may still succeed"
        self.allowed.add(task.of)

    def _check_unpaid(self, job: Job) -> None:
        for post in (post for post in self.posts if post.of[0] == job.id):
            clear = post.fate in _CLEAR_REFUSALS or post.of in self.allowed
            if not clear:
                assert post.of[1] != job.attempt, f"{post} is sent again under its own number"
                assert post.of[1] in self.automatic[job.id], f"{post} may be paid for"

    def _check_silence(self, job: Job, posted_at: float) -> None:
        name, now = (job.id, job.attempt), self.now()
        assert now >= posted_at + self.policy.doubt_window_s, "given up too early"
        assert not any(t.evident for t in self.tasks.values() if t.of == name), "it was known"
        if self.policy.in_doubt == "resubmit":
            return
        late = posted_at + 0.9 * self.policy.doubt_window_s
        heard = self.answered_at is not None and self.answered_at > late
        assert self.hooked, "nobody was asked to call back"
        assert heard, "silence tells nothing where nobody speaks"
        assert self.absent_at <= posted_at, "our own receiver was away"

    def sent(self, post: Post) -> None:
        """A POST arrives: only right after it was recorded that it may."""
        self._may_send[post.of] -= 1
        assert self._may_send[post.of] >= 0, f"{post} was not announced"
        assert post.at <= self._announced_at[post.of] + self.policy.lease_s, f"{post} came too late"
        self.posts.append(post)


class ModelProvider(ProviderClient):
    """The provider's side of one account.

    ``fates``: of the next POSTs. ``callbacks``: those that it makes, for the test to deliver.
    """

    def __init__(
        self,
        account: Account,
        ledger: Ledger,
        threshold: Callable[[bool], None],
        let_pass: Callable[[float], None],
    ) -> None:
        super().__init__(account)
        self.ledger = ledger
        self.fates: list[Fate] = []
        self.mute, self.late = False, False
        self.away = False
        self.listed = WHOLE  #: how many of its newest tasks it lists; 0: it has no list
        self.callbacks: list[tuple[Task, dict[str, Any]]] = []
        self.at_once: Callable[[], object] = lambda: None
        self._threshold, self._let_pass = threshold, let_pass

    def submit(
        self,
        kind: Kind,
        submission: Submission,
        send_until: float = float("inf"),
        *,
        exists: bool = False,
    ) -> Verdict:
        self._threshold(True)
        if self.ledger.now() > send_until:
            return read_transport_error("too late to send", sent=False)
        fate = self.fates.pop(0) if self.fates else Fate.ACCEPTED
        fate = Fate.UNREACHABLE if self.away else fate
        state = str(submission.body["state"])
        _, job_id, number, _ = state.split(".")
        name = (job_id, int(number))
        self.ledger.sent(Post(name, self.ledger.now(), fate))
        task = self._accept(name, state, submission.body.get("notifyHook"), fate)
        self._let_pass(_TAKES_S.get(fate, 0.0))
        if fate is Fate.CALLED_BACK_FIRST:
            self.at_once()
        self._threshold(False)
        return _reply(kind, fate, task)

    def _accept(self, name: Name, state: str, hook: Any, fate: Fate) -> Task | None:
        if fate not in _TAKEN:
            return None
        task = Task(f"t{len(self.ledger.tasks)}", name, state, hook, self.mute, self.late)
        self.ledger.tasks[task.id] = task
        self.tell(task)
        return task

    def calm_down(self) -> None:
        """From now on all goes well."""
        self.away, self.mute, self.late, self.fates = False, False, False, []

    def go_on(self, task: Task, status: str, reason: str = "") -> None:
        """Change a task, and call back about it."""
        if task.over or (task.status == "FAILURE" and status != "SUCCESS"):
            return
        task.status, task.reason = status, reason
        self.tell(task)

    def tell(self, task: Task) -> None:
        """Call back about a task as it is."""
        if task.hook and not task.mute:
            self.callbacks.append((task, task.body()))

    def task_list(self) -> list[Snapshot]:
        self._come()
        if not self.listed:
            raise NoSuchCall("The provider has no list.", proven=True)
        return [read_task(task.body()) for task in [*self.ledger.tasks.values()][-self.listed :]]

    def fetch(self, task_id: str) -> Snapshot | None:
        self._come()
        task = self.ledger.tasks.get(task_id)
        return read_task(task.body()) if task else None

    def fetch_many(self, task_ids: Sequence[str]) -> list[Snapshot]:
        self._come()
        known = self.ledger.tasks
        return [read_task(known[each].body()) for each in task_ids if each in known]

    def check(self) -> None:
        self._come()

    def image_seed(self, task_id: str) -> SeedReply:
        self._come()
        return SeedReply(f"seed of {task_id}")

    def _come(self) -> None:
        self._threshold(True)
        if self.away:
            raise ProviderUnavailable("away")


def _reply(kind: Kind, fate: Fate, task: Task | None) -> Verdict:
    match fate:
        case Fate.UNREACHABLE:
            return read_transport_error("no connection", sent=False)
        case Fate.REPLY_LOST | Fate.CUT_OFF | Fate.TOO_SLOW:
            return read_transport_error("cut", sent=True)
        case Fate.BUSY:
            return read_reply(kind, 429, b'{"code":429,"description":"Too Many Requests"}')
        case Fate.QUEUE_FULL:
            return read_reply(kind, 200, b'{"code":23,"description":"queue full"}')
        case Fate.BAD_GATEWAY | Fate.ACCEPTED_BAD_GATEWAY:
            return read_reply(kind, 502, b"<html>Bad Gateway</html>")
        case Fate.REFUSED:
            return read_reply(kind, 200, b'{"code":24,"description":"banned prompt words"}')
        case _:
            assert task is not None
            said = f'{{"code":1,"description":"ok","result":"{task.id}"}}'
            return read_reply(kind, 200, said.encode())
