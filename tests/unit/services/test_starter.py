"""Starting: one wake-up is enough for all that an account may start."""

from pathlib import Path
from threading import Barrier, Event, Lock
from typing import Any

import pytest

from tests.support.jobs import a_job
from tests.support.shell import Shell
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.job import Status
from worker.services.prepare import Preparer
from worker.services.starter import Starter
from worker.services.submit import Submitter, Taken

_LONG_S = 20.0


class Desk(Submitter):
    """Submits as always, and notes how many submissions there are at a time."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        tokens, storage = Tokens(["a secret for this test only"]), Storage(f"file://{folder}")
        preparer = Preparer(shell.orchestrator, tokens, storage, None)
        super().__init__(shell.orchestrator, dict(shell.providers), preparer)
        self.at_once, self.most, self.done = 0, 0, 0
        self.failure: Exception | None = None
        self.all_over = Event()
        self.expected = 0
        self._lock = Lock()

    def submit(self, taken: Taken) -> None:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            super().submit(taken)
            if failure := self.failure:
                self.failure = None
                raise failure
        finally:
            with self._lock:
                self.at_once -= 1
                self.done += 1
                if self.done == self.expected:
                    self.all_over.set()

    def wait(self) -> None:
        assert self.all_over.wait(_LONG_S), f"{self.done} of {self.expected}"


@pytest.fixture
def shell() -> Shell:
    return Shell(max_running=50)


@pytest.fixture
def desk(shell: Shell, tmp_path: Path) -> Desk:
    return Desk(shell, tmp_path)


def starter(desk: Desk, shell: Shell, threads: int) -> Starter:
    return Starter(desk, shell.wakeups, threads)


def put(shell: Shell, desk: Desk, count: int) -> None:
    for number in range(desk.expected, desk.expected + count):
        shell.put(a_job(request={"prompt": f"number {number}"}, created_at=shell.now + number))
    desk.expected += count


def submitted(shell: Shell) -> int:
    return len(shell.provider.submitted)


def test_one_wakeup_starts_all_at_once(shell: Shell, desk: Desk) -> None:
    put(shell, desk, 5)
    together = Barrier(5)
    shell.provider.meanwhile = lambda: together.wait(_LONG_S)  # all of them are being sent
    starter(desk, shell, 8).wake("default")
    desk.wait()
    assert submitted(shell) == 5
    assert all(job.status is Status.SUBMITTED for job in shell.jobs())


def test_what_has_no_thread_is_started_when_one_is_free(shell: Shell, desk: Desk) -> None:
    put(shell, desk, 7)
    starter(desk, shell, 2).wake("default")
    desk.wait()
    assert (submitted(shell), desk.most) == (7, 2)


def test_other_processes_are_called_for_what_has_no_thread_here(shell: Shell, desk: Desk) -> None:
    put(shell, desk, 3)
    starter(desk, shell, 1).wake("default")
    desk.wait()
    assert ("start", "default") in shell.wakeups.sent


def test_a_job_that_comes_while_others_are_sent_is_not_forgotten(shell: Shell, desk: Desk) -> None:
    put(shell, desk, 1)
    ours = starter(desk, shell, 1)

    def another() -> None:
        shell.provider.meanwhile = lambda: None
        put(shell, desk, 1)
        ours.wake("default")

    shell.provider.meanwhile = another
    ours.wake("default")
    desk.wait()
    assert submitted(shell) == 2


@pytest.mark.parametrize("name", ["", "nobody", None, 0])
def test_a_name_of_no_account_holds_up_nobody(shell: Shell, desk: Desk, name: Any) -> None:
    put(shell, desk, 1)
    ours = starter(desk, shell, 1)
    ours.wake(name)
    ours.wake("default")
    desk.wait()
    assert submitted(shell) == 1


def test_a_defect_takes_no_thread_away(shell: Shell, desk: Desk) -> None:
    put(shell, desk, 3)
    desk.failure = ValueError("a defect")
    starter(desk, shell, 1).wake("default")
    desk.wait()
    assert submitted(shell) == 3


def test_stopping_waits_for_what_is_under_way_and_starts_nothing_more(
    shell: Shell, desk: Desk
) -> None:
    put(shell, desk, 2)
    sending, go_on = Event(), Event()

    def slow() -> None:
        sending.set()
        go_on.wait(_LONG_S)

    shell.provider.meanwhile = slow
    ours = starter(desk, shell, 1)
    ours.wake("default")
    assert sending.wait(_LONG_S)
    go_on.set()
    ours.stop()
    assert submitted(shell) == desk.done
    before = submitted(shell)
    ours.wake("default")
    assert submitted(shell) == before
