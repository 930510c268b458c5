"""PURE. Ids of jobs, as people and programs write them."""

import re
from uuid import NAMESPACE_URL, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "hookline:job")
#: A UUID as text.
UUID_PATTERN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID = re.compile(UUID_PATTERN)
#: Shorter ones would be hit by accident.
_BEGINNING = re.compile("[0-9a-f]{4,31}")

#: Names the newest job for people: programs have whole ids.
LAST = "last"


def plain_id(job_id: str) -> str:
    """The id of a job as Hookline writes it: a database may have kept it as a UUID."""
    return job_id.replace("-", "") if _UUID.fullmatch(job_id) else job_id


def is_beginning(words: str) -> bool:
    """Whether this may be the beginning of a job's id: 4 to 31 of its 32 digits."""
    return _BEGINNING.fullmatch(words) is not None


def job_id_of(*parts: str) -> str:
    """A deterministic job id: the same parts always give the same id (32 hex digits)."""
    return uuid5(_NAMESPACE, "\x1f".join(parts)).hex
