"""Listings of jobs, through the indexes that ``lua/listings.lua`` describes."""

from collections.abc import Iterator
from typing import Any

from worker.adapters.store import Filter, Page, codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import (
    label_of,
    labels_of,
    read_cursor,
    write_position,
)
from worker.domain.job import Job

#: Index entries that one page looks at, at most: few of them may fit several filters at once, or
#: have a text in their prompt.
MOST_LOOKED_AT = 2000
#: Of these, in one call of the script: Redis serves nobody else meanwhile, a millisecond or two.
_AT_ONCE = 250


class JobListings(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def page(
        self, wanted: Filter, limit: int, cursor: str | None = None, *, tenant: str | None = None
    ) -> Page:
        """Newest first. A page looks at ``MOST_LOOKED_AT`` jobs at most: it may be short, even
        empty, although it has a ``cursor``.

        ``tenant``: only this one's jobs, and neither cost nor cursors depend on what others have.
        Raises ``InvalidRequest`` for an invalid cursor.
        """
        if tenant is not None and wanted.tenant not in (None, tenant):
            return Page(())
        asked = _question(wanted, tenant)
        if cursor:
            asked["top"], asked["after"] = _position(cursor)
        found: list[Job] = []
        for most in _portions(MOST_LOOKED_AT):
            asked |= {"limit": limit - len(found), "most": most}
            score, after, docs = self._run("list_jobs", codec.dump_json(asked))
            found += (job for doc in docs if wanted.says(job := codec.load(doc)))
            if not after:
                return Page(tuple(found))
            asked["top"], asked["after"] = score.decode(), after.decode()
            if len(found) == limit:
                break
        return Page(tuple(found), write_position(float(asked["top"]), asked["after"]))

    def list_stored(self, count: int) -> bool:
        """Put the next ``count`` jobs that older versions stored into the indexes; whether some are
        left.

        Until none is, listings look at more jobs than they show, and metadata finds only those that
        are in the indexes. Safe in any number of processes.
        """
        ended, _ = self._list_stored("listings", count)
        return not ended

    def relist(self, count: int) -> tuple[bool, int]:
        """Look at the next ``count`` jobs, round and round, and put those into the indexes that an
        older version wrote last; whether all were looked at, and how many were put there.

        Older versions run beside this one during a rolling upgrade.
        """
        return self._list_stored("relisted", count)

    def _list_stored(self, cursor: str, count: int) -> tuple[bool, int]:
        at, came_to, *found = self._run("next_stored", count, cursor)
        if at == b"complete":
            return True, 0
        jobs = [
            {"id": job_id, "labels": labels_of(codec.load(doc)) if doc else []}
            for job_id, doc in zip(found[::2], found[1::2], strict=True)
        ]
        self._run("list_stored", cursor, at, came_to, codec.dump_json(jobs))
        return came_to in (b"", b"complete"), len(jobs)


def _question(wanted: Filter, tenant: str | None) -> dict[str, Any]:
    """The argument of ``lua/list_jobs.lua``, without the place and the number."""
    whose = wanted.tenant if tenant is None else tenant
    by_place = {
        "status": wanted.status,
        "kind": wanted.kind,
        "account": wanted.account,
        "batch": wanted.batch_id,
        "tenant": whose,
        "double_payments": wanted.double_payments or None,
        "roots": wanted.roots or None,
    }
    labels = [label_of(name, value, whose or "") for name, value in wanted.metadata]
    given = {name: value for name, value in by_place.items() if value is not None}
    asked: dict[str, Any] = {"wanted": {**given, "labels": labels}, "alone": tenant is not None}
    if wanted.text:
        # As it is written in the doc.
        asked["text"] = codec.dump_json(wanted.text).lower()[1:-1]
    return asked


def _position(cursor: str) -> tuple[str, str]:
    created_at, job_id = read_cursor(cursor)
    return repr(created_at), job_id


def _portions(most: int) -> Iterator[int]:
    for start in range(0, most, _AT_ONCE):
        yield min(_AT_ONCE, most - start)
