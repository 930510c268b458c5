"""PURE. A job's place in every index, computed from the job (``lua/commit.lua`` moves it)."""

import json
import re
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic_core import to_json

from worker.domain.account.callback_stats import sort_of
from worker.domain.account.task_list import Accepted
from worker.domain.blob_refs import blobs_of
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.notifications import Notification
from worker.domain.refusals import Refusal

#: Instead of an account's name: any account may take the job.
ANY = "*"

#: The version of stored records, also in ``lua/places.lua``. Versions of Hookline that know none
#: take it off again, which shows what they wrote last: see docs/upgrades.md.
FORMAT = 1


class Lane(NamedTuple):
    """Jobs that are alike for every rule: either all of them may start now, or none."""

    rank: str
    account: str  #: ``ANY`` until an account took it
    kind: str  #: ``action/video`` for a press that makes a film
    sort: str  #: selects the price; empty once it is paid for
    mode: str
    batch: str


class Place(NamedTuple):
    """``turn``: priority and tenant. Jobs with one ``concurrency_key`` must not run at once."""

    status: str
    pipeline: str  #: empty: its own
    created_at: float
    task: str
    ready: bool
    turn: str
    lane: Lane
    concurrency_key: str
    holds_slot: bool
    double_payments: bool
    error: str  #: error code of a job that ended without success
    open: bool  #: not settled
    blobs: str  #: references of its stored pictures, separated by spaces
    format: int = FORMAT

    @property
    def as_json(self) -> str:
        """As it is stored, and as ``lua/places.lua`` reads it."""
        return to_json(self._replace(lane="|".join(self.lane))).decode()  # type: ignore[arg-type]


def place_of(job: Job) -> Place:
    """The job's place in every index."""
    return Place(
        status=job.status.value,
        pipeline="" if job.spec.pipeline_id == job.id else job.spec.pipeline_id,
        created_at=job.spec.created_at,
        task=job.task_id or "",
        ready=job.ready,
        turn=f"{9 - job.options.priority}|{job.options.tenant}",
        lane=lane_of(job),
        concurrency_key=concurrency_key_of(job),
        holds_slot=job.holds_slot,
        double_payments=bool(job.double_payments),
        error=job.error.code if job.error and job.status.terminal else "",
        open=not job.settled,
        blobs=" ".join(sorted(blobs_of(job))),
    )


def tasks_of(job: Job) -> frozenset[tuple[str, str]]:
    """Every (account, task id) that identifies the job."""
    tried = {(a.account or job.account, a.task_id) for a in job.attempts if a.task_id}
    others = {(job.account, task_id) for task_id in (job.task_id, *job.other_task_ids) if task_id}
    return frozenset(tried | others)


def starts(job: Job) -> bool:
    """Whether this change needs a free slot and the money for it."""
    return job.status is Status.SUBMITTING and job.holds_slot


def lane_of(job: Job) -> Lane:
    """The job's lane."""
    paid = job.task_id is not None or job.kind is Kind.CHOOSE
    sort = "" if paid else sort_of(job)
    account, rank = job.account or ANY, str(rank_of(job))
    kind = job.kind.value
    if job.makes_film and job.kind is not Kind.VIDEO:
        kind = f"{kind}/{Kind.VIDEO.value}"
    return Lane(rank, account, kind, sort, job.options.mode or "", job.spec.batch_id or "")


def rank_of(job: Job) -> int:
    """Lowest first: follow-ups (1) before roots (2), so that pipelines finish.

    A job whose modal is open comes first (0): its task waits at the provider.
    """
    if job.task_id is not None:
        return 0
    return 1 if job.spec.parent_id else 2


def concurrency_key_of(job: Job) -> str:
    """A hash of the prompt that no other running job may share; empty if any may."""
    prompt = job.exclusive_prompt
    return blake2b(prompt.encode(), digest_size=9).hexdigest() if prompt else ""


#: Entries of a job's metadata by which it is found, and characters of each of their values.
MOST_LABELS, LONGEST_VALUE = 8, 200


def labels_of(job: Job) -> list[str]:
    """What stands for the job's metadata in the indexes behind listings.

    Only texts, numbers and truth values are searched for. A tenant's jobs have two labels for each:
    with one of its own it is not seen what others have.
    """
    tenants = {"", job.options.tenant}
    texts = ((name, _text_of(value)) for name, value in job.metadata.items())
    pairs = [(name, text) for name, text in texts if text is not None][:MOST_LABELS]
    return [label_of(name, text, tenant) for name, text in pairs for tenant in sorted(tenants)]


def label_of(name: str, value: str, tenant: str) -> str:
    """The label of one entry of the metadata; ``tenant``: among the jobs of this one alone."""
    text = json.dumps([tenant, name, value])
    return blake2b(text.encode(), digest_size=9).hexdigest()


def _text_of(value: Any) -> str | None:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if not isinstance(value, dict | list) and len(text) <= LONGEST_VALUE else None


def write_accepted(task: Accepted) -> str:
    """As the store keeps it, apart from the time at which it was accepted."""
    return f"{task.posted_at!r}|{task.sort}|{task.task_id}"


def read_accepted(text: str, accepted_at: float) -> Accepted:
    """The task that ``write_accepted`` wrote."""
    posted_at, sort, task_id = text.split("|", 2)
    return Accepted(task_id, sort, float(posted_at), accepted_at)


#: A time as ``write_cursor`` writes it.
_MOMENT = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}(?:e-?[0-9]{1,2})?")


def read_cursor(cursor: str) -> tuple[float, str]:
    """``created_at`` and id of the last entry of the page before."""
    created_at, _, job_id = cursor.partition("-")
    if not _MOMENT.fullmatch(created_at):
        raise InvalidRequest.of("cursor", "is not one that this listing gave")
    return float(created_at), job_id


def write_cursor(one: Notification | Refusal) -> str:
    """The cursor after ``one``, with its exact time: many may share a rounded one."""
    return write_position(one.created_at, one.id)


def write_position(created_at: float, its_id: str) -> str:
    """The cursor after the entry with this exact time and id."""
    return f"{created_at!r}-{its_id}"
