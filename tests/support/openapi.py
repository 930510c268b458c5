"""Holds answers against the OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support.web import Web
from webhooks.api.openapi import document


class NotAsDescribed(AssertionError):
    """An answer is not what the document says."""


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every call."""
    for path, calls in document()["paths"].items():
        for method, call in calls.items():
            yield method, path, call


def path_of(rule: Rule) -> str:
    """A route as the document writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


class CheckedClient(FlaskClient):
    """A test client that raises ``NotAsDescribed``."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        check(answer, self.application)
        return answer


def checked(web: Web) -> Web:
    """The same, and every answer that its client gets is held against the document."""
    web.client = CheckedClient(web.app, web.app.response_class)
    return web


def check(answer: TestResponse, app: Flask) -> None:
    """Raise where ``answer`` has a status, type or field that is not described."""
    rule = _rule(answer, app)
    if rule is None:
        if answer.status_code not in {401, 404, 405}:
            raise NotAsDescribed(f"{answer.status_code} where there is no call")
        return
    if str(rule.endpoint).startswith("pages."):
        return  # for people
    method = answer.request.method.lower()
    call = document()["paths"][path_of(rule)]["get" if method == "head" else method]
    status = str(answer.status_code)
    if status not in call["responses"]:
        raise NotAsDescribed(f"{status} of {call['operationId']}: {answer.get_data(as_text=True)}")
    if method == "head":
        return
    if answer.content_type not in call["responses"][status]["content"]:
        raise NotAsDescribed(f"{status} of {call['operationId']} is {answer.content_type}")
    content = answer.get_json() if answer.is_json else answer.get_data(as_text=True)
    try:
        _validator(call["operationId"], status).validate(content)
    except jsonschema_rs.ValidationError as error:
        raise NotAsDescribed(f"{status} of {call['operationId']}: {error}") from None


def check_message(event: Mapping[str, Any]) -> None:
    """Raise where what a receiver was told is not what is described for its topic."""
    try:
        _message_validator(event["type"]).validate(event)
    except jsonschema_rs.ValidationError as error:
        raise NotAsDescribed(f"{event['type']}: {error}") from None


def _rule(answer: TestResponse, app: Flask) -> Rule | None:
    try:
        found, _ = app.url_map.bind("x").match(
            answer.request.path, answer.request.method, return_rule=True
        )
    except HTTPException:
        return None
    return found


@cache
def _validator(operation: str, status: str) -> jsonschema_rs.Validator:
    (call,) = (each for _, _, each in described() if each["operationId"] == operation)
    content, *_ = call["responses"][status]["content"].values()  # one schema for all types
    return validator(content["schema"])


@cache
def _message_validator(topic: str) -> jsonschema_rs.Validator:
    (content,) = document()["webhooks"][topic]["post"]["requestBody"]["content"].values()
    return validator(content["schema"])


def validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """For one schema of the document, with no field beyond those that it names.

    Readers are told that fields may be added; here one that is not described is a mistake.
    """
    components = deepcopy(document()["components"])
    for each in components["schemas"].values():
        if "properties" in each:
            each["additionalProperties"] = False
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": components}, validate_formats=True
    )
