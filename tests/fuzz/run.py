"""Gives inputs to targets, and judges what each call cost and raised."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.inputs import Inputs
from tests.fuzz.targets import TARGETS, Target, size_of
from tests.support.cpu import SECONDS_PER_MB

#: A smaller input is reckoned with as one of so many bytes: what is over within 50 ms stops nobody,
#: and cannot be measured on a machine that others use.
LEAST_BYTES = 500_000
#: A call over its budget is repeated: another process may have had the cache, or a collection of
#: garbage the time.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that cost too much, or raised what its caller does not expect."""

    number: int
    target: str
    problem: str
    beginning: str  #: of the input


@dataclass(slots=True)
class Costs:
    """What the calls of one target cost. ``slowest``: by the share of its budget."""

    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0
    share: float = 0.0
    slowest: tuple[float, int, int] = field(default=(0.0, 0, 0))  #: seconds, bytes, number


class Fuzz:
    """One run. ``only``: the names of the targets, all by default."""

    def __init__(self, seed: int, targets: tuple[Target, ...] = TARGETS, **sizes: int) -> None:
        self._inputs = Inputs(seed, **sizes)
        self._weighted = [target for target in targets for _ in range(target.weight)]
        self.costs = {target.name: Costs() for target in targets}

    def run(self, numbers: range) -> Iterator[Fault]:
        """The faults, as they are found."""
        for number in numbers:
            if fault := self.one(number):
                yield fault

    def one(self, number: int) -> Fault | None:
        """Input ``number`` and its fault, if it has one."""
        self._inputs.start(number)
        target = self._inputs.rng.choice(self._weighted)
        made = target.make(self._inputs)
        seconds, raised = _call(target, made)
        size = size_of(made, target)
        allowed = SECONDS_PER_MB * max(size, LEAST_BYTES) / 1e6
        for _ in range(_TRIES):
            if seconds <= allowed or raised:
                break
            seconds = min(seconds, _call(target, made)[0])
        self._count(target, number, size, seconds, seconds / allowed)
        problem = raised or (f"{seconds:.3f} s for {size:,} bytes" if seconds > allowed else None)
        return Fault(number, target.name, problem, repr(made[:200])) if problem else None

    def _count(self, target: Target, number: int, size: int, seconds: float, share: float) -> None:
        costs = self.costs[target.name]
        costs.calls, costs.bytes, costs.seconds = (
            costs.calls + 1,
            costs.bytes + size,
            costs.seconds + seconds,
        )
        if share >= costs.share:
            costs.share, costs.slowest = share, (seconds, size, number)


def _call(target: Target, made: Any) -> tuple[float, str | None]:
    """CPU seconds, and what it should not have raised."""
    raised = None
    start = time.thread_time()
    try:
        target.read(made)
    except target.expected:
        pass
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
        raised = f"{type(error).__name__}: {str(error)[:200]}"
    return time.thread_time() - start, raised
