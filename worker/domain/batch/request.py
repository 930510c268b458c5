"""PURE. What a batch is handed in with, beside its file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, WithJsonSchema

from worker.domain.batch import manifest
from worker.domain.batch.defaults import check_defaults
from worker.domain.batch.records import Form
from worker.domain.errors import InvalidRequest
from worker.domain.job import Notify
from worker.domain.money import Amount, amount
from worker.domain.notifications import Topic
from worker.domain.requests.base import Model, Name, Problem, validate
from worker.domain.requests.notify import BatchNotify
from worker.domain.requests.queries import OneOf, Query


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """How a file is to be read, and what all of its rows share."""

    name: str  #: what the batch is known by; the same name continues the same batch
    form: Form
    defaults: Mapping[str, Any] = field(default_factory=dict)  #: see ``check_defaults``
    permute: bool = True  #: whether ``{red, green}`` in a prompt stands for several prompts
    strict: bool = False  #: nothing is stored if any row is bad
    budget: Amount | None = None  #: what all of its jobs may cost
    notify: Notify | None = None  #: who is told, of its end and of its jobs

    @property
    def of_its_end(self) -> Notify | None:
        """Who is told of the batch's end, if anybody."""
        end = Topic.BATCH_FINISHED.value
        if self.notify is None or end not in self.notify.topics:
            return None
        return replace(self.notify, topics=(end,))

    @property
    def of_its_rows(self) -> Notify | None:
        """Who is told of rows that name nobody themselves, if anybody: most batches have many."""
        if self.notify is None:
            return None
        topics = tuple(each for each in self.notify.topics if each != Topic.BATCH_FINISHED)
        return replace(self.notify, topics=topics) if topics else None


class BatchFields(Model):
    """A batch as it is asked for, beside its file; ``form`` is required."""

    what: ClassVar[str] = "a batch"

    name: Name = Field(
        description="What the batch is known by, and the key that makes a repeat harmless: the "
        "same name continues the same batch, and rows that are there already are left as they are.",
        json_schema_extra={"minLength": 1, "maxLength": 200},
    )
    form: Annotated[Form, OneOf(Form)] | None = Field(
        None,
        validate_default=True,
        description="How the file is written, where Content-Type does not tell.",
    )
    budget: Annotated[float | int, WithJsonSchema({"type": "number", "minimum": 0})] | None = Field(
        None, description="What all of its jobs may cost, in the unit of the prices."
    )
    strict: bool = Field(default=False, description="`true`: store nothing if any row is bad.")
    permute: bool = Field(
        default=True, description="`false`: `{red, green}` in a prompt is text, not two prompts."
    )
    defaults: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict,
        description="What all rows share: fields of a job, all of them optional.",
    )
    notify: BatchNotify | None = Field(
        None, description="Who is told of the batch's end, and of what else."
    )

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Nothing but the caller tells how the file is written."""
        if "form" not in given:
            yield "form", "is required"


def parse_batch(data: Any) -> BatchRequest:
    """The batch that ``data`` describes.

    Raises:
        InvalidRequest: with every bad field.
    """
    return batch_request(validate(BatchFields, data))


def batch_request(asked: BatchFields) -> BatchRequest:
    """The same of fields that were checked one by one. Raises ``InvalidRequest``."""
    check_defaults(asked.defaults, permute=asked.permute)
    try:
        budget = None if asked.budget is None else amount(asked.budget)
    except ValueError as problem:
        raise InvalidRequest.of("budget", str(problem)) from None
    return BatchRequest(
        name=asked.name,
        form=cast("Form", asked.form),  # required, see its rules
        defaults=asked.defaults,
        permute=asked.permute,
        strict=asked.strict,
        budget=budget,
        notify=asked.notify.value if asked.notify else None,
    )


class ManifestQuery(Query):
    """How a manifest is written."""

    format: Annotated[manifest.Form, OneOf(manifest.Form)] = Field(
        manifest.Form.JSONL, description="How it is written."
    )
