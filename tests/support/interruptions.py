"""Processes that are killed, paused or cut off from the store between any two of their calls.

What runs is an ``Activity``. Whatever it calls outside itself goes through a ``Door``, and at each
door's threshold, on the way in and on the way out, its ``Trouble`` may strike. Only one activity
runs at a time, so a failure can be played again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Semaphore, Thread
from typing import Any, Literal

from worker.domain.errors import StoreUnavailable

#: ``away``: the store does not hear the call. ``lost``: it does, and its answer is lost.
What = Literal["killed", "paused", "away", "lost"]


class Killed(BaseException):
    """The process is gone, so nothing may catch this."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What strikes, at the ``at``-th threshold or the first after it where it can."""

    what: What
    at: int


class Activity:
    """One thing that a process does; ``error`` is what ended it, ``answer`` what it gave."""

    def __init__(self, name: str, act: Callable[[], Any], trouble: Trouble | None) -> None:
        self.name = name
        self.answer: Any = None
        self.error: BaseException | None = None
        self.paused = False
        self.killed = False
        self._act = act
        self._turn, self._machine = Semaphore(0), Semaphore(0)
        self._thread: Thread | None = None
        self._arm(trouble)

    def _arm(self, trouble: Trouble | None) -> None:
        self._trouble, self._passed = trouble, 0

    @property
    def spared(self) -> Trouble | None:
        """The trouble that did not strike here, for whatever comes next."""
        if self._trouble is None:
            return None
        return Trouble(self._trouble.what, max(1, self._trouble.at - self._passed))

    def start(self) -> None:
        """Run to the end or to a pause."""
        if self._trouble is None or self._trouble.what != "paused":
            self._run()
            return
        self._thread = Thread(target=self._run_apart, daemon=True)
        self._thread.start()
        self._machine.acquire()

    def go_on(self, trouble: Trouble | None) -> None:
        """Run on after a pause."""
        self.paused = False
        self._arm(trouble)
        self._turn.release()
        self._machine.acquire()

    def _run(self) -> None:
        try:
            self.answer = self._act()
        except BaseException as error:  # noqa: BLE001 - who started it looks at it
            self.error = error

    def _run_apart(self) -> None:
        self._run()
        self._machine.release()

    def threshold(self, *, of_store: bool, entering: bool) -> None:
        """Strike, if it is time."""
        self._passed += 1
        trouble = self._trouble
        if trouble is None or self._passed < trouble.at:
            return
        cut_off = {"away": entering, "lost": not entering}.get(trouble.what)
        if cut_off is not None:
            if of_store and cut_off:
                self._trouble = None
                raise StoreUnavailable
            return
        self._trouble = None
        if trouble.what == "killed":
            raise Killed
        self._pause()

    def _pause(self) -> None:
        if self._thread is None:
            return
        self.paused = True
        self._machine.release()
        self._turn.acquire()
        if self.killed:
            raise Killed


class Stage:
    """Where activities run; ``paused`` are those that wait to go on."""

    def __init__(self) -> None:
        self.paused: list[Activity] = []
        self._running: Activity | None = None

    def run(self, name: str, act: Callable[[], Any], trouble: Trouble | None = None) -> Activity:
        """Run ``act`` until it ends or pauses."""
        activity = Activity(name, act, trouble)
        return self._take_turn(activity, activity.start)

    def go_on(self, index: int, trouble: Trouble | None = None) -> Activity:
        """Let one that is paused run on."""
        activity = self.paused.pop(index)
        return self._take_turn(activity, lambda: activity.go_on(trouble))

    def kill_paused(self) -> None:
        """The processes of all that are paused are killed."""
        while self.paused:
            self.paused[0].killed = True
            self.go_on(0)

    def _take_turn(self, activity: Activity, turn: Callable[[], None]) -> Activity:
        before, self._running = self._running, activity
        try:
            turn()
        finally:
            self._running = before
        if activity.paused:
            self.paused.append(activity)
        return activity

    def threshold(self, *, of_store: bool, entering: bool) -> None:
        """To be called by whatever an activity calls outside itself."""
        if self._running is not None:
            self._running.threshold(of_store=of_store, entering=entering)


class Door:
    """``inner`` with a threshold before and after each of its calls, and those of its parts.

    ``watch`` gets each call that had its effect: its name, its arguments and its answer.
    """

    def __init__(
        self,
        stage: Stage,
        inner: Any,
        *,
        of_store: bool = False,
        watch: Callable[..., None] | None = None,
    ) -> None:
        self._stage, self._inner, self._of_store, self._watch = stage, inner, of_store, watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method):
            return Door(self._stage, method, of_store=self._of_store, watch=self._watch)

        def call(*args: Any, **options: Any) -> Any:
            self._stage.threshold(of_store=self._of_store, entering=True)
            answer = method(*args, **options)
            if self._watch:
                self._watch(name, args, answer)
            self._stage.threshold(of_store=self._of_store, entering=False)
            return answer

        return call
