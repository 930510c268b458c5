"""PURE. What a job was asked for: its kind, request, follow-ups and options. Values only.

``worker.domain.job`` has what became of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from worker.domain.result import Keep

JSON = Mapping[str, Any]

#: Marks a value whose fields are stored next to those of the value that holds it.
Flat = Field(exclude=True)


class Kind(StrEnum):
    """What is submitted; each kind is one of the provider's submit calls."""

    IMAGINE = "imagine"
    ACTION = "action"
    BLEND = "blend"
    DESCRIBE = "describe"
    MODAL = "modal"
    SHORTEN = "shorten"
    CHANGE = "change"
    EDITS = "edits"
    RETEXTURE = "retexture"
    VIDEO = "video"
    SWAP_FACE = "swap_face"
    UPLOAD = "upload"
    CHOOSE = "choose"  #: not sent to the provider: a function of the user chooses buttons


#: Kinds that callers may submit.
SUBMITTED_KINDS = tuple(kind for kind in Kind if kind is not Kind.CHOOSE)

#: Kinds whose results the provider matches by the prompt's text: two with equal prompts must not
#: run at once on one account, or their images are swapped (seen on a running proxy: 3 of 3).
ROOT_KINDS = frozenset({Kind.IMAGINE, Kind.EDITS, Kind.RETEXTURE, Kind.VIDEO, Kind.SHORTEN})

#: Kinds whose result is text; all others end with images or videos.
TEXT_KINDS = frozenset({Kind.DESCRIBE, Kind.SHORTEN})


@dataclass(frozen=True, slots=True)
class Retry:
    """Automatic further attempts if the provider's task fails."""

    attempts: int = 3  #: accepted, and paid, submissions in all: 1-10
    backoff_s: int = 10  #: before the second one, then doubling: 1-3600
    on: tuple[str, ...] | None = None  #: error codes; None: all where a retry can help


@dataclass(frozen=True, slots=True)
class Notify:
    """Where notifications go: to a webhook's ``url``, or to a ``celery_task`` on a ``queue``."""

    topics: tuple[str, ...]  #: see ``worker.domain.notifications.Topic``
    url: str | None = None
    celery_task: str | None = None
    queue: str | None = None  #: None: Celery's default


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Options of every kind of job; follow-ups inherit them."""

    priority: int = 5
    tenant: str = ""  #: tenants of one priority share the slots fairly
    mode: str | None = None
    deadline_s: int = 3600
    retry: Retry | None = None  #: None: a task that was accepted is never repeated automatically
    seed: bool = False  #: whether to ask for the image's seed after success
    keep: Keep | None = None  #: which of its files are stored; None: all
    notify: Notify | None = None  #: None: as its account says, if it does

    def following(self, parent: "JobOptions") -> "JobOptions":
        """For a follow-up by hand: fill in tenant, kept files and recipient from the parent."""
        return replace(
            self,
            tenant=self.tenant or parent.tenant,
            keep=self.keep or parent.keep,
            notify=self.notify or parent.notify,
        )


@dataclass(frozen=True)  # without slots: see `job.changed`
class JobSpec:
    """What was asked for, and by which caller, batch or parent."""

    kind: Kind
    request: JSON = field(default_factory=dict)  #: the kind's own fields, images as references
    then: tuple[JSON, ...] = ()  #: follow-up steps, as requested
    options: Annotated[JobOptions, Flat] = JobOptions()
    metadata: JSON = field(default_factory=dict)
    fingerprint: str | None = None  #: hash of the request, to recognise a repeat
    anywhere: bool = False  #: any account may take it, until one accepts it
    created_at: float = 0.0
    pipeline_id: str = ""  #: the root's id
    parent_id: str | None = None
    batch_id: str | None = None
    row: int | None = None  #: line number in the batch's file
    row_key: str | None = None  #: the row's key in its batch
    waits_for: tuple[str, ...] = ()  #: ids of the jobs whose results this one needs
    traceparent: str | None = None  #: of the caller's own trace; follow-ups inherit it
