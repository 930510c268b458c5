"""PURE. What a batch is handed in with, beside its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from worker.domain.batch.defaults import check_defaults
from worker.domain.batch.records import Form
from worker.domain.errors import InvalidRequest
from worker.domain.job import Notify
from worker.domain.money import Amount, amount
from worker.domain.notifications import Topic
from worker.domain.requests.base import Model, Name, validate
from worker.domain.requests.notify import BatchNotify


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
    notify: BatchNotify | None = None


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
        notify=asked.notify.value if asked.notify else None,
    )
