"""PURE. The form of a new job <-> the request that it stands for."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from webhooks.parsing import strict_json
from worker.domain import numerals
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.requests.steps import parse_then_shorthand

#: The kinds that the form has, with their fields for pictures; all others are written as JSON.
KINDS: Mapping[str, tuple[str, ...]] = {
    "imagine": ("images",),
    "blend": ("images",),
    "describe": ("image",),
    "shorten": (),
    "edits": ("image",),
    "retexture": ("image",),
    "video": ("image",),
}
PROMPTED = frozenset(KINDS) - {"blend", "describe"}
#: Stands for a picture that was chosen but not sent yet, while prices are looked up.
STAND_IN = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
_TEXTS = ("account", "tenant", "mode")
_NUMBERS = ("priority", "deadline_s")
_DATA_URL = re.compile(r"(data:[a-z]+/[a-z0-9.+-]+;base64,)[A-Za-z0-9+/=]+")

Form = Mapping[str, str]
JSON = dict[str, Any]


def request_of(form: Form, pictures: Sequence[str]) -> JSON:
    """The request. ``pictures``: data URLs of what was chosen. Raises ``InvalidRequest``."""
    if form.get("as") == "json":
        given = strict_json(form.get("json", "").encode())
        if not isinstance(given, dict):
            raise InvalidRequest.of("request", "must be a JSON object")
        return given
    kind = form.get("kind", "imagine")
    made: JSON = {"kind": kind}
    if kind in PROMPTED and (prompt := form.get("prompt", "").strip()):
        made["prompt"] = prompt
    made |= _pictures(kind, [*form.get("kept", "").split(), *pictures])
    if then := form.get("then", "").strip():
        made["then"] = parse_then_shorthand(then)
    return made | _options(form)


def _options(form: Form) -> JSON:
    made: JSON = {name: given for name in _TEXTS if (given := form.get(name, "").strip())}
    for name in _NUMBERS:
        if given := form.get(name, "").strip():
            made[name] = int(given) if numerals.is_whole(given) else given
    if form.get("seed"):
        made["seed"] = True
    if (attempts := form.get("attempts", "").strip()) and attempts != "1":
        made["retry"] = {"attempts": int(attempts) if numerals.is_whole(attempts) else attempts}
    if metadata := form.get("metadata", "").strip():
        made["metadata"] = _json("metadata", metadata)
    return made


def _json(field: str, text: str) -> Any:
    try:
        return strict_json(text.encode())
    except InvalidRequest as error:
        raise InvalidRequest.of(field, error.errors[0].message) from None


def _pictures(kind: str, given: Sequence[str]) -> JSON:
    for name in KINDS.get(kind, ()):
        if name == "images" and given:
            return {name: list(given)}
        if given:
            return {name: given[0]}
    return {}


def data_url(data: bytes, mimetype: str) -> str:
    """A picture as it stands in a request."""
    return f"data:{mimetype or 'image/png'};base64,{b64encode(data).decode()}"


def form_of(job: Job) -> dict[str, str]:
    """The form that would submit the job again."""
    request = request_again(job)
    names = KINDS.get(job.kind, ())
    others = set(request) - {"kind", "prompt", "then", "metadata", "seed", "retry"} - {*names}
    fits = job.kind in KINDS and not others - {*_TEXTS, *_NUMBERS}
    form = {"as": "form" if fits else "json", "json": written(request)}
    if not fits:
        return form
    form |= {
        name: str(request[name])
        for name in ("kind", "prompt", *_TEXTS, *_NUMBERS)
        if name in request
    }
    form["then"] = shorthand(request.get("then", ()))
    form["kept"] = " ".join(_as_list(next((request[n] for n in names if n in request), ())))
    form["seed"] = "on" if request.get("seed") else ""
    form["attempts"] = str(request.get("retry", {}).get("attempts", ""))
    form["metadata"] = (
        json.dumps(request["metadata"], ensure_ascii=False) if "metadata" in request else ""
    )
    return form


def request_again(job: Job) -> JSON:
    """The request that would give such a job once more."""
    options, made = job.options, {"kind": job.kind.value, **job.request}
    account = None if job.spec.anywhere else job.account
    if job.kind is Kind.ACTION:
        account = None  # its parent's
        made = {"kind": "action", "job_id": job.spec.parent_id, "button": job.request.get("button")}
        made = {name: value for name, value in made.items() if value}
    if job.spec.then:
        made["then"] = list(job.spec.then)
    found = {
        "account": account or None,
        "priority": options.priority if options.priority != 5 else None,
        "tenant": options.tenant or None,
        "mode": options.mode,
        "deadline_s": options.deadline_s if options.deadline_s != 3600 else None,
        "seed": options.seed or None,
        "retry": {"attempts": options.retry.attempts} if options.retry else None,
        "metadata": dict(job.metadata) or None,
    }
    return made | {name: value for name, value in found.items() if value is not None}


def shorthand(then: Iterable[Mapping[str, Any]]) -> str:
    """The steps as they are typed: ``U1,V2>U1``; as JSON if they are more than presses."""
    steps = list(then)
    chains = [chain for step in steps for chain in _chains(step)]
    if all(chains):
        return ",".join(chain or "" for chain in chains)
    return json.dumps(steps, ensure_ascii=False)


def _chains(step: Mapping[str, Any]) -> list[str | None]:
    """The step as chains of buttons; None where it is more, or would be pressed twice."""
    name, below = step.get("press"), step.get("then", ())
    plain = (
        isinstance(name, str) and not set(step) - {"press", "then"} and not set(name) & set(",>")
    )
    if not plain or len(below) > 1:
        return [None]
    if not below:
        return [str(name)]
    return [chain and f"{name}>{chain}" for chain in _chains(below[0])]


def written(request: JSON) -> str:
    """The request as JSON for people."""
    return json.dumps(request, indent=2, ensure_ascii=False)


def shortened(request: JSON) -> JSON:
    """The request without the bytes of its pictures."""
    short: JSON = json.loads(_DATA_URL.sub(r"\1...", json.dumps(request)))
    return short


def as_curl(request: JSON, base_url: str) -> str:
    """The request for a shell."""
    body = written(shortened(request)).replace("'", "'\\''")
    return (
        f'curl "{base_url}/v1/jobs" \\\n  -H "Authorization: Bearer $HOOKLINE_API_TOKEN" \\\n'
        f"  -H \"Content-Type: application/json\" \\\n  -d '{body}'"
    )


def as_python(request: JSON) -> str:
    """The request for Python."""
    kind, *_ = str(request.get("kind", "imagine")).split()
    fields = ((name, value) for name, value in shortened(request).items() if name != "kind")
    lines = "".join(f"    {name}={value!r},\n" for name, value in fields)
    call = f"job = wait({kind}(\n{lines}))\nprint(job.status, job.result.assets)"
    return f"from worker import {kind}, wait\n\n{call}"


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
