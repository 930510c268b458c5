"""Each protection taken away, one at a time: a scenario must notice, or it proves nothing.

The product has no switches for this: ``mutations`` changes the processes from outside.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from rich.table import Table

from tests.chaos.scenario import Row, Run
from tests.chaos.scenarios import (
    crashes,
    files,
    ledger,
    mixed,
    pace,
    pauses,
    troubles,
    unknown_paths,
    unreached,
)


@dataclass(frozen=True, slots=True)
class Protection:
    """What is taken away, and which scenario must fail without it."""

    name: str  #: in ``mutations.MUTATIONS``
    change: str
    scenario: str
    sign: str  #: words of the finding that it must make; that it breaks down proves nothing
    play: Callable[[Run], Row]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the scenario found without the protection."""

    protection: Protection
    found: tuple[str, ...]

    @property
    def signs(self) -> tuple[str, ...]:
        """Those of the findings that must be made. None: the scenario is too weak, or broken."""
        return tuple(found for found in self.found if self.protection.sign in found)

    @property
    def noticed(self) -> bool:
        return bool(self.signs)


PROTECTIONS = (
    Protection(
        "lease",
        "the next sweep queues a job again whose POST may have left",
        "F11 (submitting)",
        "paid twice",
        crashes.submitting,
    ),
    Protection(
        "intent",
        "that the POST may leave is recorded after the POST",
        "F11 (no callbacks)",
        "paid twice",
        crashes.unheard,
    ),
    Protection(
        "atomic-children",
        "a success and its follow-ups are commits of their own",
        "F11 (finishing)",
        "follow-ups missing",
        crashes.finishing,
    ),
    Protection(
        "sweep", "due jobs are not looked at", "F11 (submitting)", "lost", crashes.submitting
    ),
    Protection(
        "fencing",
        "a worker sends however late it is; attempts are not told apart",
        "F13",
        "paid twice",
        pauses.pauses,
    ),
    Protection(
        "new-links",
        "a dead link is retried instead of asking for a fresh one",
        "F21",
        "its files are pending",
        files.into_s3,
    ),
    Protection(
        "looking",
        "a file gets its name without being looked at",
        "F21",
        "was seen half-written",
        files.into_s3,
    ),
    Protection(
        "ledger",
        "the gateway's own ledger is not read for jobs in doubt",
        "F30",
        "not everything ended",
        ledger.booked,
    ),
    Protection(
        "free-places",
        "jobs in doubt and overdue keep their places as long as they are watched",
        "F24",
        "places stood still",
        mixed.overdue,
    ),
    Protection(
        "whole-lists",
        "what a task list does not show counts as not accepted, whatever the list is like",
        "F25",
        "paid twice",
        mixed.wrong_lists,
    ),
    Protection(
        "unknown-paths",
        "a page instead of an answer is never compared with that of an unknown path",
        "F27",
        "a call that is not there leaves it in_doubt",
        unknown_paths.pages,
    ),
    Protection(
        "stores-first",
        "every provider may learn of a task late",
        "F28",
        "left in the slots",
        pace.forgetting,
    ),
    Protection("pace", "no lag is learnt from presses", "F28b", "refusals for", pace.lagging),
    Protection(
        "trial-place",
        "a trial of a resting account needs a place that other jobs hold",
        "F26",
        "nothing was accepted",
        troubles.troubles,
    ),
    Protection(
        "refused-questions",
        "it is not learnt that an account refuses questions",
        "F29",
        "while it refused questions",
        troubles.blind,
    ),
    Protection(
        "proofs",
        "a web process that runs counts as one that callbacks reach",
        "F35",
        "paid twice",
        unreached.cut_off,
    ),
)


def prove(run: Run) -> Iterator[Proof]:
    """Play the scenario of each protection without it, in the short size."""
    for protection in PROTECTIONS:
        folder: Path = run.folder / protection.name
        without = replace(
            run,
            full=False,
            folder=folder,
            rng=Random(run.rng.random()),
            without=frozenset({protection.name}),
        )
        try:
            found = protection.play(without).problems
        except Exception as error:  # noqa: BLE001 - the other protections are tried all the same
            found = (f"it broke down: {type(error).__name__}: {error}",)
        yield Proof(protection, found)
        shutil.rmtree(folder, ignore_errors=True)


def table(proofs: list[Proof]) -> Table:
    """For a terminal."""
    shown = Table("protection", "what was changed", "scenario", "what it found", show_lines=True)
    for proof in proofs:
        found = "\n".join(proof.found)
        if not proof.noticed:
            found = f"NOT NOTICED: the scenario is too weak, or broken\n{found}"
        protection = proof.protection
        style = None if proof.noticed else "red"
        shown.add_row(protection.name, protection.change, protection.scenario, found, style=style)
    return shown
