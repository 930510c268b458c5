"""From a terminal callback to the POST of its follow-up, through the processes as they are run."""

import time
from queue import Empty
from statistics import median, quantiles

from tests.bench import procfs
from tests.bench.load import Connection
from tests.bench.provider import Arrival
from tests.bench.rows import Row
from tests.bench.seeds import Seeds
from tests.bench.stage import Stage
from worker.domain.job import Job
from worker.sandbox.models import SUCCESS

_WARM_UP = 20
#: Long enough for all that follows from a sample to be over, so that the next finds idle programs.
_PAUSE_S = 0.05
_LIMIT_S = 10.0


def delay(stage: Stage, samples: int) -> list[Row]:
    """Samples of the floor and ours in turn; then what the programs need at rest."""
    stage.clear()
    floor: list[float] = []
    ours: list[float] = []
    with stage.running("hop", "hop-worker", "web", "worker") as targets:
        follow = _Follow(stage, targets["web"].port)
        hop = Connection(targets["hop"].port)
        request = follow.seeds.callback(follow.seeds.submitted(), SUCCESS, "100%")
        for _ in range(_WARM_UP + samples):
            floor.append(_timed(stage, hop, request)[0] * 1000)
            time.sleep(_PAUSE_S)
            ours.append(follow.sample() * 1000)
            time.sleep(_PAUSE_S)
        time.sleep(1)
        memory = {name: _memory(targets[name].pid) for name in ("web", "worker")}
    if stage.provider.asked:
        raise RuntimeError("the provider was asked, which costs time that is not to be measured")
    rows = _delays(floor[_WARM_UP:], ours[_WARM_UP:])
    for name, used in memory.items():
        if used:
            note = f"PSS; RSS {used.rss:.0f} MiB"
            what = f"memory of {name}, warm and at rest"
            rows.append(Row(what, "MiB", used.pss, note=note).below(150))
    return rows


class _Follow:
    """Our side: a job with one follow-up ends, and the follow-up after it."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.seeds = Seeds(stage.services, stage.provider.url)
        self._stage = stage
        self._connection = Connection(port)

    def sample(self) -> float:
        """Seconds from the callback's first byte to the last one of the child's submission."""
        parent = self.seeds.submitted(then=[{"press": "U1"}])
        callback = self.seeds.callback(parent, SUCCESS, "100%")
        seconds, arrival = _timed(self._stage, self._connection, callback)
        time.sleep(_PAUSE_S)  # the reply is recorded meanwhile
        self._connection.ask(self.seeds.callback(self._child(parent, arrival), SUCCESS, "100%"))
        return seconds

    def _child(self, parent: Job, arrival: Arrival) -> Job:
        pipeline = self._stage.services.store.jobs.pipeline(parent.id)
        children = [job for job in pipeline.jobs if job.spec.parent_id] if pipeline else []
        if [job.task_id for job in children] != [arrival.task_id]:
            raise RuntimeError("the follow-up is not recorded as the provider saw it")
        return children[0]


def _timed(stage: Stage, connection: Connection, request: bytes) -> tuple[float, Arrival]:
    began = time.monotonic()
    answer = connection.ask(request)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"a callback was refused: {answer[:200]!r}")
    try:
        arrival = stage.provider.arrivals.get(timeout=_LIMIT_S)
    except Empty:
        raise RuntimeError(f"no submission within {_LIMIT_S:g} s of its callback") from None
    return arrival.at - began, arrival


def _memory(leader: int) -> procfs.Memory | None:
    return procfs.memory(procfs.session(leader)) if procfs.AVAILABLE else None


def _delays(floor: list[float], ours: list[float]) -> list[Row]:
    what = "callback to follow-up's POST"
    slow, slow_floor = quantiles(ours, n=100)[98], quantiles(floor, n=100)[98]
    middle, middle_floor = median(ours), median(floor)
    note = "floor: one Celery hop and a POST"
    return [
        Row(f"{what}, median", "ms", middle, middle_floor, middle / middle_floor, note).below_ratio(
            4
        ),
        Row(f"{what}, p99", "ms", slow, slow_floor, slow / slow_floor),
    ]
