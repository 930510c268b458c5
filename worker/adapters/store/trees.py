"""Pipelines as trees to look at: many at a time, each with its first jobs; and what changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.job import Job


@dataclass(frozen=True, slots=True)
class Tree:
    """A pipeline, root first. ``hidden``: how many more jobs it has; ``version`` grows with it."""

    id: str
    jobs: tuple[Job, ...]
    hidden: int = 0
    version: int = 0


class Trees(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def read(self, pipeline_ids: Sequence[str], most: int) -> list[Tree]:
        """Those of the pipelines that exist, each with ``most`` jobs at most; in two exchanges."""
        pipe = self._redis.pipeline(transaction=False)
        for pipeline_id in pipeline_ids:
            pipe.lrange(f"{self._prefix}pipeline:{pipeline_id}", 0, most - 2)
            pipe.llen(f"{self._prefix}pipeline:{pipeline_id}")
        listed = self._ask(pipe.execute)
        versions = self.versions(pipeline_ids)
        groups = [
            [pipeline_id, *(each.decode() for each in below)]
            for pipeline_id, below in zip(pipeline_ids, listed[::2], strict=True)
        ]
        docs = iter(self._docs("job", [each for group in groups for each in group]))
        found = [tuple(codec.load(doc) for _ in group if (doc := next(docs))) for group in groups]
        return [
            Tree(pipeline_id, jobs, max(0, total - most + 1), versions.get(pipeline_id, 0))
            for pipeline_id, jobs, total in zip(pipeline_ids, found, listed[1::2], strict=True)
            if jobs
        ]

    def versions(self, pipeline_ids: Sequence[str]) -> dict[str, int]:
        """A number of each pipeline that every commit of one of its jobs raises."""
        found = self._run("tree_versions", *pipeline_ids) if pipeline_ids else []
        return {name: int(version) for name, version in zip(pipeline_ids, found, strict=True)}
