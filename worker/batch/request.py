"""PURE. What a batch is handed in with, beside its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from worker.batch.defaults import check_defaults
from worker.batch.records import Form
from worker.errors import InvalidRequest
from worker.money import Amount, amount
from worker.schema.base import Model, Name, validate


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """How a file is to be read, and what all of its rows share."""

    name: str  #: what the batch is known by; the same name continues the same batch
    form: Form
    defaults: Mapping[str, Any] = field(default_factory=dict)  #: see ``check_defaults``
    permute: bool = True  #: whether ``{red, green}`` in a prompt stands for several prompts
    strict: bool = False  #: nothing is stored if any row is bad
    budget: Amount | None = None  #: what all of its jobs may cost


def _known_form(value: str) -> str:
    if value not in {form.value for form in Form}:
        raise ValueError(f"must be one of {', '.join(form.value for form in Form)}")
    return value


class _Batch(Model):
    what: ClassVar[str] = "a batch"
    name: Name
    form: Annotated[str, AfterValidator(_known_form)]
    defaults: dict[str, Any] = Field(default_factory=dict)
    permute: bool = True
    strict: bool = False
    budget: float | int | None = None


def parse_batch(data: Any) -> BatchRequest:
    """The batch that ``data`` describes.

    Raises:
        InvalidRequest: with every bad field.
    """
    asked = validate(_Batch, data)
    check_defaults(asked.defaults, permute=asked.permute)
    try:
        budget = None if asked.budget is None else amount(asked.budget)
    except ValueError as problem:
        raise InvalidRequest.of("budget", str(problem)) from None
    return BatchRequest(
        name=asked.name,
        form=Form(asked.form),
        defaults=asked.defaults,
        permute=asked.permute,
        strict=asked.strict,
        budget=budget,
    )
