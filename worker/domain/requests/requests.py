"""PURE. The doors: what the calls take, as frozen values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from worker.domain.errors import InvalidRequest
from worker.domain.job import SUBMITTED_KINDS, Kind, Notify, Retry
from worker.domain.requests.base import Id, Model, Name, Problem, suggestion, validate
from worker.domain.requests.kinds import MODELS, Pictured
from worker.domain.requests.steps import ModalAnswer, Steps, normal_form
from worker.domain.result import Keep

Outcome = Literal["resubmit", "failed", "accepted"]


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as it was asked for."""

    kind: Kind
    request: dict[str, Any]  #: the kind's own fields that were given
    then: tuple[dict[str, Any], ...] = ()  #: steps with only the fields that were given
    priority: int = 5  #: 0-9, 9 first
    tenant: str = ""  #: for whom; empty: nobody in particular
    mode: str | None = None  #: fast, relax or turbo
    deadline_s: int = 3600  #: 60-86400
    retry: Retry | None = None
    seed: bool = False  #: whether the seeds of the pictures are asked for
    metadata: dict[str, Any] = field(default_factory=dict)
    account: str | None = None
    notify: Notify | None = None
    keep: Keep | None = None  #: what of the result is stored; None: as the parent's, or all


@dataclass(frozen=True, slots=True)
class PressRequest:
    """A follow-up by hand."""

    button: str
    modal: dict[str, Any] | None = None  #: ``{prompt?, mask?}``, not empty
    then: tuple[dict[str, Any], ...] = ()

    @property
    def step(self) -> dict[str, Any]:
        """The same as a step of ``then``."""
        given = {"press": self.button, "modal": self.modal, "then": list(self.then)}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """How a job in doubt ends; ``task_id`` exactly when it was accepted."""

    outcome: Outcome
    task_id: str | None = None


class Press(Model):
    """A follow-up by hand."""

    what: ClassVar[str] = "press"
    button: Name
    modal: ModalAnswer | None = None
    then: Steps = Field(default_factory=list)


class Resolve(Model):
    """How a job in doubt ends; ``task_id`` exactly when it was accepted."""

    what: ClassVar[str] = "resolve"
    outcome: Outcome
    task_id: Id | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """A task belongs to the outcome `accepted`, and to no other."""
        accepted = given.get("outcome") == "accepted"
        if accepted and "task_id" not in given:
            yield "task_id", "is required: the provider's id of the task that was accepted"
        if not accepted and "task_id" in given:
            yield "task_id", "belongs to the outcome accepted; leave it out"


def parse_request(data: Any) -> JobRequest:
    """A job from the JSON object that a caller handed in.

    Raises:
        InvalidRequest: with every bad field.
    """
    if not isinstance(data, dict):
        raise InvalidRequest.of("request", "must be an object")
    kind = _kind(data.get("kind"))
    fields = {name: value for name, value in data.items() if name != "kind"}
    asked = validate(MODELS[kind], fields)
    return JobRequest(
        kind=kind,
        request=asked.model_dump(exclude=set(Pictured.model_fields), exclude_defaults=True),
        then=normal_form(asked.then),
        priority=asked.priority,
        tenant=asked.tenant or "",
        mode=asked.mode,
        deadline_s=asked.deadline_s,
        retry=asked.retry.value if asked.retry else None,
        seed=isinstance(asked, Pictured) and asked.seed,
        metadata=asked.metadata,
        account=asked.account,
        notify=asked.notify.value if asked.notify else None,
        keep=asked.assets.value if asked.assets else None,
    )


def parse_press(data: Any) -> PressRequest:
    """The body of ``POST /v1/jobs/{id}/press``; raises ``InvalidRequest`` as above."""
    asked = validate(Press, data)
    return PressRequest(asked.button, _given(asked.modal), normal_form(asked.then))


def parse_resolve(data: Any) -> ResolveRequest:
    """The body of ``POST /v1/jobs/{id}/resolve``; raises ``InvalidRequest`` as above."""
    asked = validate(Resolve, data)
    return ResolveRequest(asked.outcome, asked.task_id)


def _given(model: Model | None) -> dict[str, Any] | None:
    return model.model_dump(exclude_defaults=True) if model else None


def _kind(value: Any) -> Kind:
    kinds = [kind.value for kind in SUBMITTED_KINDS]
    if value is None:
        raise InvalidRequest.of("kind", f"is required: one of {', '.join(kinds)}")
    if isinstance(value, str) and value in kinds:
        return Kind(value)
    near = suggestion(value, kinds) if isinstance(value, str) else f"known are {', '.join(kinds)}"
    raise InvalidRequest.of("kind", f"is not a kind of job; {near}")
