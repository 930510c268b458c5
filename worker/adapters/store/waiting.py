"""The ready queue of the store in memory: what ``lua/scheduling.lua`` and ``commit.lua`` do."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from worker.adapters.store.places import Lane, Place
from worker.domain.job import Kind

#: Whether the jobs of a lane may start, given the tenant; and one job of it.
MayStart = Callable[[str, Lane], bool]


@dataclass(slots=True)
class _Batch:
    """How often it was served, and its lanes with theirs."""

    served: int
    lanes: dict[Lane, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Turn:
    """One priority's tenant: how often it was served, and its batches."""

    served: int
    batches: dict[str, _Batch] = field(default_factory=dict)


class Queue:
    """Ready jobs in lanes, lanes in turns; of jobs with one guard only the first is ready."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}
        self._ready: dict[tuple[str, Lane], dict[str, Place]] = defaultdict(dict)
        self._heads: dict[tuple[str, str], str] = {}
        self._parked: dict[tuple[str, str], deque[tuple[str, Place]]] = defaultdict(deque)
        self.waiting: Counter[str] = Counter()  #: ready jobs by ``pool_name``

    def add(self, job_id: str, place: Place) -> list[Place]:
        """Make the job ready, or park it behind its equal; the places that became ready."""
        line = (place.lane.account, place.concurrency_key)
        if place.concurrency_key and self._heads.setdefault(line, job_id) != job_id:
            self._parked[line].append((job_id, place))
            return []
        turn = self._turns.get(place.turn)
        if turn is None:
            turn = self._turns[place.turn] = _Turn(self._next_served(place.turn))
        batch = turn.batches.get(place.lane.batch)
        if batch is None:
            level = min((known.served for known in turn.batches.values()), default=0)
            batch = turn.batches[place.lane.batch] = _Batch(level)
        equals = (n for lane, n in batch.lanes.items() if lane.rank == place.lane.rank)
        batch.lanes.setdefault(place.lane, min(equals, default=0))
        self._ready[place.turn, place.lane][job_id] = place
        self.waiting[pool_name(place.lane.account, place.lane.kind)] += 1
        return [place]

    def remove(self, job_id: str, place: Place) -> list[Place]:
        """Take the job out; the places that became ready by that."""
        if self._ready[place.turn, place.lane].pop(job_id, None):
            self.waiting[pool_name(place.lane.account, place.lane.kind)] -= 1
        line = (place.lane.account, place.concurrency_key)
        if not place.concurrency_key:
            return []
        if self._heads.get(line) != job_id:
            parked = (p for p in self._parked[line] if p[0] != job_id)
            self._parked[line] = deque(parked)
            return []
        del self._heads[line]
        return self.add(*self._parked[line].popleft()) if self._parked[line] else []

    def head(self, place: Place) -> str | None:
        """The only ready job with this one's guard."""
        return self._heads.get((place.lane.account, place.concurrency_key))

    def served(self, place: Place) -> None:
        """A job of this place starts: its tenant, batch and lane go behind their equals."""
        turn = self._turns.get(place.turn)
        if turn is None:
            return
        turn.served += 1
        if batch := turn.batches.get(place.lane.batch):
            batch.served += 1
            if place.lane in batch.lanes:
                batch.lanes[place.lane] += 1

    def in_order(self, may_start: MayStart) -> Iterator[str]:
        """The ids of ready jobs whose lane may start, the next one first."""
        for name, turn in sorted(
            self._turns.items(), key=lambda t: (_priority(t[0]), t[1].served, t[0])
        ):
            batches = sorted(turn.batches.items(), key=lambda each: (each[1].served, each[0]))
            for batch_id, batch in batches:
                lanes = sorted(batch.lanes.items(), key=lambda b: (b[0].rank, b[1], "|".join(b[0])))
                for lane, _ in lanes:
                    if may_start(name.partition("|")[2], lane):
                        yield from self._in_lane(name, batch, lane)
                if not lanes:
                    del turn.batches[batch_id]
            if not batches:
                del self._turns[name]

    def _in_lane(self, turn: str, batch: _Batch, lane: Lane) -> Iterator[str]:
        jobs = self._ready[turn, lane]
        yield from sorted(jobs, key=lambda i: (jobs[i].created_at, i))
        if not jobs:
            del batch.lanes[lane]

    def _next_served(self, turn: str) -> int:
        equals = (t.served for name, t in self._turns.items() if _priority(name) == _priority(turn))
        return min(equals, default=0)


def pool_name(account: str, kind: str) -> str:
    """Films are counted apart."""
    return f"{account}:video" if kind == Kind.VIDEO else account


def _priority(turn: str) -> int:
    return int(turn.partition("|")[0])
