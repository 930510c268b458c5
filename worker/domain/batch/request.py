"""PURE. The parameters of a batch and of its manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from worker.domain.batch import manifest
from worker.domain.batch.defaults import check_defaults
from worker.domain.batch.records import Form
from worker.domain.job_spec import Notify
from worker.domain.money import Amount, amount
from worker.domain.notifications import Topic
from worker.domain.requests.base import Model, Problem, validate
from worker.domain.requests.notify import BatchNotify
from worker.domain.requests.queries import Flag, OneOf, Query
from worker.domain.requests.texts import Name


def _affordable(units: float) -> float:
    amount(units)
    return units


class BatchRequest(Model):
    """How to read a file, and what all of its rows share; ``form`` is required."""

    what: ClassVar[str] = "a batch"

    name: Name = Field(
        description="What the batch is known by, and the key that makes a repeat harmless: the "
        "same name continues the same batch, and rows that are there already are left as they are.",
        json_schema_extra={"minLength": 1, "maxLength": 200},
    )
    form: Annotated[Form, OneOf(Form)] | None = Field(
        None,
        validate_default=True,
        description="The format of the file, if Content-Type does not say it.",
    )
    budget: (
        Annotated[
            float | int,
            AfterValidator(_affordable),
            WithJsonSchema({"type": "number", "minimum": 0}),
        ]
        | None
    ) = Field(None, description="What all of its jobs may cost, in the unit of the prices.")
    strict: bool = Field(default=False, description="`true`: store nothing if any row is bad.")
    permute: bool = Field(
        default=True, description="`false`: `{red, green}` in a prompt is text, not two prompts."
    )
    defaults: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict,
        description="What all rows share: fields of a job, all of them optional.",
    )
    notify: BatchNotify | None = Field(
        None, description="Where to send notifications, and on which topics."
    )

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require the format, which is optional only over HTTP."""
        if "form" not in given:
            yield "form", "is required"

    @property
    def limit(self) -> Amount | None:
        """The budget as an amount."""
        return None if self.budget is None else amount(self.budget)

    @property
    def target(self) -> Notify | None:
        """Where to send notifications, if anywhere."""
        return self.notify.value if self.notify else None

    @property
    def of_its_end(self) -> Notify | None:
        """Where to notify of the batch's end, if anywhere."""
        end = Topic.BATCH_FINISHED.value
        target = self.target
        return replace(target, topics=(end,)) if target and end in target.topics else None

    @property
    def of_its_rows(self) -> Notify | None:
        """Where to notify of jobs whose rows have no ``notify`` of their own, if anywhere."""
        if (target := self.target) is None:
            return None
        topics = tuple(each for each in target.topics if each != Topic.BATCH_FINISHED)
        return replace(target, topics=topics) if topics else None


def parse_batch(data: Any) -> BatchRequest:
    """Parse the parameters of a batch.

    Raises:
        InvalidRequest: with every bad field; those of ``defaults`` only if all others are valid.
    """
    asked = validate(BatchRequest, data)
    check_defaults(asked.defaults, permute=asked.permute)
    return asked


class ManifestQuery(Query):
    """The parameters of a manifest."""

    format: Annotated[manifest.Form, OneOf(manifest.Form)] = Field(
        manifest.Form.JSONL, description="How it is written."
    )
    raw: Flag = Field(
        default=False,
        description="`true`: cells of CSV as they are, for programs. Else an apostrophe stands "
        "before what a spreadsheet would take for a formula.",
    )
