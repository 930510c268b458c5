"""PURE. API tokens and the audit trail as answers."""

from typing import Self

from pydantic import Field

from worker.domain.access import Scope
from worker.domain.api_tokens import ApiToken
from worker.domain.audit import AuditAction
from worker.services.reports.answers.base import Answer, Money, Time


class TokenLimits(Answer):
    """How much a token may be used; null: without limit."""

    requests_per_minute: int | None
    budget_per_day: Money | None = Field(
        description="what the jobs submitted on one day (UTC) may cost, in the unit of the prices"
    )


class TokenSecret(Answer):
    """One of a token's secrets."""

    id: str = Field(description="tells them apart; not a part of it")
    created_at: Time
    expires_at: Time | None = Field(description="null: never")


class Token(Answer):
    """What an API token may be used for."""

    name: str
    scopes: tuple[Scope, ...] = Field(description="`admin` includes all others")
    tenant: str | None = Field(description="it sees and pays only as this one; null: for all")
    limits: TokenLimits
    created_at: Time
    secrets: tuple[TokenSecret, ...] = Field(description="the newest first")


class IssuedToken(Token):
    """A token and its new secret."""

    token: str = Field(description="for the header Authorization; it is not shown again")

    @classmethod
    def of(cls, token: ApiToken, secret: str) -> Self:
        """The token with the secret that was just made for it."""
        return cls(**dict(Token.model_validate(token)), token=secret)


class Tokens(Answer):
    """All tokens, by name."""

    items: tuple[Token, ...]


class AuditEntry(Answer):
    """One change, as it was asked for."""

    id: str
    at: Time
    actor: str = Field(description="a token's name, or `cli`, `python`, `celery`")
    tenant: str | None = Field(description="of the token")
    action: AuditAction
    job: str | None
    batch: str | None
    account: str | None = Field(description="of the job, or paused or resumed itself")
    subject: str | None = Field(description="a kind, a delivery or a token")
    detail: str | None


class Audit(Answer):
    """A page of the audit trail, newest first."""

    items: tuple[AuditEntry, ...] = Field(validation_alias="changes")
    next_cursor: str | None = Field(validation_alias="cursor")
