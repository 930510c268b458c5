"""Named points in the life of a process, at which it can be told to kill or to stop itself.

The orders are files, so that a process that comes back does not die at the same point again: an
order is taken by whoever meets it first, and is gone then. The product knows nothing of this; its
classes are wrapped from outside (``install``).
"""

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from worker.adapters.provider.client import ProviderClient
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Openings
from worker.adapters.store.jobs import Change, JobStore
from worker.domain.account.callback_stats import Sample, Source
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus
from worker.services.poll import Poller
from worker.services.submit import Submitter


class Point(StrEnum):
    """Where a process may be told to die. The commits first, in a job's order."""

    BEFORE_STARTED = "before_started"
    AFTER_STARTED = "after_started"  #: `submitting` is recorded, the POST is not prepared
    BEFORE_INTENT = "before_intent"
    AFTER_INTENT = "after_intent"  #: it is recorded that the POST may have left; it has not
    AFTER_POST = "after_post"  #: the provider has answered, nothing is recorded
    BEFORE_REPLY = "before_reply"
    AFTER_REPLY = "after_reply"  #: the answer is recorded, nobody is woken
    BEFORE_CALLBACK = "before_callback"
    AFTER_CALLBACK = "after_callback"  #: recorded, the provider not answered, nobody woken
    BEFORE_SUCCESS = "before_success"  #: of a job with follow-ups
    AFTER_SUCCESS = "after_success"
    AFTER_ASKING = "after_asking"  #: the provider told what was asked, nothing is recorded
    AFTER_STORING = "after_storing"  #: a file is in the storage, the job does not know
    AFTER_CLAIMING = "after_claiming"  #: due jobs are claimed, and not looked at
    BEFORE_DOUBTED = "before_doubted"
    AFTER_DOUBTED = "after_doubted"  #: the job is in doubt
    SUBMIT_OVER = "submit_over"  #: a worker is done with a job that it took, sent or not


#: No order at all, only a note that the point was passed.
NOTE = signal.SIGCONT


@dataclass(frozen=True, slots=True)
class Passing:
    """A process met an order."""

    point: str
    job_id: str
    pid: int
    at: float


class Orders:
    """Orders in a folder: ``give`` is for the harness, ``pass_by`` for the processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def give(
        self,
        point: Point,
        what: signal.Signals,
        *,
        nth: int = 1,
        times: int = 1,
        spare: Sequence[str] = (),
    ) -> None:
        """``what`` to the processes at the ``nth`` passing from now on and those that follow, of
        jobs that are not to be spared.
        """
        draft = self._folder / f"{point}.draft"
        order = {"signal": int(what), "skip": nth - 1, "times": times, "spare": list(spare)}
        draft.write_text(json.dumps(order))
        draft.replace(self._folder / point)

    def given(self, point: Point) -> bool:
        """Whether there is an order."""
        return (self._folder / point).exists()

    def met(self, point: Point) -> list[Passing]:
        """Who met orders for this point so far, oldest first."""
        try:
            text = (self._folder / f"{point}.met").read_text()
        except FileNotFoundError:
            return []
        whole, _, _ = text.rpartition("\n")
        return [Passing(**json.loads(line)) for line in whole.splitlines()]

    def pass_by(self, point: Point, job_id: str) -> None:
        """Carry out the order for this point, if there is one."""
        if not self.given(point):
            return
        # No thread of ours holds the lock of all processes while this one stops.
        with self._mutex:
            what = self._taken(point, job_id)
            if what is not None and what is not NOTE:
                # To this thread: it must not run on while another one takes the signal.
                signal.pthread_kill(threading.get_ident(), what)

    def _taken(self, point: Point, job_id: str) -> signal.Signals | None:
        file = self._folder / point
        with self._locked():
            if not file.exists():
                return None  # somebody else has met it
            order = json.loads(file.read_text())
            if job_id in order["spare"]:
                return None
            due = not order["skip"]
            order["times" if due else "skip"] -= 1
            file.write_text(json.dumps(order))
            if not due:
                return None
            if not order["times"]:
                file.unlink()
            with (self._folder / f"{point}.met").open("a") as met:
                passing = Passing(point, job_id, os.getpid(), time.time())
                met.write(json.dumps(asdict(passing)) + "\n")
            return signal.Signals(order["signal"])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def wrap(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function of a class or module by what ``make`` makes of it."""
    setattr(owner, name, make(getattr(owner, name)))


def install(orders: Orders) -> None:
    """Wrap what a worker and a web process are made of."""
    at = _Whereabouts()

    def submit_job(real: Callable[..., Any]) -> Callable[..., Any]:
        def submit(self: Submitter, taken: Any) -> None:
            at.job_id, at.posted = taken.job.id, False
            try:
                real(self, taken)
            finally:
                orders.pass_by(Point.SUBMIT_OVER, taken.job.id)
                at.job_id, at.posted = "", False

        return submit

    def post(real: Callable[..., Any]) -> Callable[..., Any]:
        def submit(*args: Any, **kwargs: Any) -> Any:
            verdict = real(*args, **kwargs)
            at.posted = True
            orders.pass_by(Point.AFTER_POST, at.job_id)
            return verdict

        return submit

    def poll_about(real: Callable[..., Any]) -> Callable[..., Any]:
        def poll(self: Poller, account: str, job_ids: Sequence[str]) -> None:
            at.job_id = job_ids[0] if job_ids else ""
            real(self, account, job_ids)

        return poll

    wrap(Submitter, "submit", submit_job)
    wrap(ProviderClient, "submit", post)
    wrap(Poller, "poll", poll_about)
    wrap(JobStore, "commit_all", _commits(orders, at))
    wrap(
        ProviderClient,
        "fetch_many",
        _then(lambda args, found: orders.pass_by(Point.AFTER_ASKING, at.job_id)),
    )
    wrap(
        Storage,
        "put_file",
        _then(lambda args, path: orders.pass_by(Point.AFTER_STORING, _job_of_file(args[1]))),
    )
    wrap(
        JobStore,
        "claim_due",
        _then(
            lambda args, jobs: orders.pass_by(Point.AFTER_CLAIMING, jobs[0].id) if jobs else None
        ),
    )


class _Whereabouts(threading.local):
    """What this thread is busy with."""

    job_id = ""
    posted = False


def _then(after: Callable[[Any, Any], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            answer = real(*args, **kwargs)
            after(args, answer)
            return answer

        return call

    return make


def _commits(
    orders: Orders, at: _Whereabouts
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def commit_all(self: JobStore, changes: Sequence[Change], now: float) -> Any:
            what = [
                (number, change.job, *points)
                for number, change in enumerate(changes)
                for points in _told(
                    change.job, change.sample, replied=at.posted and change.job.id == at.job_id
                )
            ]
            for _, job, before, _ in what:
                # Who has read what is out of date commits nothing.
                if orders.given(before) and _is_newest(self, job):
                    orders.pass_by(before, job.id)
            done = real(self, changes, now)
            for number, job, _, after in what:
                if isinstance(done[number], Openings):
                    orders.pass_by(after, job.id)
            return done

        return commit_all

    return make


def _told(job: Job, sample: Sample | None, *, replied: bool) -> Iterator[tuple[Point, Point]]:
    """The points before and after the commit of ``job``, for all that it tells."""
    if job.status is Status.SUBMITTING:
        last = job.attempts[-1]
        taken_before = job.posting and last.posted_at != last.started_at
        yield (
            Point.BEFORE_INTENT if taken_before else Point.BEFORE_STARTED,
            Point.AFTER_INTENT if job.posting else Point.AFTER_STARTED,
        )
    if job.status is Status.IN_DOUBT:
        yield Point.BEFORE_DOUBTED, Point.AFTER_DOUBTED
    if replied:
        yield Point.BEFORE_REPLY, Point.AFTER_REPLY
    if sample and sample.how in (Source.CALLBACK, Source.CALLBACK_WITH_STATE):
        yield Point.BEFORE_CALLBACK, Point.AFTER_CALLBACK
    just_ended = job.result.assets_status in (AssetsStatus.PENDING, AssetsStatus.NONE)
    if job.status is Status.SUCCEEDED and job.spec.then and just_ended:
        yield Point.BEFORE_SUCCESS, Point.AFTER_SUCCESS


def _is_newest(store: JobStore, job: Job) -> bool:
    current = store.get(job.id)
    return (current.version if current else 0) == job.version


def _job_of_file(path: str) -> str:
    """Results are stored as ``{pipeline}/{job}-{n}.{ext}``."""
    return path.rpartition("/")[2].partition("-")[0]
