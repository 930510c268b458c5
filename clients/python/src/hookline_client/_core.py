"""What the two clients share: requests, repeats, answers. No I/O."""

import json
import os
import random
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx

from hookline_client.errors import BY_STATUS, ApiError, HooklineError
from hookline_client.types import Job, Pipeline, Problem, StoredFile

#: A row of a batch: a job's fields, or the prompt alone.
Row = Mapping[str, Any] | str
Rows = Iterable[Row]
AsyncRows = Iterable[Row] | AsyncIterable[Row]
#: A job, or its id.
JobOrId = Job | str

NDJSON = "application/x-ndjson"
#: Seconds; submitting with large images takes longer than other calls.
TIMEOUT_S = 60.0
#: How often a call that is harmless to repeat is sent.
TRIES = 4
#: A client does not sleep for longer than this; it raises the error, which says how long it takes.
MOST_PATIENT_S = 30.0
#: Seconds between two looks at a job that is waited for.
LOOK_EVERY_S = 1.0

_OVER = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def address(url: str | None) -> str:
    """The given address, or that of `HOOKLINE_URL`."""
    return (url or os.environ.get("HOOKLINE_URL") or "http://127.0.0.1:8000").rstrip("/")


def authorization(token: str | None) -> dict[str, str]:
    """The header for the given token, or that of `HOOKLINE_API_TOKEN`."""
    token = token or os.environ.get("HOOKLINE_API_TOKEN")
    if not token:
        raise HooklineError("No API token: pass `token`, or set HOOKLINE_API_TOKEN.")
    return {"Authorization": f"Bearer {token}"}


def new_key(given: str | None) -> dict[str, str]:
    """An idempotency key, with which a submission can be repeated without paying twice."""
    return {"Idempotency-Key": given or uuid4().hex}


def query(**fields: Any) -> dict[str, str]:
    """The query of a URL, without what was left out."""
    return {name: _in_url(value) for name, value in fields.items() if value is not None}


def _in_url(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def id_of(job: JobOrId) -> str:
    """The job's id."""
    return job if isinstance(job, str) else job["id"]


def is_over(job: Job) -> bool:
    """Whether it has ended, and its files and seed are stored or given up."""
    result = job["result"]
    seeding = job["status"] == "succeeded" and job["seed"]
    if seeding and result["assets_status"] == "stored":
        return result["seed"] is not None or result["seed_error"] is not None
    return job["status"] in _OVER and result["assets_status"] != "pending"


def family(root_id: str, pipeline: Pipeline) -> list[Job]:
    """The job and all that grew from it, parents before children."""
    found: dict[str, Job] = {}
    for job in pipeline["jobs"]:
        if job["id"] == root_id or job["parent_id"] in found:
            found[job["id"]] = job
    return list(found.values())


def line(row: Row) -> bytes:
    """A row as a line of NDJSON."""
    fields = {"prompt": row} if isinstance(row, str) else row
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def lines(rows: Rows) -> Iterator[bytes]:
    """The rows as lines, one at a time."""
    return map(line, rows)


async def async_lines(rows: AsyncRows) -> AsyncIterator[bytes]:
    """Likewise, also of rows that come asynchronously."""
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield line(row)
    else:
        for row in rows:
            yield line(row)


def file_name(file: StoredFile) -> str:
    """A name for the file that stays in its folder."""
    return _UNSAFE.sub("_", file["path"].rpartition("/")[2]).lstrip(".") or "file"


def answer_of(response: httpx.Response) -> Any:
    """The JSON of a good answer. Raises `ApiError`."""
    if response.is_success:
        return response.json()
    raise error_of(response)


def error_of(response: httpx.Response) -> ApiError:
    """The error that the answer is."""
    problem: Problem
    try:
        problem = response.json()
        problem["detail"]
    except (ValueError, KeyError, TypeError):  # a proxy's page
        reason = response.reason_phrase or "no reason"
        problem = {"type": "", "title": reason, "status": response.status_code, "detail": reason}
    kind = BY_STATUS.get(response.status_code, ApiError)
    return kind(response.status_code, problem, _retry_after(response))


def pause_before(attempt: int, response: httpx.Response | None) -> float | None:
    """Seconds to wait before the call is sent again; None: not again.

    `response`: None if none came.
    """
    if attempt >= TRIES:
        return None
    if response is None:
        return _backoff(attempt)
    if response.status_code not in (429, 502, 503, 504):
        return None
    seconds = _retry_after(response)
    if seconds is None:
        return _backoff(attempt)
    return seconds if seconds <= MOST_PATIENT_S else None


def _backoff(attempt: int) -> float:
    return 0.25 * 2.0**attempt * random.uniform(0.5, 1.0)


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
