"""The audit trail: a stream of the newest changes."""

import re
from dataclasses import replace

from worker.adapters.store import ChangePage, codec
from worker.adapters.store.base import Part
from worker.domain.audit import KEPT, Change, Wanted
from worker.domain.errors import InvalidRequest

#: Changes read at a time; a filter reads all that are kept, at most.
_CHUNK = 1000
_CURSOR = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)


class AuditStore(Part):
    """The newest ``KEPT``. Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def append(self, change: Change) -> str:
        """Append the change; return its id. The oldest go."""
        fields = {"doc": codec.changes.dump(change)}
        added: bytes = self._ask(self._redis.xadd, self._key, fields, maxlen=KEPT, approximate=True)
        return added.decode()

    def remove(self, change_id: str) -> None:
        """Remove a change that was refused after all."""
        self._ask(self._redis.xdel, self._key, change_id)

    def page(self, wanted: Wanted, limit: int, cursor: str | None = None) -> ChangePage:
        """Newest first. Raises ``InvalidRequest`` for an invalid cursor."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise InvalidRequest.of("cursor", "is not one that this listing gave")
        found: list[Change] = []
        newest = f"({cursor}" if cursor else "+"
        while True:
            chunk = self._ask(self._redis.xrevrange, self._key, newest, "-", _CHUNK)
            for change in (_read(*entry) for entry in chunk):
                if len(found) == limit and wanted.matches(change):
                    return ChangePage(tuple(found), found[-1].id)
                if wanted.matches(change):
                    found.append(change)
            if len(chunk) < _CHUNK:
                return ChangePage(tuple(found))
            newest = f"({chunk[-1][0].decode()}"

    @property
    def _key(self) -> str:
        return f"{self._prefix}audit"


def _read(entry_id: bytes, fields: dict[bytes, bytes]) -> Change:
    return replace(codec.changes.load(fields[b"doc"]), id=entry_id.decode())
