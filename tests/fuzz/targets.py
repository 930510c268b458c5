"""Every function that reads the words of a provider or a caller, as something that takes bytes.

A target may raise what its caller expects: the errors of Hookline. Whatever else it raises is a
fault.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from config.logs import Redactor
from tests.fuzz.inputs import Inputs
from tests.support.jobs import a_job
from webhooks.front.head import Refused
from webhooks.front.reader import Reader
from webhooks.hosts import Hosts
from webhooks.pages import frames, job_form, words
from webhooks.pages import inbox as inbox_page
from webhooks.pages.registry import SMALL_FORM
from webhooks.parsing import json_object, strict_json
from worker.adapters.http import safe
from worker.adapters.messaging import envelopes
from worker.adapters.provider import ledger
from worker.adapters.provider.dialect import guess_dialect
from worker.adapters.provider.redirects import redirect_words
from worker.adapters.provider.replies import read_reply, read_seed
from worker.adapters.provider.snapshots import read_fetch, read_task, read_tasks
from worker.adapters.provider.unknown_path import Answer, is_page, same_page, title_of
from worker.adapters.provider.wire import MAX_TEXT, read_json
from worker.adapters.storage import pictures
from worker.adapters.store.places import read_cursor
from worker.adapters.tokens import Tokens
from worker.domain import buttons, films, links, money, prompts, refusals, task_ids, templates
from worker.domain.batch.columns import converted
from worker.domain.batch.defaults import check_defaults
from worker.domain.batch.header import Header
from worker.domain.batch.permutations import count, longest, parse_prompt, parse_template
from worker.domain.batch.records import Form, read_records
from worker.domain.batch.rows import read_rows
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import HooklineError
from worker.domain.inbox import LONGEST_BODY, kept_body
from worker.domain.job_spec import Kind
from worker.domain.printable import cell, clean
from worker.domain.redaction import without_tokens
from worker.domain.requests.base import validate
from worker.domain.requests.queries import AuditQuery, JobsQuery
from worker.domain.requests.requests import parse_request
from worker.domain.requests.steps import parse_then_shorthand
from worker.domain.requests.tokens import NewToken
from worker.domain.result import Button, Result
from worker.domain.tracing import read_traceparent
from worker.entrypoints import terminal
from worker.services import presence

_TOKENS = Tokens(["a secret of the fuzzer"])
_REDACTOR = Redactor(["canary-5f2d8", "canary/with+signs=", "j.j.j.j."])
_PIECE = 64 * 1024
_KINDS = tuple(Kind)
#: A row of a batch becomes a job, which takes half a millisecond: its size is no measure of it.
_ROWS = 20
#: Characters of a line of a terminal.
_COLUMNS = 80
_HOSTS = Hosts("127.0.0.1", ("hooks.example",))


@dataclass(frozen=True, slots=True)
class Target:
    """One function. ``make`` gives an input, ``read`` the function itself."""

    name: str
    make: Callable[[Inputs], Any]
    read: Callable[[Any], object]
    weight: int = 1
    #: Bytes that each line counts at least: it becomes a job, which costs more than to read it.
    line: int = 0
    #: What it raises for its caller.
    expected: tuple[type[Exception], ...] = (HooklineError,)


def _reply(body: bytes) -> None:
    kind = _KINDS[len(body) % len(_KINDS)]
    for status in (200, 400):
        read_reply(kind, status, body)


def _task(body: bytes) -> None:
    snapshot = read_task(read_json(body))
    for button in snapshot.result.buttons or ():
        buttons.name_of(button)
    if snapshot.result.buttons:
        buttons.find(snapshot.result.buttons, "U*")
    links.of_result(snapshot.result, "https://provider.example/mj-fast")


def _callback(body: bytes) -> None:
    kept_body(body, "j.a-job.1.signature")
    snapshot = read_task(json_object(body))
    _TOKENS.job(snapshot.state)


def _list(body: bytes) -> None:
    value = read_json(body)
    read_tasks(value)
    guess_dialect(value)


def _books(body: bytes) -> None:
    value = read_json(body)
    ledger.read_tasks(value)
    ledger.read_log(value)
    ledger.read_balance(value, 0.0)
    ledger.read_refusal(value)


def _other_replies(body: bytes) -> None:
    value = read_json(body)
    read_seed(200, value)
    read_fetch(404, value)
    guess_dialect(value)


def _page(body: bytes) -> None:
    answer = Answer(200, body, "text/html")
    is_page(answer)
    title_of(answer)
    same_page(answer, Answer(200, body + b"1", "text/html"), "/mj/submit/imagine")


def _logged(text: str) -> None:
    _REDACTOR(None, "info", {"event": text, "error": text, text: text, "list": [text, {text: 1}]})


def _error(text: str) -> None:
    job_error(ErrorCode.FAILED, text)


def _shown(text: str) -> None:
    cell(clean(text))


def _printed(text: str) -> None:
    terminal.wrapped(terminal.for_terminal(text[:MAX_TEXT]), _COLUMNS)


def _on_page(text: str) -> None:
    job = a_job(request={"prompt": text[:MAX_TEXT]})
    words.does(job)
    words.shareable(job)
    frames.asked_frame(job)
    inbox_page._readable(text[:LONGEST_BODY])  # noqa: SLF001  # a part of the page: a callback's body


def _form(text: str) -> None:
    text = text[:SMALL_FORM].encode(errors="replace").decode()  # as forms are decoded
    for field in ("prompt", "then", "priority", "attempts", "metadata", "kept"):
        with suppress(HooklineError):
            job_form.request_of({"kind": "imagine", field: text}, ())


def _query(text: str) -> None:
    for field in ("prompt", "metadata", "account", "limit", "cursor", "status"):
        with suppress(HooklineError):
            validate(JobsQuery, {field: text})
    validate(AuditQuery, {"job": text})


def _new_token(text: str) -> None:
    validate(NewToken, {"name": text, "scopes": [text], "tenant": text})


def _head(body: bytes) -> None:
    """As lines of a request's head."""
    lines = b"X: ".join(body.replace(b"\r", b"").split(b"\n"))
    for each in (body, b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % body, b"GET %b HTTP/1.1\r\n" % lines):
        reader = Reader({})
        with suppress(Refused):
            reader.feed(each)
        reader.close()


def _header(text: str) -> None:
    text = text.encode(errors="replace").decode("latin-1")
    _HOSTS.accepts(text)
    read_traceparent(text)
    redirect_words(302, text)


def _message(body: bytes) -> None:
    envelopes.readable(body, "hookline")


def _proof(body: bytes) -> None:
    presence._disposition(body[: presence._ANSWER_BYTES])  # noqa: SLF001  # of whatever is there


def _pressed(text: str) -> None:
    """A caller's pattern on a provider's labels, each as long as it may be."""
    text = text[:MAX_TEXT]
    labels = (Button(text[:1000], text), Button("x", text[::-1]))
    for wanted in (text[:200], f"*{text[:100]}*{text[:90]}*", "*a*a*a*b", "?*[!x]*"):
        buttons.find(labels, wanted)


def _hidden(text: str) -> None:
    without_tokens(text)


def _button(text: str) -> None:
    buttons.known_name(text)
    buttons.change_for(text)
    buttons.pressed_by(text[:200], text[:200])
    films.makes_film(Kind.ACTION, {"custom_id": text, "button": text})
    task_ids.is_usable(text)


def _link(text: str) -> None:
    links.resolved(text, "https://provider.example/mj-fast")
    safe.check_url(text, allowed_hosts=())


def _template(text: str) -> None:
    text = text[: templates.MAX_PROMPT]  # longer ones are refused before
    if templates.check_template(text) is None:
        templates.render(text, Result(prompt="p", prompts=("a", "b"), text="t"))


def _permutations(text: str) -> None:
    pattern = parse_prompt(text)
    count(pattern, 1000)
    longest(pattern)
    parse_template(text, permute=True)


def _amount(text: str) -> None:
    money.amount(text)


def _then(text: str) -> None:
    parse_then_shorthand(text)


def _converted(text: str) -> None:
    for field in ("index", "loop", "metadata", "images", "then"):
        try:
            converted(field, text)
        except HooklineError:
            continue


def _request(body: bytes) -> None:
    parse_request(strict_json(body))


def _refusal(body: bytes) -> None:
    value = read_json(body)
    sent = refusals.Sent("hookline.imagine", "1", "x", value, value)
    refusals.refuse(sent, refusals.RefusalReason.INVALID, HooklineError("x"), 0.0)


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))


def _records(form: Form) -> Callable[[bytes], None]:
    header = Header(check_defaults({}))
    return lambda body: _all(read_records(_pieces(body), form, header))


def _rows(form: Form) -> Callable[[bytes], None]:
    return lambda body: _all(islice(read_rows(_pieces(body), form), _ROWS))


def _all(found: Iterable[object]) -> None:
    for _ in found:
        pass


def _picture(text: str) -> None:
    pictures.is_bare_base64(text)
    pictures.from_data_url(f"data:{text}")


def _tokens(text: str) -> None:
    _TOKENS.job(text)
    _TOKENS.read(text)


_CALLER = (HooklineError, ValueError)  #: of fields, whose models turn it into an error of theirs

TARGETS = (
    Target("reply to a submit", Inputs.reply, _reply, weight=12),
    Target("callback", Inputs.task, _callback, weight=12),
    Target("task", Inputs.task, _task, weight=8),
    Target("list of tasks", Inputs.tasks, _list, weight=4),
    Target("other replies", Inputs.reply, _other_replies, weight=2),
    Target("gateway's ledger", Inputs.tasks, _books, weight=2),
    Target("page", lambda i: i.text().encode(errors="replace"), _page),
    Target("log line", Inputs.text, _logged, weight=3),
    Target("error message", Inputs.text, _error, weight=3),
    Target("terminal, CSV cell", Inputs.text, _shown, weight=2),
    Target("line on a terminal", Inputs.text, _printed, weight=2),
    Target("words on a page", Inputs.text, _on_page),
    Target("form of a page", Inputs.text, _form),
    Target("query", Inputs.text, _query),
    Target("new token", Inputs.text, _new_token),
    Target("head of a request", Inputs.rows, _head),
    Target("header", Inputs.text, _header),
    Target("message of a broker", Inputs.reply, _message),
    Target("answer to a proof", Inputs.rows, _proof),
    Target("button by a pattern", Inputs.text, _pressed),
    Target("tokens in a text", Inputs.text, _hidden, weight=2),
    Target("button", Inputs.text, _button, weight=2),
    Target("link", Inputs.text, _link, weight=2),
    Target("token", Inputs.text, _tokens),
    Target("cursor", Inputs.text, read_cursor),
    Target("template", Inputs.text, _template),
    Target("prompt", Inputs.text, prompts.as_sent),
    Target("permutations", Inputs.text, _permutations, expected=_CALLER),
    Target("amount", Inputs.text, _amount, expected=_CALLER),
    Target("then", Inputs.text, _then),
    Target("columns", Inputs.text, _converted),
    Target("data URL", Inputs.text, _picture),
    Target("request", Inputs.request, _request, weight=4),
    Target("refused request", Inputs.request, _refusal),
    *(Target(f"records of {form}", Inputs.rows, _records(form), line=1_000) for form in Form),
    *(Target(f"rows of {form}", Inputs.rows, _rows(form)) for form in Form),
)
NAMED = {target.name: target for target in TARGETS}


def size_of(made: Any, target: Target) -> int:
    """Bytes that the budget is for."""
    if isinstance(made, bytes) and target.line:
        return len(made) + target.line * len(made.splitlines())
    if isinstance(made, bytes):
        return len(made)
    return len(made) if isinstance(made, str) else sys.getsizeof(made)
