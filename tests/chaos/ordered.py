"""A running system whose processes take orders at named points, under a steady trickle of jobs.

The trickle keeps callbacks flowing, and there is always a job to meet an order.
"""

import signal
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from threading import Event, Lock
from time import monotonic
from typing import Any

from tests.chaos import oracle
from tests.chaos.indexes import newest
from tests.chaos.load import FOLLOW_UPS, Acknowledged, Load, hand_in, settle
from tests.chaos.observer import Observer
from tests.chaos.oracle import Payment, Rules
from tests.chaos.points import NOTE, Orders, Passing, Point
from tests.chaos.scenario import Row, Run
from tests.chaos.stage import START_S, Setup, Stage, stage
from tests.chaos.trial import DOUBT_S, DOUBT_SETTINGS, gather
from tests.support.drawing import draw
from worker.domain.job import Job, Status

#: Of a job whose worker died: 1.5 times the submit's timeout, and 2 s (see DOUBT_SETTINGS).
LEASE_S = 5.0
MEET_S = 90.0
_EVER = 1_000_000
_MORE_ROOTS = 5
_IMAGE = "data:image/png;base64," + b64encode(draw()).decode()


class Ordered:
    """The stage, its orders, and the jobs that trickle in."""

    def __init__(self, run: Run, running: Stage, orders: Orders) -> None:
        self.run = run
        self.stage = running
        self.orders = orders
        self.problems: list[str] = []
        self.faults = 0
        self._ids: list[str] = []
        self._refused: list[str] = []
        self._lock = Lock()
        self._numbers = iter(range(_EVER))

    def order(self, point: Point, what: signal.Signals, spare: Sequence[str] = ()) -> Passing:
        """Give an order and wait until somebody meets it with a job that is not to be spared.

        Raises ``NotInTime``.
        """
        before = len(self.orders.met(point))
        self.orders.give(point, what, spare=spare)
        self.stage.wait_for(
            lambda: len(self.orders.met(point)) > before, f"nobody passed {point}", MEET_S
        )
        self.faults += 1
        return self.orders.met(point)[-1]

    def hand_in(self, then: Sequence[dict[str, Any]] = ()) -> None:
        """One more root; each second one has an image, which is read after its start."""
        with self._lock:
            number = next(self._numbers)
        fields = {"images": [_IMAGE]} if number % 2 else {}
        load = Load(1, then, fields=lambda _: fields)
        given = hand_in(self.stage, load, f"{self.run.seed}-{number}")
        with self._lock:
            self._ids += given.ids
            self._refused += given.refused

    def first_doubts(self) -> dict[str, float]:
        """The jobs that were in doubt at any time, and since when."""
        newest_first = reversed(self.orders.met(Point.AFTER_DOUBTED))
        return {passing.job_id: passing.at for passing in newest_first}

    def jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        return {
            job.id: job for job in self.stage.services.store.jobs.get_many(list(dict.fromkeys(ids)))
        }

    def payments(self) -> list[Payment]:
        return oracle.read_ledger(self.stage.ledger_lines(), self.stage.services.tokens)

    def row(self, observer: Observer, rules: Rules, seconds: float, began: float) -> Row:
        """Everything comes to its end, and is compared."""
        most = rules.after(self.faults)
        if not self._settled(most.in_doubt, seconds):
            self.problems.append(f"not everything ended within {seconds:g} s")
        acknowledged = Acknowledged(tuple(self._ids), tuple(self._refused))
        evidence = gather(self.stage, acknowledged, observer, self.problems)
        row = oracle.compare(evidence, most)
        return replace(row, seconds=monotonic() - began, faults=self.faults)

    def _settled(self, in_doubt: int, seconds: float) -> bool:
        """Whether all came to its end in time, with roots more while too many are in doubt.

        Those give a meaning to the silence about what the last faults cut off.
        """
        for _ in range(_MORE_ROOTS):
            if not settle(self.stage, seconds, self.run.tell, doubt_s=DOUBT_S):
                return False
            if len(newest(self.stage.redis, Status.IN_DOUBT, _EVER)) <= in_doubt:
                return True
            self.hand_in()
        return settle(self.stage, seconds, self.run.tell, doubt_s=DOUBT_S)


#: Gives its orders, and may add to ``problems``; what it returns is the row's note.
Conductor = Callable[[Ordered], str]


def conduct(
    run: Run,
    setup: Setup,
    conductor: Conductor,
    rules: Rules,
    *,
    every_s: float = 0.4,
    follow_ups: bool = False,
    seconds: float = 120.0,
) -> Row:
    """Run the system while ``conductor`` gives orders, and compare at the end.

    ``every_s``: how often a job trickles in; with ``follow_ups``, each third has some.
    """
    began = monotonic()
    folder = run.folder / "orders"
    options = ("--orders", str(folder), "--without", ",".join(sorted(run.without)))
    setup = replace(
        setup,
        workers=1,
        worker=("tests.chaos.broken", "worker", "--copies", str(setup.workers), *options),
        web=("tests.chaos.broken", "web", *options),
        sandbox=("--seed", str(run.seed), *setup.sandbox),
        settings={**DOUBT_SETTINGS, **setup.settings},
    )
    with stage(run.folder / "stage", setup) as running:
        ordered = Ordered(run, running, Orders(folder))
        ordered.orders.give(Point.AFTER_DOUBTED, NOTE, times=_EVER)
        with Observer(running, Random(run.rng.random())) as observer:
            with _trickle(ordered, every_s, follow_ups=follow_ups):
                running.wait_for(ordered.payments, "the first submission", START_S)
                note = conductor(ordered)
            row = ordered.row(observer, rules, seconds, began)
    return replace(row, note=note)


@contextmanager
def _trickle(ordered: Ordered, every_s: float, *, follow_ups: bool) -> Iterator[None]:
    stop = Event()

    def feed() -> None:
        number = 0
        while not stop.wait(every_s):
            number += 1
            ordered.hand_in(FOLLOW_UPS if follow_ups and number % 3 == 0 else ())

    with ThreadPoolExecutor(1, "trickle") as pool:
        fed = pool.submit(feed)
        try:
            yield
        finally:
            stop.set()
            fed.result()
