"""The last examination by a web process: all of them show the same."""

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.findings import Report

_KEPT_S = 86_400


class ExaminationStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def latest(self) -> Report | None:
        """The last one; None: there was none within a day."""
        doc = self._ask(self._redis.get, self._key)
        return codec.reports.load(doc) if doc else None

    def save(self, report: Report) -> None:
        """Replace the last one."""
        self._ask(self._redis.set, self._key, codec.reports.dump(report), ex=_KEPT_S)

    @property
    def _key(self) -> str:
        return f"{self._prefix}doctor"
