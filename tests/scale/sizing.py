"""From what an event costs to what an installation needs. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

#: Events of one provider task, of which one in five is an imagine and four are its follow-ups:
#: ten callbacks as a provider sends them, six of which say something new.
TASK: Mapping[str, float] = {
    "new job": 0.2,
    "take, with the intent to submit": 1,
    "reply": 1,
    "progress": 5,
    "nothing new": 4,
    "end, four follow-ups made": 0.2,
    "end": 0.8,
    "files stored": 1,
    "removal of a pipeline": 0.2,
}
#: What a burst's tasks (``tests.scale.processes``) have less of: their progress comes too fast.
NOT_IN_BURST: Mapping[str, float] = {"progress": 5, "files stored": 1, "removal of a pipeline": 0.2}
#: Provider tasks a second to size for.
RATES = (10, 1_000, 100_000)


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in milliseconds for a provider task, and bytes of a job in Redis."""

    redis_ms: float
    web_ms: float
    worker_ms: float
    waiting: float
    running: float
    finished: float


@dataclass(frozen=True, slots=True)
class Assumed:
    """How long a job is in which state, in seconds, and how full things may be."""

    waits_s: float = 600.0
    runs_s: float = 60.0
    kept_s: float = 3600.0  #: HOOKLINE_RETENTION
    #: The share of a core that may be busy: the rest is for bursts, and for catching up.
    busy: float = 0.6
    #: That one Redis may hold: it has to write and to load them, and replicas to copy.
    redis_gb: float = 64.0


@dataclass(frozen=True, slots=True)
class Size:
    """What so many tasks a second need. Cores as they are to be bought, GB of Redis's memory."""

    rate: float
    redis_cores: float
    web_cores: float
    worker_cores: float
    active_gb: float  #: of jobs that wait or run
    kept_gb: float  #: of finished ones
    cells: int  #: Redis servers that have to share the accounts

    @property
    def gb(self) -> float:
        return self.active_gb + self.kept_gb


def per_task(costs: Mapping[str, float], counts: Mapping[str, float] = TASK) -> float:
    """The cost of a task, in the unit of ``costs``. Raises ``KeyError`` where one is missing."""
    return sum(count * costs[kind] for kind, count in counts.items())


def size(rate: float, costs: Costs, assumed: Assumed) -> Size:
    """What ``rate`` provider tasks a second need."""

    def cores(ms: float) -> float:
        return rate * ms / 1000 / assumed.busy

    active = rate * (assumed.waits_s * costs.waiting + assumed.runs_s * costs.running) / 1e9
    kept = rate * assumed.kept_s * costs.finished / 1e9
    by_cores = cores(costs.redis_ms)
    return Size(
        rate,
        by_cores,
        cores(costs.web_ms),
        cores(costs.worker_ms),
        active,
        kept,
        max(1, ceil(by_cores), ceil((active + kept) / assumed.redis_gb)),
    )
