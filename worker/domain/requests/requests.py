"""PURE. The entry points: parse a request, a press or a resolve into a frozen value."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any, ClassVar, Literal

from pydantic import Field

from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import SUBMITTED_KINDS, JobOptions, JobSpec, Kind
from worker.domain.requests.base import Model, Problem, suggestion, validate
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Pictured
from worker.domain.requests.steps import ModalAnswer, Then, normal_form
from worker.domain.requests.texts import Name, OurId, TaskId

Outcome = Literal["resubmit", "failed", "accepted"]

#: Options that are part of a fingerprint even at their default.
_COUNTED = frozenset({"priority", "tenant", "mode", "deadline_s", "retry", "seed", "notify"})


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A validated request for a job."""

    spec: JobSpec
    account: str | None = None  #: must run there; None: on any account

    @property
    def fingerprint(self) -> str:
        """Tells a repeated request from a different one with the same idempotency key."""
        spec, options = self.spec, _values(self.spec.options)
        # Newer options count only if set, so that stored fingerprints stay valid.
        counted = {
            name: v for name, v in options.items() if name in _COUNTED or v != _DEFAULTS[name]
        }
        asked = {"kind": spec.kind, "request": spec.request, "then": spec.then}
        return _hash({**asked, **counted, "metadata": spec.metadata, "account": self.account})


@dataclass(frozen=True, slots=True)
class PressRequest:
    """A validated manual follow-up."""

    button: str
    modal: dict[str, Any] | None = None  #: ``{prompt?, mask?}``, not empty
    then: tuple[dict[str, Any], ...] = ()

    @property
    def fingerprint(self) -> str:
        """As in ``JobRequest``."""
        return _hash(_values(self))

    @property
    def step(self) -> dict[str, Any]:
        """The press as a step of ``then``."""
        given = {"press": self.button, "modal": self.modal, "then": list(self.then)}
        return {name: value for name, value in given.items() if value}


class Press(Model):
    """A manual follow-up."""

    what: ClassVar[str] = "press"
    button: Name
    modal: ModalAnswer | None = None
    then: Then = Field(default_factory=list)


class Resolve(Model):
    """How to resolve a job in doubt; ``task_id`` only with the outcome `accepted`."""

    what: ClassVar[str] = "resolve"
    outcome: Outcome
    task_id: TaskId | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require a task for the outcome `accepted`, and refuse it for others."""
        accepted = given.get("outcome") == "accepted"
        if accepted and "task_id" not in given:
            yield "task_id", "is required: the provider's id of the task that was accepted"
        if not accepted and "task_id" in given:
            yield "task_id", "belongs to the outcome accepted; leave it out"


class Bind(Model):
    """The job to which a callback belongs."""

    what: ClassVar[str] = "bind"
    job_id: OurId


def parse_request(data: Any, *, then: tuple[dict[str, Any], ...] | None = None) -> JobRequest:
    """Parse the JSON object of a job request.

    Args:
        data: the object.
        then: steps that were checked before, in place of the object's own.

    Raises:
        InvalidRequest: with every bad field.
    """
    if not isinstance(data, dict):
        raise InvalidRequest.of("request", "must be an object")
    kind = _kind(data.get("kind"))
    fields = {name: value for name, value in data.items() if name != "kind"}
    asked = validate(MODELS[kind], fields)
    spec = JobSpec(
        kind,
        asked.model_dump(exclude=set(Pictured.model_fields), exclude_defaults=True),
        then or normal_form(asked.then),
        asked.job_options,
        asked.metadata,
    )
    return JobRequest(spec, asked.account)


def parse_press(data: Any) -> PressRequest:
    """Parse the body of ``POST /v1/jobs/{id}/press``; raises ``InvalidRequest``."""
    asked = validate(Press, data)
    return PressRequest(asked.button, _given(asked.modal), normal_form(asked.then))


def parse_resolve(data: Any) -> Resolve:
    """Parse the body of ``POST /v1/jobs/{id}/resolve``; raises ``InvalidRequest``."""
    return validate(Resolve, data)


def _values(of: Any) -> dict[str, Any]:
    """The fields of a dataclass; ``asdict`` would deep-copy them for each row of a batch."""
    return {each.name: getattr(of, each.name) for each in fields(of)}


_DEFAULTS = _values(JobOptions())


def _hash(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True, default=asdict).encode()).hexdigest()[:32]


def _given(model: Model | None) -> dict[str, Any] | None:
    return model.model_dump(exclude_defaults=True) if model else None


def _kind(value: Any) -> Kind:
    kinds = [kind.value for kind in SUBMITTED_KINDS]
    if value is None:
        raise InvalidRequest.of("kind", f"is required: one of {', '.join(kinds)}")
    if isinstance(value, str) and value in kinds:
        return Kind(value)
    near = suggestion(value, kinds) if isinstance(value, str) else f"choose from {', '.join(kinds)}"
    raise InvalidRequest.of("kind", f"is not a kind of job; {near}")
