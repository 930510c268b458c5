"""PURE. Requests about API tokens."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from worker.domain.access import RESERVED, Limits, Scope
from worker.domain.money import amount
from worker.domain.requests.base import Model, Problem, count, within
from worker.domain.requests.texts import Name

#: Seconds: ten years, and a month.
MOST_EXPIRES_S, MOST_GRACE_S = 315_360_000, 2_678_400
_MOST_REQUESTS = 1_000_000

#: Of a token, as it appears in URLs and in the audit trail.
NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_NAME = re.compile(NAME_PATTERN, re.ASCII)


def _token_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must have 1 to 64 letters, digits, dots, dashes and underscores")
    if name in RESERVED:
        raise ValueError(f"must not be {name}, which the audit trail uses for callers without one")
    return name


def _affordable(units: float) -> float:
    amount(units)
    return units


TokenName = Annotated[
    str,
    AfterValidator(_token_name),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME_PATTERN}$"}),
]
Expires = Annotated[int, within(1, MOST_EXPIRES_S)]


class NewToken(Model):
    """A new API token."""

    what: ClassVar[str] = "a token"

    name: TokenName
    scopes: Annotated[list[Literal["read", "submit", "operate", "admin"]], count(1, len(Scope))] = (
        Field(description="What it may be used for; `admin` includes all others.")
    )
    tenant: Name | None = Field(
        None, description="It sees, starts and pays only what belongs to this tenant."
    )
    expires_s: Expires | None = Field(None, description="Seconds until its secret expires.")
    requests_per_minute: Annotated[int, within(1, _MOST_REQUESTS)] | None = Field(
        None, description="How many requests it may make in a minute."
    )
    budget_per_day: (
        Annotated[
            float | int,
            AfterValidator(_affordable),
            WithJsonSchema({"type": "number", "minimum": 0}),
        ]
        | None
    ) = Field(
        None,
        description="What the jobs submitted on one day (UTC) may cost, in the unit of the prices.",
    )

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """An admin sees everybody's tokens and changes, so it has no tenant."""
        scopes = given.get("scopes")
        if "tenant" in given and isinstance(scopes, list) and Scope.ADMIN in scopes:
            yield "tenant", "cannot be combined with the scope admin, which is for all tenants"

    @property
    def granted(self) -> tuple[Scope, ...]:
        """The scopes in their own order, each once."""
        return tuple(scope for scope in Scope if scope.value in self.scopes)

    @property
    def limits(self) -> Limits:
        """How much it may be used."""
        budget = None if self.budget_per_day is None else amount(self.budget_per_day)
        return Limits(self.requests_per_minute, budget)


class Rotation(Model):
    """How to replace a token's secret."""

    what: ClassVar[str] = "a rotation"

    grace_s: Annotated[int, within(0, MOST_GRACE_S)] = Field(
        3600, description="Seconds for which the old secrets are still accepted."
    )
    expires_s: Expires | None = Field(None, description="Seconds until the new secret expires.")
