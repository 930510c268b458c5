"""Endpoints for API tokens and the audit trail."""

from typing import Any

from flask import Response

from webhooks.api.calls import Calls, in_path, respond
from webhooks.context import Context
from webhooks.parsing import read_body, strict_json
from worker.domain.requests.base import validate
from worker.domain.requests.queries import AuditQuery
from worker.domain.requests.tokens import NAME_PATTERN, NewToken, Rotation
from worker.services.reports.answers import Audit, IssuedToken, Token, Tokens
from worker.services.reports.listing import list_changes

#: Far more than a token's fields take.
_MAX_BYTES = 64 * 1024
_NAME = in_path("name", "The token's name.", pattern=f"^{NAME_PATTERN}$")
_ONE = "/v1/tokens/<name>"

calls = Calls()


@calls.add("GET", "/v1/tokens", {200: Tokens})
def list_tokens(context: Context) -> Tokens:
    """All tokens by name, without their secrets."""
    return Tokens(items=tuple(map(Token.model_validate, context.desk.tokens.all())))


@calls.add(
    "POST", "/v1/tokens", {201: IssuedToken}, body=NewToken, errors=(409,),
    example={"name": "shop", "scopes": ["read", "submit"]},
)  # fmt: skip
def create_token(context: Context) -> Response:
    """Create a token. Its secret is in this answer and nowhere else."""
    token, secret = context.desk.create_token(validate(NewToken, _body()))
    return respond(IssuedToken.of(token, secret), 201)


@calls.add(
    "POST", f"{_ONE}/rotate", {200: IssuedToken}, body=Rotation, parameters=(_NAME,), errors=(409,)
)
def rotate_token(context: Context, name: str) -> IssuedToken:
    """Give the token another secret; the old ones are accepted for a grace period."""
    return IssuedToken.of(*context.desk.rotate_token(name, validate(Rotation, _body())))


@calls.add("DELETE", _ONE, {200: Token}, parameters=(_NAME,))
def revoke_token(context: Context, name: str) -> Token:
    """Remove the token: each process refuses its secrets within a second."""
    return Token.model_validate(context.desk.revoke_token(name))


@calls.add("GET", "/v1/audit", {200: Audit}, query=AuditQuery)
def list_audit(context: Context, query: AuditQuery) -> Audit:
    """List who changed what, newest first: all but submissions. The newest 10,000 are kept."""
    return Audit.model_validate(list_changes(context.services.store, query))


def _body() -> Any:
    return strict_json(read_body(_MAX_BYTES))
