"""How an HTTP call is declared: one row registers its route, reads its query and describes it.

A view takes the context and what its path and query hold; what it returns is the answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, TypeVar

from flask import Flask, Response, request
from pydantic import BaseModel
from werkzeug.routing import BaseConverter

from webhooks.context import Context
from webhooks.problems import Unauthorized
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.requests.base import Model, suggestion, validate
from worker.services.reports.answers import Answer

JSON = dict[str, Any]
JSON_TYPE = "application/json"
REF = "#/components/schemas/{model}"

#: What is taken or answered: a model, one of several, or a schema as it is.
Shape = type[BaseModel] | tuple[type[BaseModel], ...] | JSON
View = TypeVar("View", bound=Callable[..., Answer | Response])


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    method: str
    rule: str  #: Flask's; all under ``/v1/`` want the API token
    view: Callable[..., Answer | Response]  #: its docstring is the summary
    answers: Mapping[int, Shape]  #: by status; that of a plain answer comes first
    body: Shape | None = None
    query: type[Model] | None = None
    parameters: tuple[JSON, ...] = ()  #: of the path and the header
    errors: tuple[int, ...] = ()  #: besides those that follow from the rest
    located: str | None = None  #: what the header Location of a 202 leads to
    offline: bool = False  #: whether it answers while Redis is away
    body_types: tuple[str, ...] = (JSON_TYPE,)
    answer_types: tuple[str, ...] = (JSON_TYPE,)

    @property
    def name(self) -> str:
        """The view's."""
        return self.view.__name__

    @property
    def summary(self) -> str:
        """What it does, in words."""
        return " ".join((self.view.__doc__ or "").split())

    @property
    def public(self) -> bool:
        """Whether it needs no token."""
        return not self.rule.startswith("/v1/")

    def answer(self, context: Context, **path: str) -> Response:
        """Read the query, call the view and write what it answers."""
        asked = {"query": validate(self.query, request.args.to_dict())} if self.query else {}
        made = self.view(context, **path, **asked)
        return made if isinstance(made, Response) else respond(made, next(iter(self.answers)))


class Calls:
    """The calls of one module, in their order."""

    def __init__(self) -> None:
        self._calls = list[Call]()

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def add(
        self, method: str, rule: str, answers: Mapping[int, Shape], **more: Any
    ) -> Callable[[View], View]:
        """A decorator that makes a view a ``Call`` with these fields."""

        def declare(view: View) -> View:
            self._calls.append(Call(method, rule, view, answers, **more))
            return view

        return declare


def ref(model: type[BaseModel]) -> JSON:
    """The model's schema in the document."""
    return {"$ref": REF.format(model=model.__name__)}


def in_path(name: str, description: str, **schema: Any) -> JSON:
    """A parameter of a path."""
    schema = {"type": "string", **schema}
    place = {"in": "path", "name": name, "required": True}
    return {**place, "description": description, "schema": schema}


class JobId(BaseConverter):
    """What an id looks like; a path with anything else is not ours."""

    regex = "[0-9a-f]{32}"


def respond(answer: Answer, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as JSON."""
    return Response(f"{answer.to_json()}\n", status, headers, content_type=JSON_TYPE)


def add_calls(app: Flask, calls: Iterable[Call], context: Context, token: str) -> None:
    """Put the calls, and the guard before them, into ``app``; callers must bring ``token``."""
    app.url_map.converters["job"] = JobId
    known = dict[str | None, tuple[str, ...]]()
    for call in calls:
        known[call.name] = tuple(call.query.model_fields) if call.query else ()
        app.add_url_rule(call.rule, call.name, _bound(call, context), methods=[call.method])

    @app.before_request
    def guard() -> None:
        """Nothing under ``/v1``, not even a 404, without the token."""
        if not request.path.startswith("/v1/"):
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not same:
            raise Unauthorized
        _refuse_unknown(known.get(request.endpoint, ()))


def _bound(call: Call, context: Context) -> Callable[..., Response]:
    return lambda **path: call.answer(context, **path)


def _refuse_unknown(known: tuple[str, ...]) -> None:
    """Every query parameter must be ``known``, once: a mistyped filter would filter nothing."""
    hint = suggestion if known else lambda *_: "this call takes none"
    errors = [
        FieldError(name, f"is not a query parameter here; {hint(name, known)}")
        if name not in known
        else FieldError(name, "is given twice")
        for name, values in request.args.lists()
        if name not in known or len(values) > 1
    ]
    if errors:
        raise InvalidRequest(errors)
