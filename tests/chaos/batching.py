"""A batch handed in through the function that takes files, and again until all of it is stored."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.load import Acknowledged
from tests.chaos.stage import Stage
from tests.chaos.waiting import pause
from worker.domain.batch.request import parse_batch
from worker.domain.errors import StoreUnavailable

_TRY_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class BatchLoad:
    """A file of so many lines, each a prompt of its own; ``defaults`` as in a batch's request."""

    roots: int
    then: Sequence[Mapping[str, Any]] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    deadline_s: float = 300.0

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        """See ``tests.chaos.load.Work``. A batch that broke off is handed in from its start."""
        deadline = time.monotonic() + self.deadline_s
        while True:
            try:
                return self._hand_in(stage, name)
            except StoreUnavailable as error:
                if time.monotonic() > deadline:
                    return Acknowledged((), (f"the batch {name}: {error}",))
            pause(_TRY_AGAIN_S)

    def _hand_in(self, stage: Stage, name: str) -> Acknowledged:
        batches, store = stage.services.batches, stage.services.store
        defaults = {**self.defaults, "then": [dict(step) for step in self.then]}
        asked = parse_batch({"name": name, "form": "lines", "defaults": defaults})
        lines = (f"a lighthouse, study {name}-{n}\n".encode() for n in range(self.roots))
        progress = list(batches.submit(asked, lines))[-1]
        ids = tuple(job.id for job in store.batches.roots(progress.batch_id, 0, self.roots))
        wrong = f"{progress.rows} rows, {progress.bad} of them bad, and {len(ids)} jobs"
        right = progress.rows == len(ids) == self.roots and not progress.bad
        return Acknowledged(ids, () if right else (f"the batch {name} has {wrong}",))
