"""An account in trouble: what happened to it, and whether it came back soon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos.front import Kind
from worker.domain.account import Dialect

#: The first accepted submission comes so many seconds after the trouble's end, or the rest's.
SOON_S = 5.0
#: The share of the places that are not held which is taken from then on, at the provider.
USED = 0.9


@dataclass(frozen=True, slots=True)
class Case:
    """One account: its dialect, its trouble, and how many seconds that lasts."""

    dialect: Dialect
    kind: Kind
    seconds: float
    number: int

    @property
    def name(self) -> str:
        """The account's name."""
        return f"{self.dialect}-{self.number}"

    def __str__(self) -> str:
        return f"{self.dialect}, {self.kind} for {self.seconds:g} s"


@dataclass(slots=True)
class Course:
    """What became of a case. Times are seconds since the epoch."""

    ended: float = 0.0  #: the trouble
    rest_end: float | None = None  #: as it was when the trouble ended
    first: float | None = None
    used: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def after_s(self) -> float:
        """From the trouble's end to the first accepted submission."""
        return (self.first or float("inf")) - self.ended

    @property
    def late_s(self) -> float:
        """The same, from the end of the trouble or the rest, whichever is nearer."""
        of_rest = (self.first or float("inf")) - max(self.rest_end or 0.0, self.ended)
        return min(self.after_s, max(0.0, of_rest))


def wrong(course: Course) -> Iterator[str]:
    """What went wrong, a sentence each: its own problems, a late return, unused places."""
    yield from course.problems
    if course.first is not None and course.late_s > SOON_S:
        yield f"the first submission was accepted {course.late_s:.1f} s after the end"
    if course.first is not None and course.used < USED:
        yield f"only {course.used:.0%} of the places were used"


def figures(told: Sequence[tuple[Case, Course]]) -> Iterator[str]:
    """A sentence for each trouble: the slowest return after each duration, the lowest use."""
    for kind in dict.fromkeys(case.kind for case, _ in told):
        slowest: dict[float, float] = {}
        for case, each in told:
            if case.kind is kind:
                slowest[case.seconds] = max(slowest.get(case.seconds, 0.0), each.after_s)
        used = min(each.used for case, each in told if case.kind is kind)
        lasted = " / ".join(f"{seconds:g}" for seconds in slowest)
        after = " / ".join(f"{each:.1f}" for each in slowest.values())
        yield f"{kind} for {lasted} s: first after {after} s at most, {used:.0%} used at least"
