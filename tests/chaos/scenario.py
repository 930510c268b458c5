"""What a scenario is, what it is given, and what it reports."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one scenario.

    ``full``: the real numbers instead of those that are quick enough for every commit. ``without``
    names the protections that are switched off, to prove that the scenario notices. ``rng`` starts
    from ``seed``; ``tell`` shows how far it is.
    """

    seed: int
    full: bool
    folder: Path
    rng: Random
    tell: Callable[[str], None]
    without: frozenset[str] = frozenset()

    def pick(self, short: T, full: T) -> T:
        """The value for this run's size."""
        return full if self.full else short


@dataclass(frozen=True, slots=True)
class Row:
    """What came of it: one line of the table. No ``problems``: passed."""

    jobs: int = 0
    faults: int = 0
    lost: int = 0
    paid_twice: int = 0
    unlisted: int = 0
    follow_ups_missing: int = 0
    follow_ups_doubled: int = 0
    in_doubt: int = 0
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    note: str = ""
    figures: str = ""  #: what else was measured, for the page too

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way to make trouble. ``short``: also part of the run that every commit gets.

    ``beyond``: it shows where the promise ends, so that what it loses is expected. ``alone``: it
    measures times, so no other one runs meanwhile.
    """

    name: str
    title: str
    run: Callable[[Run], Row]
    short: bool = True
    beyond: bool = False
    alone: bool = False
