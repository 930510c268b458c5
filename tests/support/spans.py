"""Spans as they are sent, instead of an exporter."""

from collections.abc import Iterable

from tests.support.jobs import NOW
from worker.domain.tracing import Span


class Collected:
    """Spans, as they are sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def samples(self, trace: str) -> bool:
        return True

    def send(self, spans: Iterable[Span]) -> None:
        self.spans += spans

    def times(self) -> list[tuple[str, float, float]]:
        return [(each.name, each.start - NOW, each.end - NOW) for each in self.spans]
