"""PURE. What a request would become and cost, before anything runs: the tree of its jobs.

What is known only later (the buttons that a task will have, what a function chooses) is counted
once and marked: such a plan is not exact. Attempts that a ``retry`` allows are not counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.domain import buttons
from worker.domain.account import Account
from worker.domain.account.callback_stats import sort_of
from worker.domain.job import JSON, Job, JobSpec, Kind
from worker.domain.money import Amount

#: What a submission of a sort of job costs, such as ``Account.price``.
Price = Callable[[str], Amount]

#: Kinds that end with words, so that no grid's buttons are below them.
_TEXT_KINDS = frozenset({Kind.DESCRIBE, Kind.SHORTEN})


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs that one step starts under one parent, and what follows each of them."""

    kind: Kind
    words: str  #: what they do: a prompt, or the buttons, ``U1, U2``; may be empty
    sort: str  #: what the price goes by; of several, ``upscale, action``
    price: Amount  #: of these jobs together
    times: int = 1  #: how many they are
    known: bool = True  #: False: what is pressed is known only then, and counted as one job
    children: tuple["Plan", ...] = ()  #: below each of them

    @property
    def total(self) -> Amount:
        """What these jobs and all that follows them cost."""
        return self.price + self.times * sum(child.total for child in self.children)

    @property
    def jobs(self) -> int:
        """How many jobs there are in all."""
        return self.times * (1 + sum(child.jobs for child in self.children))

    @property
    def exact(self) -> bool:
        """Whether there can be no more jobs than these."""
        return self.known and all(child.exact for child in self.children)


@dataclass(frozen=True, slots=True)
class Quote:
    """A plan with its price, where each of several accounts may take it."""

    tree: Plan  #: priced by the account where it costs most
    totals: Mapping[str, Amount]  #: by account; follow-ups stay on their root's

    @property
    def total(self) -> Amount:
        """The most that it costs."""
        return self.tree.total


def quote(jobs: Sequence[Job], accounts: Sequence[Account]) -> Quote:
    """The plan of ``jobs``, as ``plan`` takes them, and its price; at least one account."""
    trees = {account.name: plan(jobs, account.price) for account in accounts}
    dearest = max(trees.values(), key=lambda tree: tree.total)
    return Quote(dearest, {name: tree.total for name, tree in trees.items()})


def plan(jobs: Sequence[Job], price: Price) -> Plan:
    """The plan of jobs that differ in nothing but the button that they press; often of one."""
    first = jobs[0]
    sorts = [sort_of(job) for job in jobs]
    return Plan(
        kind=first.kind,
        words=", ".join(map(_words, jobs)),
        sort=", ".join(dict.fromkeys(sorts)),
        price=0 if first.kind is Kind.CHOOSE else sum(map(price, sorts)),
        times=len(jobs),
        known=not _presses_unknown(first),
        children=tuple(plan(made, price) for made in _below(first)),
    )


def next_price(job: Job, accounts: Mapping[str, Account]) -> Amount:
    """What the job's next submission costs: on its account, or where it costs most."""
    if job.kind is Kind.CHOOSE or job.task_id is not None:
        return 0
    able = [accounts[job.account]] if job.account in accounts else []
    candidates = able if job.account else accounts.values()
    return max((account.price(sort_of(job)) for account in candidates), default=0)


def _below(parent: Job) -> Iterator[list[Job]]:
    """The jobs of each step, alike but for their buttons."""
    if parent.kind is Kind.CHOOSE:  # its steps follow each press that its function chooses
        yield [_job(Kind.ACTION, {"button": "*"}, parent.spec.then)]
        return
    for step in parent.spec.then:
        then = tuple(step.get("then", ()))
        if "press" in step:
            names = _names(step["press"], parent)
            yield [_job(Kind.ACTION, {"button": name}, then) for name in names]
        else:
            yield [_of_step(step, then)]


def _of_step(step: JSON, then: tuple[JSON, ...]) -> Job:
    if "imagine" in step:
        return _job(Kind.IMAGINE, {"prompt": step["imagine"]}, then)
    if "blend" in step:
        return _job(Kind.BLEND, {"blend": step["blend"]}, then)
    if "choose" in step:
        return _job(Kind.CHOOSE, {"choose": step["choose"]}, then)
    return _job(Kind.DESCRIBE, {}, then)


def _names(wanted: str, parent: Job) -> Sequence[str]:
    """The buttons that ``wanted`` means; itself where nobody can know yet what matches."""
    if not buttons.is_glob(wanted):
        return [wanted]
    has_grid = parent.kind not in _TEXT_KINDS and sort_of(parent) != "upscale"
    return (has_grid and buttons.matching_names(wanted)) or [wanted]


def _presses_unknown(job: Job) -> bool:
    return job.kind is Kind.ACTION and buttons.is_glob(str(job.request.get("button", "")))


def _words(job: Job) -> str:
    request = job.request
    words = request.get("button") or request.get("prompt") or request.get("choose")
    if words is None and "blend" in request:
        words = " + ".join(request["blend"])
    return str(words or request.get("custom_id") or request.get("action") or "")


def _job(kind: Kind, request: JSON, then: tuple[JSON, ...]) -> Job:
    """A job that is never stored: what a price goes by is told from kind and request alone."""
    return Job("", JobSpec(kind, request, then))
