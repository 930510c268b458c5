"""Errors as ``application/problem+json`` (RFC 9457); the only place that maps them to statuses."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from math import ceil

from flask import Flask, Response, request
from pydantic import Field
from werkzeug.exceptions import HTTPException

from config.logger import get_logger
from worker.adapters.tokens import BadToken
from worker.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    HooklineError,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    TooMuch,
)
from worker.services.enqueue import ButtonNotFound
from worker.services.reports.answers import Answer, BadField

log = get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
#: Seconds.
RETRY_AFTER_S = 5


class Unauthorized(HooklineError):
    """The header Authorization must be `Bearer` and an API token."""


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str = Field(pattern="^urn:hookline:problem:[a-z-]+$")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    errors: tuple[BadField, ...] = ()


_STATUSES: Mapping[type, HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    BadToken: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    ButtonNotFound: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMuch: HTTPStatus.TOO_MANY_REQUESTS,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of an error, to programs and to people."""

    status: int
    title: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] | None = None


def add_problems(app: Flask) -> None:
    """Make ``app`` answer every error with a problem."""
    for kind in (HooklineError, HTTPException, Exception):
        app.register_error_handler(kind, _answer)


def facts_of(error: Exception) -> Facts:
    """What is said of the error; the log has it afterwards."""
    if isinstance(error, ServiceUnavailable):
        return _unavailable(error)
    if isinstance(error, HTTPException):
        return _http(error)
    return _ours(error) if isinstance(error, HooklineError) else _unexpected(error)


def problem(
    status: int,
    title: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem. Its ``type`` is made from ``title``, so titles must not change."""
    name = re.sub(r"[^a-z]+", "-", title.lower())
    listed = tuple(errors)
    body = Problem(
        type=f"urn:hookline:problem:{name}",
        title=title,
        status=status,
        detail=detail,
        **({"errors": listed} if listed else {}),
    )
    return Response(json.dumps(body.to_dict()), status, headers, content_type=PROBLEM_TYPE)


def unavailable(error: ServiceUnavailable, missing: Iterable[FieldError] = ()) -> Response:
    """503; the details, which may reveal hosts and paths, are only logged."""
    return _shown(replace(_unavailable(error), errors=tuple(missing)))


def _answer(error: Exception) -> Response:
    return _shown(facts_of(error))


def _shown(facts: Facts) -> Response:
    return problem(facts.status, facts.title, facts.detail, facts.errors, facts.headers)


def _unavailable(error: ServiceUnavailable) -> Facts:
    log.warning("request.unavailable", error=str(error))
    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Facts(status.value, status.phrase, str(type(error)()), headers=headers)


def _ours(error: HooklineError) -> Facts:
    known = (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    status = next(known, None)
    if status is None:
        return _unexpected(error)
    _log(status, error)
    title = "Button Not Found" if isinstance(error, ButtonNotFound) else status.phrase
    errors = tuple(error.errors) if isinstance(error, InvalidRequest) else ()
    return Facts(status.value, title, str(error), errors, _headers(status, error))


def _headers(status: HTTPStatus, error: HooklineError) -> Mapping[str, str] | None:
    if isinstance(error, TooMuch):
        return {"Retry-After": str(ceil(error.again_s))}
    return {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None


def _http(error: HTTPException) -> Facts:
    status = error.code or 500
    _log(status, error)
    kept = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return Facts(status, error.name, error.description or error.name, (), kept)


def _log(status: int, error: Exception) -> None:
    """Log a refusal, by endpoint: a callback's path contains its token."""
    log.info(
        "request.refused",
        status=int(status),
        reason=type(error).__name__,
        endpoint=request.endpoint,
        caller=request.remote_addr,
    )


def _unexpected(error: Exception) -> Facts:
    log.error("request.failed", exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Facts(status.value, status.phrase, "Something went wrong here; the log has more.")
