# ruff: noqa: ARG001 - faults of one point share a signature, used or not
"""Faults on demand.

A fault is a small function bound to a point and to the option that holds its rate. To add one:
an option in `options`, a function here. Chance depends on the seed, the fault's name and the
number of the submission or callback only, so a run can be repeated whatever the threads do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from worker.sandbox.answers import front_error
from worker.sandbox.base import Dialect
from worker.sandbox.chance import chance
from worker.sandbox.ledger import Stats
from worker.sandbox.model import START_DELAY, SUCCESS, Reply, Task
from worker.sandbox.options import SandboxOptions


@dataclass
class Case:
    """One submission on its way; faults change what becomes of it."""

    path: str
    number: int
    dialect: Dialect
    options: SandboxOptions
    tasks: tuple[Task, ...] = ()
    reply: Reply | None = None
    delay: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Callback:
    """One callback on its way. `seconds` is how long its task runs."""

    url: str
    body: dict[str, Any]
    number: int
    index: int
    seconds: float
    delay: float = 0.0
    attempt: int = 0


@dataclass
class Download:
    """A picture or film on its way. ``announced``: the size that its head tells."""

    data: bytes
    announced: int
    status: int = 200


CaseFault = Callable[[Case, random.Random], None]
CallbackFault = Callable[[Callback, random.Random, SandboxOptions], list[Callback]]
DownloadFault = Callable[[Download, random.Random], None]
LinkFault = Callable[[random.Random, SandboxOptions], float]

_before: dict[str, CaseFault] = {}
_after: dict[str, CaseFault] = {}
_callback: dict[str, CallbackFault] = {}
_download: dict[str, DownloadFault] = {}
_link: dict[str, LinkFault] = {}


def before_accept(rate: str) -> Callable[[CaseFault], CaseFault]:
    """Bind a fault to the moment before a submission is accepted; a reply set there ends it."""
    return lambda fault: _before.setdefault(rate, fault)


def after_accept(rate: str) -> Callable[[CaseFault], CaseFault]:
    """Bind a fault to the moment between accepting and answering."""
    return lambda fault: _after.setdefault(rate, fault)


def on_callback(rate: str) -> Callable[[CallbackFault], CallbackFault]:
    """Bind a fault to a callback about to be sent; it answers what is sent instead."""
    return lambda fault: _callback.setdefault(rate, fault)


def on_download(rate: str) -> Callable[[DownloadFault], DownloadFault]:
    """Bind a fault to a picture or film about to be sent."""
    return lambda fault: _download.setdefault(rate, fault)


def on_link(rate: str) -> Callable[[LinkFault], LinkFault]:
    """Bind a fault to a link that is about to be told; it answers how many seconds it is good."""
    return lambda fault: _link.setdefault(rate, fault)


class Faults:
    """The faults of one sandbox."""

    def __init__(self, options: SandboxOptions, stats: Stats) -> None:
        self._options = options
        self._stats = stats

    def before(self, case: Case) -> None:
        """Maybe set a reply that refuses the submission."""
        for rate, fault in _before.items():
            if case.reply is None and (dice := self._strikes(rate, case.number)) is not None:
                fault(case, dice)

    def after(self, case: Case) -> None:
        """Maybe spoil the answer or the fate of an accepted submission."""
        for rate, fault in _after.items():
            dice = self._strikes(rate, case.number)
            if dice is not None:
                fault(case, dice)

    def callbacks(self, callback: Callback) -> list[Callback]:
        """What is sent instead of this one callback."""
        sent = [callback]
        for rate, fault in _callback.items():
            dice = self._strikes(rate, callback.number, callback.index)
            if dice is not None:
                sent = [new for old in sent for new in fault(old, dice, self._options)]
        return sent

    def download(self, download: Download, number: int, count: int) -> None:
        """Maybe spoil the ``count``-th download of what task ``number`` made."""
        for rate, fault in _download.items():
            if (dice := self._strikes(rate, number, count)) is not None:
                fault(download, dice)

    def link_life(self, number: int, count: int) -> float | None:
        """Seconds that the ``count``-th link to what task ``number`` made is good; None: always."""
        struck = ((self._strikes(rate, number, count), fault) for rate, fault in _link.items())
        return min((fault(dice, self._options) for dice, fault in struck if dice), default=None)

    def _strikes(self, rate: str, *subject: int) -> random.Random | None:
        share: float = getattr(self._options, rate)
        if not share:
            return None
        dice = chance(self._options.seed, rate, *subject)
        if dice.random() >= share:
            return None
        self._stats.count(rate, "faults")
        return dice


@before_accept("refusals")
def _refuse(case: Case, dice: random.Random) -> None:
    case.reply = dice.choice(case.dialect.busy(case.path))


@before_accept("errors_before")
def _fail_before(case: Case, dice: random.Random) -> None:
    case.reply = _server_error(case, dice.choice((500, 502, 503, 504)))


@after_accept("errors_after")
def _fail_after(case: Case, dice: random.Random) -> None:
    # No 503 here: it says that nothing was accepted, and a front that lies is not meant.
    case.reply = _server_error(case, dice.choice((500, 502, 504)))


@after_accept("slow_replies")
def _answer_slowly(case: Case, dice: random.Random) -> None:
    case.delay = dice.uniform(*case.options.slow_seconds)


@after_accept("cut_replies")
def _cut(case: Case, dice: random.Random) -> None:
    case.cut = True


@after_accept("callbacks_early")
def _call_back_first(case: Case, dice: random.Random) -> None:
    case.delay = max(case.delay, START_DELAY + 0.05)


@after_accept("failures")
def _doom(case: Case, dice: random.Random) -> None:
    for task in case.tasks:
        task.doom = task.doom or "Invalid Form Body"


@after_accept("late_successes")
def _time_out_first(case: Case, dice: random.Random) -> None:
    for task in case.tasks:
        if task.doom is None:
            task.doom = case.dialect.timeout_text
            task.succeeds_late = dice.uniform(*case.options.late_success_seconds)


@on_callback("callbacks_lost")
def _lose(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    return []


@on_callback("callbacks_doubled")
def _double(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    return [sent, sent]


@on_callback("callbacks_shuffled")
def _shuffle(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    return [replace(sent, delay=sent.delay + dice.uniform(0, sent.seconds))]


@on_callback("callbacks_late")
def _delay(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    return [replace(sent, delay=sent.delay + dice.uniform(*options.late_seconds))]


@on_callback("callbacks_without_state")
def _drop_state(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    body = {key: value for key, value in sent.body.items() if key != "state"}
    return [replace(sent, body=body)]


@on_callback("callbacks_without_buttons")
def _drop_buttons(sent: Callback, dice: random.Random, options: SandboxOptions) -> list[Callback]:
    if sent.body.get("status") != SUCCESS or "buttons" not in sent.body:
        return [sent]
    return [replace(sent, body=sent.body | {"buttons": []})]


@on_download("pictures_failed")
def _fail_download(download: Download, dice: random.Random) -> None:
    download.data, download.announced, download.status = b"", 0, dice.choice((500, 502, 503))


@on_download("pictures_cut")
def _cut_download(download: Download, dice: random.Random) -> None:
    download.data = download.data[: dice.randrange(len(download.data) or 1)]
    if dice.random() < 0.5:  # a front that cached the half tells its size
        download.announced = len(download.data)


@on_link("links_expired")
def _let_die(dice: random.Random, options: SandboxOptions) -> float:
    return dice.uniform(*options.link_seconds)


def _server_error(case: Case, status: int) -> Reply:
    return case.dialect.crashed() if status == 500 else front_error(status)
