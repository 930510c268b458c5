"""How an endpoint is declared: a decorator registers its route, parses its query and documents it.

A view takes the context, the path's parameters and the query; it returns the answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from itertools import islice
from typing import Any, TypeVar

from flask import Flask, Response, g, request
from pydantic import BaseModel
from werkzeug.routing import BaseConverter, Map, Rule

from webhooks.api.scopes import NEEDS, Need
from webhooks.context import Context
from webhooks.front.asking import is_first
from webhooks.problems import Unauthorized
from worker.domain.access import SETTINGS, Caller
from worker.domain.api_tokens import is_secret
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_ids import UUID_PATTERN, plain_id
from worker.domain.requests.base import Model, suggestion, validate
from worker.domain.tracing import read_traceparent
from worker.services.reports.answers import Answer

JSON = dict[str, Any]
JSON_TYPE = "application/json"
REF = "#/components/schemas/{model}"

_MAX_PARAMETERS = 50  #: of a query that are looked at; no call takes so many

#: A body: a model, one of several, or a JSON schema.
Shape = type[BaseModel] | tuple[type[BaseModel], ...] | JSON
#: The holder of the settings' token.
_OWNER = Caller(SETTINGS)
View = TypeVar("View", bound=Callable[..., Answer | Response])


@dataclass(frozen=True, slots=True)
class Call:
    """One endpoint."""

    method: str
    rule: str  #: Flask's
    view: Callable[..., Answer | Response]  #: its docstring is the summary
    answers: Mapping[int, Shape]  #: by status; the first is that of a plain answer
    body: Shape | None = None
    query: type[Model] | None = None
    parameters: tuple[JSON, ...] = ()  #: in the path and headers
    errors: tuple[int, ...] = ()  #: besides those implied by the other fields
    located: str | None = None  #: what the Location header of a 202 names
    offline: bool = False  #: whether it works without Redis
    slash: bool = False  #: whether the path may end with a slash, too
    body_types: tuple[str, ...] = (JSON_TYPE,)
    answer_types: tuple[str, ...] = (JSON_TYPE,)
    example: Any = None  #: a body of the first type that can be sent as it is

    @property
    def name(self) -> str:
        """The view's name."""
        return self.view.__name__

    @property
    def summary(self) -> str:
        """The view's docstring."""
        return " ".join((self.view.__doc__ or "").split())

    @property
    def public(self) -> bool:
        """Whether it needs no token."""
        return not needs_token(self.rule)

    @property
    def need(self) -> Need | None:
        """What a token needs for it; None: no token. Raises ``KeyError`` if nothing is declared."""
        return None if self.public else NEEDS[self.name]

    def answer(self, context: Context, **path: str) -> Response:
        """Parse the query, call the view and serialise its answer."""
        asked = {"query": validate(self.query, request.args.to_dict())} if self.query else {}
        made = self.view(context, **path, **asked)
        return made if isinstance(made, Response) else respond(made, next(iter(self.answers)))


class Calls:
    """The endpoints of one module, in order."""

    def __init__(self) -> None:
        self._calls = list[Call]()

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def add(
        self, method: str, rule: str, answers: Mapping[int, Shape], **more: Any
    ) -> Callable[[View], View]:
        """Decorator: declare a view as a ``Call`` with these fields."""

        def declare(view: View) -> View:
            self._calls.append(Call(method, rule, view, answers, **more))
            return view

        return declare


def needs_token(path: str) -> bool:
    """Whether what is at the path is for the holder of an API token only."""
    return path.startswith("/v1/") or path == "/metrics"


def ref(model: type[BaseModel]) -> JSON:
    """A reference to the model's schema."""
    return {"$ref": REF.format(model=model.__name__)}


def in_path(name: str, description: str, **schema: Any) -> JSON:
    """A parameter of a path."""
    schema = {"type": "string", **schema}
    place = {"in": "path", "name": name, "required": True}
    return {**place, "description": description, "schema": schema}


class JobId(BaseConverter):
    """A job id in a path, or the same as a UUID; anything else is a 404."""

    regex = f"[0-9a-f]{{32}}|{UUID_PATTERN}"

    def to_python(self, value: str) -> str:
        """The id as Hookline writes it."""
        return plain_id(value)


def respond(answer: Answer, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as JSON."""
    return Response(f"{answer.to_json()}\n", status, headers, content_type=JSON_TYPE)


def url_map(calls: Iterable[Call], more: Iterable[Rule] = ()) -> Map:
    """The routes of the endpoints, and ``more``; every app can share them."""
    rules = [
        Rule(call.rule, endpoint=call.name, methods=[call.method], strict_slashes=not call.slash)
        for call in calls
    ]
    return Map([*rules, *more], converters={"job": JobId}, merge_slashes=False)


def add_calls(
    app: Flask,
    calls: Iterable[Call],
    context: Context,
    token: str,
    by_page: Callable[[], Caller | None],
) -> None:
    """Register the views in ``app``; those that need a token require one with the call's scope.

    ``token``: that of the settings, which may do everything. ``by_page``: who has one of our pages
    make the call, instead of a token.
    """
    queries, needs = dict[str | None, type[Model] | None](), dict[str | None, Need | None]()
    for call in calls:
        queries[call.name] = call.query
        needs[call.name] = call.need
        app.view_functions[call.name] = _bound(call, context)
    of_settings = token.encode()

    @app.before_request
    def guard() -> None:
        """Without a token nothing under ``/v1/`` is answered, not even a 404."""
        if not needs_token(request.path):
            return
        caller = by_page() or _caller(context, of_settings)
        header = request.headers.get("traceparent")
        g.caller = replace(caller, traceparent=read_traceparent(header)) if header else caller
        if need := needs.get(request.endpoint):
            need.check(g.caller)
        _refuse_unknown(queries.get(request.endpoint))


def _caller(context: Context, of_settings: bytes) -> Caller:
    """Who makes this request. The token of the settings works while Redis is away.

    Raises ``Unauthorized``, ``TooMuch`` and ``StoreUnavailable``.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    secret = given.strip()
    if scheme.lower() != "bearer":
        raise Unauthorized
    if compare_digest(secret.encode(), of_settings):
        return _OWNER
    if not is_secret(secret):
        raise Unauthorized
    access = context.services.access
    caller = access.caller(secret)
    if caller is None:
        raise Unauthorized
    if is_first(request.environ):
        access.count(caller)
    return caller


def _bound(call: Call, context: Context) -> Callable[..., Response]:
    return lambda **path: call.answer(context, **path)


def _refuse_unknown(query: type[Model] | None) -> None:
    """Refuse unknown or repeated parameters: a mistyped filter would filter nothing.

    With them all that is wrong with the others is said.
    """
    known = tuple(query.model_fields) if query else ()
    hint = suggestion if known else lambda *_: "this call takes none"
    errors = [
        FieldError(name, f"is not a query parameter here; {hint(name, known)}")
        if name not in known
        else FieldError(name, "is given twice")
        for name, values in islice(request.args.lists(), _MAX_PARAMETERS)
        if name not in known or len(values) > 1
    ]
    if not errors:
        return
    if query:
        try:
            validate(query, {n: v for n, v in request.args.to_dict().items() if n in known})
        except InvalidRequest as wrong:
            errors += wrong.errors
    raise InvalidRequest(errors)
