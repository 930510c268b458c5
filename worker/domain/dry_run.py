"""PURE. What a request would become and cost: the tree of its jobs, before anything runs.

What only becomes known later (which buttons a task has, what a function chooses) is counted once,
and the plan is marked as not exact. Automatic retries are not counted. ``most`` is what all of it
may come to: a budget that is charged beforehand has to hold whatever happens.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.domain import buttons, followups
from worker.domain.account import Account
from worker.domain.account.callback_stats import sort_of
from worker.domain.job import Job
from worker.domain.job_spec import JSON, TEXT_KINDS, JobOptions, JobSpec, Kind
from worker.domain.money import Amount

#: More buttons than any task was seen to have.
MOST_BUTTONS = 25

#: The price of a submission by the sort of job, such as ``Account.price``.
Price = Callable[[str], Amount]


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs that one step starts under one parent, and what follows each of them."""

    kind: Kind
    words: str  #: what they do: a prompt, or the buttons, ``U1, U2``; may be empty
    sort: str  #: what the price depends on; if several, ``upscale, action``
    price: Amount  #: of these jobs together
    times: int = 1  #: number of these jobs
    known: bool = True  #: False: which buttons match is not known yet; counted as one job
    children: tuple["Plan", ...] = ()  #: below each of them
    attempts: int = 1  #: that each of them may be paid for, with automatic retries

    @property
    def total(self) -> Amount:
        """Price of these jobs and all that follow."""
        return self.price + self.times * sum(child.total for child in self.children)

    @property
    def most(self) -> Amount:
        """What these jobs and all that follow may come to."""
        below = sum(child.most for child in self.children)
        known = self.attempts * self.price + self.times * below
        return known if self.known else MOST_BUTTONS * known

    @property
    def jobs(self) -> int:
        """Number of these jobs and all that follow."""
        return self.times * (1 + sum(child.jobs for child in self.children))

    @property
    def exact(self) -> bool:
        """Whether the number of jobs is final."""
        return self.known and all(child.exact for child in self.children)


@dataclass(frozen=True, slots=True)
class Quote:
    """A plan and its price on each account that may take it."""

    tree: Plan  #: with the prices of the most expensive account
    totals: Mapping[str, Amount]  #: by account; follow-ups stay on their root's
    most: Amount  #: what it may come to on any of them, see ``Plan.most``

    @property
    def total(self) -> Amount:
        """The highest price."""
        return self.tree.total


def quote(jobs: Sequence[Job], accounts: Sequence[Account]) -> Quote:
    """The plan of ``jobs`` (see ``plan``) with its prices; needs at least one account."""
    trees = {account.name: plan(jobs, account.price) for account in accounts}
    dearest = max(trees.values(), key=lambda tree: tree.total)
    most = max(tree.most for tree in trees.values())
    return Quote(dearest, {name: tree.total for name, tree in trees.items()}, most)


def plan(jobs: Sequence[Job], price: Price) -> Plan:
    """The plan of one or more jobs that differ only in the button that they press."""
    first = jobs[0]
    sorts = [sort_of(job) for job in jobs]
    button = str(first.request.get("button", ""))
    return Plan(
        kind=first.kind,
        words=", ".join(map(_words, jobs)),
        sort=", ".join(dict.fromkeys(sorts)),
        price=0 if first.kind is Kind.CHOOSE else sum(map(price, sorts)),
        times=len(jobs),
        known=first.kind is not Kind.ACTION or not buttons.is_glob(button),
        children=tuple(plan(made, price) for made in _below(first)),
        attempts=first.options.retry.attempts if first.options.retry else 1,
    )


def next_price(job: Job, accounts: Mapping[str, Account]) -> Amount:
    """The price of the job's next submission: on its account, or the highest of all."""
    if job.kind is Kind.CHOOSE or job.task_id is not None:
        return 0
    able = [accounts[job.account]] if job.account in accounts else []
    candidates = able if job.account else accounts.values()
    return max((account.price(sort_of(job)) for account in candidates), default=0)


def _below(parent: Job) -> Iterator[list[Job]]:
    """The jobs of each step; those of one step differ only in their buttons."""
    if parent.kind is Kind.CHOOSE:  # its steps follow each press that its function chooses
        yield [_job(Kind.ACTION, {"button": "*"}, parent.spec.then, parent.options)]
        return
    for step in parent.spec.then:
        then = tuple(step.get("then", ()))
        options = followups.with_retry(parent, step).options
        if "press" in step:
            names = _names(step["press"], parent)
            yield [_job(Kind.ACTION, {"button": name}, then, options) for name in names]
        elif "imagine" in step:
            yield [_job(Kind.IMAGINE, {"prompt": step["imagine"]}, then, options)]
        else:
            kind = next((k for k in (Kind.BLEND, Kind.CHOOSE) if k.value in step), Kind.DESCRIBE)
            yield [_job(kind, step, then, options)]


def _names(wanted: str, parent: Job) -> Sequence[str]:
    """The buttons that ``wanted`` matches; ``wanted`` itself if that is not known yet."""
    if not buttons.is_glob(wanted):
        return [wanted]
    known = not buttons.is_glob(str(parent.request.get("button", "")))
    has_grid = known and parent.kind not in TEXT_KINDS and sort_of(parent) != "upscale"
    return (has_grid and buttons.matching_names(wanted)) or [wanted]


def _words(job: Job) -> str:
    request = job.request
    words = request.get("button") or request.get("prompt") or request.get("choose")
    if words is None and "blend" in request:
        words = " + ".join(request["blend"])
    return str(words or request.get("custom_id") or request.get("action") or "")


def _job(kind: Kind, request: JSON, then: tuple[JSON, ...], options: JobOptions) -> Job:
    """A job that is never stored; its price depends on its kind and request only."""
    return Job("", JobSpec(kind, request, then, options=options), account="")
