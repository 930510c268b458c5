"""A batch beside an attack: whether the health check stays quick, and the memory comes back."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.bench import procfs
from tests.chaos.batching import BatchLoad
from tests.chaos.load import Acknowledged, Load, settle
from tests.chaos.providers import Provider
from tests.chaos.stage import Stage
from tests.chaos.trial import Findings, MakeTrouble, Trouble
from tests.support.processes import ROOT, clean_env, descendants, living

#: One repeats a callback that failed, as crazyrouter says it does, in a tenth of its time; the
#: other never does. Both accept submissions without an answer, which only a callback settles.
AGAIN, NEVER = "again", "never"
PROVIDERS = (
    Provider(
        AGAIN, 10, dialect="crazyrouter",
        faults=("--callback-retry-scale", "0.1", "--cut-replies", "0.1"),
    ),
    Provider(NEVER, 10, dialect="trueai", faults=("--cut-replies", "0.1")),
)  # fmt: skip

#: A well-behaved peer asks for the health so often, and is answered within so many seconds.
_ASK_EVERY_S, _MAX_S = 0.2, 1.0
_GIVE_UP_S = 30.0
_PEER = "127.0.0.9"
#: The programs whose memory is compared, and what it may be afterwards.
_OURS = ("web", "worker-1")
_MAX_RATIO = 1.2
_LOOK_EVERY_S = 0.5


class Peer:
    """Asks for the health as long as the context lasts."""

    def __init__(self, url: str) -> None:
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self._netloc = urlsplit(url).netloc
        self._stop = Event()
        self._thread = Thread(target=self._run, name="peer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __str__(self) -> str:
        slowest = max(self.seconds, default=0.0)
        return f"within {slowest * 1000:.0f} ms at all of {len(self.seconds)} times"

    def _run(self) -> None:
        while not self._stop.wait(_ASK_EVERY_S):
            began = time.monotonic()
            try:
                status = self._ask()
                if status != 200:
                    self.failed.append(str(status))
            except (OSError, HTTPException) as error:
                self.failed.append(type(error).__name__)
            self.seconds.append(time.monotonic() - began)

    def _ask(self) -> int:
        link = HTTPConnection(self._netloc, timeout=_GIVE_UP_S, source_address=(_PEER, 0))
        try:
            link.request("GET", "/healthz")
            answer = link.getresponse()
            answer.read()
            return answer.status
        finally:
            link.close()


@dataclass(slots=True)
class Memory:
    """MiB of PSS of a program with all of its processes: before, at most, and afterwards."""

    before: float
    most: float = 0.0
    after: float = 0.0

    def see(self, now: float) -> None:
        """Note what it is now."""
        self.after, self.most = now, max(self.most, now)

    @property
    def is_back(self) -> bool:
        """Whether it is about what it was before."""
        return self.after <= _MAX_RATIO * self.before

    def __str__(self) -> str:
        return f"{self.before:.0f}, {self.most:.0f} at most, {self.after:.0f} MiB afterwards"


#: Attacks the stage, and returns what was done in words; ``look`` is to be called now and then.
MakeAttack = Callable[[Stage, Callable[[], None]], str]


@dataclass(slots=True)
class Attack:
    """The trouble and the work of a trial, and what is looked at when it is over.

    A warm-up comes first, since a program that has just started grows by its first work. Then the
    ``batch`` is stored, and ``callers`` hand in theirs over HTTP while the attack goes on.
    """

    batch: BatchLoad
    callers: Load
    make: MakeAttack
    back_within_s: float
    faults: int
    also: Callable[[Stage, Sequence[Any]], Iterator[str]] | None = None
    _warm: Event = field(default_factory=Event)
    _memory: dict[str, Memory] = field(default_factory=dict)
    _processes: dict[str, int] = field(default_factory=dict)
    _calm: Peer | None = None
    _peer: Peer | None = None
    _said: str = ""

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        """See ``Work``."""
        with Peer(stage.web_url) as self._calm:
            first = Load(4).hand_in(stage, f"{name}-warm")
            settle(stage, 30, lambda _: None)
        self._memory = {each: Memory(_pss(stage, each)) for each in _OURS}
        self._processes = _processes(stage)
        batch = self.batch.hand_in(stage, name)
        self._warm.set()
        all_of = (first, batch, self.callers.hand_in(stage, f"{name}-callers"))
        return Acknowledged(
            tuple(job_id for each in all_of for job_id in each.ids),
            tuple(reason for each in all_of for reason in each.refused),
        )

    @property
    def trouble(self) -> MakeTrouble:
        """See ``trial``."""
        return self._trouble

    def _trouble(self, trouble: Trouble) -> None:
        while not self._warm.wait(_LOOK_EVERY_S):
            if trouble.over.is_set():
                return
        stage = trouble.stage
        with Peer(stage.web_url) as self._peer:
            self._said = self.make(stage, lambda: self._look_at_memory(stage))
        trouble.faults += self.faults

    def look(self, stage: Stage, jobs: Sequence[Any]) -> Findings:
        """See ``trial``."""
        began = time.monotonic()
        with suppress(TimeoutError):
            _wait(lambda: self._back(stage), self.back_within_s)
        back_s = time.monotonic() - began
        problems = [*self._wrong(stage), *(self.also(stage, jobs) if self.also else ())]
        memory = "; ".join(f"{name} {each}" for name, each in self._memory.items())
        figures = (
            f"{self._said}; health {self._peer} ({self._calm} before); {_callbacks(stage)}; "
            f"memory {memory}, {back_s:.0f} s later"
        )
        return Findings(tuple(problems), figures)

    def _wrong(self, stage: Stage) -> Iterator[str]:
        peer = self._peer or Peer(stage.web_url)
        if slow := [each for each in peer.seconds if each > _MAX_S]:
            yield f"the health took {max(slow):.1f} s, and over {_MAX_S:g} s {len(slow)} times"
        if peer.failed:
            yield f"the health was not told {len(peer.failed)} times, as {peer.failed[0]}"
        if not peer.seconds:
            yield "the health was never asked for"
        for name, each in self._memory.items():
            if not each.is_back:
                yield f"the memory of {name} does not come back: {each}"
        for name, pid in self._processes.items():
            if not living({pid}):
                yield f"{name} ended ({pid})"
        if lost := _lost(stage, AGAIN):
            yield f"{lost} callbacks were lost, although they were sent four times"

    def _look_at_memory(self, stage: Stage) -> None:
        for name, each in self._memory.items():
            each.see(_pss(stage, name))

    def _back(self, stage: Stage) -> bool:
        self._look_at_memory(stage)
        return all(each.is_back for each in self._memory.values())


def run_attacker(module: str, look: Callable[[], None], *args: object) -> str:
    """Run one to its end; what it says that it did."""
    process = subprocess.Popen(
        (sys.executable, "-m", f"tests.chaos.attackers.{module}", *map(str, args)),
        cwd=ROOT, env=clean_env(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            while process.poll() is None:
                look()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY_S)
            said = json.loads(process.stdout.read() if process.stdout else "")
        finally:
            process.kill()
    return ", ".join(f"{number} {what}" for what, number in said.items())


def _wait(met: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_LOOK_EVERY_S)


def _pss(stage: Stage, name: str) -> float:
    """Of all processes of the program; those that end meanwhile do not count."""
    pid = stage.pid(name)
    total = 0.0
    for each in {pid, *descendants(pid)} if pid else ():
        with suppress(OSError):
            total += procfs.memory([each]).pss
    return total


def _processes(stage: Stage) -> dict[str, int]:
    """Our programs, and the processes that answer requests."""
    web = stage.pid("web") or 0
    answering = sorted(descendants(web)) if web else []
    leaders = {name: stage.pid(name) or 0 for name in _OURS}
    return {**leaders, **{f"web's process {n}": pid for n, pid in enumerate(answering, 1)}}


def _stats(stage: Stage, provider: str) -> dict[str, int]:
    told: dict[str, int] = stage.ask_sandbox(f"sandbox-{provider}", "stats")["counts"]
    return told


def _lost(stage: Stage, provider: str) -> int:
    """Callbacks that failed for the last time."""
    stats = _stats(stage, provider)
    return stats.get("callbacks_failed", 0) - stats.get("callbacks_retried", 0)


def _callbacks(stage: Stage) -> str:
    told = {name: _stats(stage, name) for name in (AGAIN, NEVER)}
    sent = sum(each.get("callbacks_sent", 0) for each in told.values())
    again = sum(each.get("callbacks_retried", 0) for each in told.values())
    return f"{sent} callbacks taken, {again} sent again, {_lost(stage, NEVER)} never again"
