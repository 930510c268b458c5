"""PURE. The parameters of listings, shared by HTTP, the command line and Python.

Query strings have only text, so numbers and flags are also accepted as text.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from worker.domain.inbox import CallbackVerdict
from worker.domain.job import Status
from worker.domain.job_ids import plain_id
from worker.domain.job_spec import Kind
from worker.domain.notifications import DeliveryState
from worker.domain.requests.base import Model

#: Items per page: the maximum and the default.
MAX_PAGE, PAGE = 200, 50
#: Characters of a text that is searched for.
LONGEST = 500


class OneOf:
    """Accepts the values of a string enum, as text or as members."""

    def __init__(self, enum: type[StrEnum]) -> None:
        self._enum = enum

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"enum": [member.value for member in self._enum]}

    def _read(self, value: Any) -> StrEnum:
        if value not in [*self._enum]:
            raise ValueError(f"must be one of {', '.join(self._enum)}")
        return self._enum(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise ValueError("must be one of true, false")
    return value in (True, "true")


def _limit(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MAX_PAGE):
        raise ValueError(f"must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def _pair(value: str) -> str:
    name, sign, _ = value.partition("=")
    if not (name and sign):
        raise ValueError("must be `name=value`")
    return _searchable(value)


def _searchable(value: str) -> str:
    if not value or len(value) > LONGEST or any("\ud800" <= each <= "\udfff" for each in value):
        raise ValueError(f"must be a text of 1 to {LONGEST} characters")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
Limit = Annotated[
    int,
    Field(description="The maximum number of items.", ge=1, le=MAX_PAGE),
    BeforeValidator(_limit),
]
Cursor = Annotated[str, Field(description="The `next_cursor` of the previous page.")]


class Query(Model):
    """Base of all queries."""

    what: ClassVar[str] = "the query"


class JobsQuery(Query):
    """Which jobs to list."""

    status: Annotated[Status, OneOf(Status)] | None = Field(
        None, description="Only jobs in this status."
    )
    kind: Annotated[Kind, OneOf(Kind)] | None = Field(None, description="Only jobs of this kind.")
    account: str | None = Field(None, description="Only jobs of this account.")
    batch: str | None = Field(None, description="Only jobs of this batch.")
    tenant: str | None = Field(None, description="Only jobs of this tenant.")
    metadata: Annotated[str, AfterValidator(_pair)] | None = Field(
        None,
        description="`name=value`: only jobs with this entry of their metadata, of the first eight "
        "entries that are texts of up to 200 characters, numbers, true or false.",
    )
    prompt: Annotated[str, AfterValidator(_searchable)] | None = Field(
        None,
        description="Only jobs with this text in their prompt; A-Z are the same as a-z. A page "
        "looks at 2,000 jobs at most, and its cursor continues from there.",
    )
    roots: Flag = Field(
        default=False, description="`true`: only jobs that no other job started: one per pipeline."
    )
    double_payments: Flag = Field(
        default=False, description="`true`: only jobs that were paid for twice."
    )
    limit: Limit = PAGE
    cursor: Cursor | None = None


class BatchesQuery(Query):
    """How many of the newest batches to list."""

    limit: Limit = PAGE


class RefusedQuery(Query):
    """How many of the newest refused requests to list."""

    limit: Limit = PAGE
    cursor: Cursor | None = None


class DoubtsQuery(Query):
    """Which jobs in doubt to list."""

    account: str | None = Field(None, description="Only jobs of this account.")
    limit: Limit = PAGE
    cursor: Cursor | None = None


class InboxQuery(Query):
    """Which callbacks to list."""

    verdict: Annotated[CallbackVerdict, OneOf(CallbackVerdict)] | None = Field(
        None, description="Only callbacks of which this became."
    )
    limit: Limit = PAGE
    cursor: Cursor | None = None


class AuditQuery(Query):
    """Which changes to list."""

    actor: str | None = Field(
        None, description="Only changes by this one: a token's name, `cli`, `python`, `celery`."
    )
    job: Annotated[str, AfterValidator(plain_id)] | None = Field(
        None, description="Only changes of this job."
    )
    account: str | None = Field(
        None, description="Only changes of this account, and of jobs on it."
    )
    limit: Limit = PAGE
    cursor: Cursor | None = None


class DeliveriesQuery(Query):
    """Which deliveries to list."""

    state: Annotated[DeliveryState, OneOf(DeliveryState)] | None = Field(
        None, description="Only deliveries in this state."
    )
    limit: Limit = PAGE
    cursor: Cursor | None = None
