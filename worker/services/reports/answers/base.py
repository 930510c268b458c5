"""PURE. What all answers share: serialisation, and types with a form of their own in JSON.

An answer holds domain values (seconds, amounts) and converts them when it is serialised. Answers
may get further fields; readers ignore unknown ones.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from worker.domain.job import Status
from worker.domain.money import Amount, units
from worker.domain.times import rfc3339


class Answer(BaseModel):
    """Base of all answers. A nested answer may be given as the domain object it is made from."""

    #: Built on first use: that takes milliseconds, and a command needs few of the models.
    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, without unset fields."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_json(self) -> str:
        """As one line of ASCII, which can hold even a lone surrogate."""
        return json.dumps(self.to_dict(), separators=(",", ":"))


#: Seconds since the epoch.
Time = Annotated[
    float,
    PlainSerializer(rfc3339, return_type=str),
    Field(description="RFC 3339, UTC", json_schema_extra={"format": "date-time"}),
]
Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Count = Annotated[int, Field(ge=0)]
#: An amount; in JSON, in the unit of the prices.
Money = Annotated[Amount, PlainSerializer(units, return_type=float)]
#: Text; null in JSON when it is empty.
TextOrNull = Annotated[str, PlainSerializer(lambda text: text or None, return_type=str | None)]
#: A number per status, and their sum.
Counts = Annotated[
    dict[str, Count],
    Field(json_schema_extra={"required": [*(status.value for status in Status), "total"]}),
]


class Purse(Answer):
    """What was spent, in the unit of the prices. `refunded` is part of `spent`."""

    budget: Money | None = Field(description="null: no limit")
    spent: Money
    reserved: Money = Field(description="for submits under way or in doubt")
    refunded: Money

    @property
    def used(self) -> Amount:
        """What counts against the budget."""
        return self.spent + self.reserved - self.refunded


class BadField(Answer):
    """One thing that is wrong with a request."""

    field: str
    message: str


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """``counts`` with every status, and ``total``."""
    found = {status.value: counts.get(status.value, 0) for status in Status}
    return {**found, "total": sum(found.values())}
