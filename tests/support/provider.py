"""The sandbox as a provider that notes every breach of the protocol by its client.

The rules were written from the protocol, apart from the sandbox and from Hookline: a sandbox
forgives a client much, as providers do, and what it forgives costs money or is lost later.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from flask import Response, request

from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

Flavour = Literal["novicezk", "trueai", "gateway", "crazyrouter", "typescript"]
Json = dict[str, Any]

#: The TypeScript port of novicezk: grids list no buttons, and a modal starts a task of its own.
_TYPESCRIPT: Json = {
    "dialect": "trueai",
    "grids_without_buttons": True,
    "modal_new_task": True,
}

_STATE = re.compile(r"[A-Za-z0-9._~-]{0,255}")
_IN_NO_HOOK = re.compile(r"[%{}?#]")
_LONGEST_HOOK = 2000
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("index", "batchSize"), (int,)),
    **dict.fromkeys(("base64Array", "ids"), (list,)),
    **dict.fromkeys(
        (
            "prompt", "state", "notifyHook", "taskId", "customId", "base64", "maskBase64", "link",
            "dimensions", "action", "content", "image", "endImage", "motion", "videoType",
            "botType", "language", "sourceBase64", "targetBase64", "sourceUrl", "targetUrl",
        ),
        (str,),
    ),
}  # fmt: skip
_ACCEPTED = (1, 21, 22)


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission that was accepted."""

    path: str
    body: Json
    task_id: str


class Provider:
    """A running sandbox, and what its client did."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.accepted: list[Submission] = []
        self._breaches: list[str] = []
        sandbox.app.after_request(self._look)

    @property
    def url(self) -> str:
        return self.sandbox.url

    @property
    def breaches(self) -> list[str]:
        """Everything that a client must never do and that was done."""
        stats = self.sandbox.stats
        counts = {
            "equal prompts at once": stats.get("equal_prompts_at_once"),
            "answers to no window": stats.get("modals_skipped"),
            "submissions beyond the account's places": stats.get("queue_full", "refusals"),
        }
        counted = [f"{count} {what}" for what, count in counts.items() if count]
        return [*self._breaches, *counted, *self._repeated(), *self._unoffered()]

    def bodies(self, path: str) -> list[Json]:
        """What was accepted at an endpoint, such as ``modal``."""
        return [each.body for each in self.accepted if each.path.endswith(f"/{path}")]

    def _look(self, response: Response) -> Response:
        """See a request and its answer."""
        if request.method == "POST":
            body: Any = request.get_json(silent=True)
            self._breaches += [f"{request.path}: {why}" for why in _wrong(body)]
            said = response.get_json(silent=True)
            if isinstance(said, dict) and said.get("code") in _ACCEPTED:
                task_id = said["result"] if isinstance(said["result"], str) else ""
                self.accepted.append(Submission(request.path, body, task_id))
        return response

    def _repeated(self) -> list[str]:
        """A state names one submission; a modal goes on with the one before, and once."""
        submits = [each for each in self.accepted if not each.path.endswith("/modal")]
        states = Counter(each.body.get("state") for each in submits)
        windows = Counter(body["taskId"] for body in self.bodies("modal"))
        found = [f"state {state} was accepted {n} times" for state, n in states.items() if n > 1]
        return [*found, *(f"modal of {task}: {n} times" for task, n in windows.items() if n > 1)]

    def _unoffered(self) -> list[str]:
        """A button is pressed only where the provider shows it."""
        client = self.sandbox.app.test_client()
        found = []
        for body in self.bodies("action"):
            parent = client.get(f"/mj/task/{body['taskId']}/fetch").get_json()
            if body["customId"] not in [button["customId"] for button in parent["buttons"] or ()]:
                found.append(f"{body['customId']} was not offered by {body['taskId']}")
        return found


def _wrong(body: Any) -> Iterator[str]:
    if request.mimetype != "application/json":
        yield f"Content-Type {request.content_type!r}"
    if not isinstance(body, dict):
        yield "the body is no JSON object"
        return
    for name, value in body.items():
        if value is not None and type(value) not in _TYPES.get(name, (type(value),)):
            yield f"wrong type of {name}"
        if isinstance(value, list) and not all(isinstance(each, str) for each in value):
            yield f"wrong type in {name}"
    prompt = str(body.get("prompt") or "")
    if prompt != " ".join(prompt.split()):  # it is paid for, and the result never recognised
        yield f"not on one line: {prompt[:300]!r}"
    if not _STATE.fullmatch(body.get("state") or ""):
        yield f"state {body['state'][:300]!r}"
    hook = body.get("notifyHook") or ""
    if len(hook) > _LONGEST_HOOK or _IN_NO_HOOK.search(hook):
        yield f"notifyHook {hook[:300]!r}"


@contextmanager
def providing(flavour: Flavour = "trueai", **options: Any) -> Iterator[Provider]:
    """A provider of this flavour; its client must have kept all rules by the end."""
    habits = _TYPESCRIPT if flavour == "typescript" else {"dialect": flavour}
    given = {"task_seconds": (0.2, 0.3), "forward_hook": True, **habits, **options}
    watched = Provider(Sandbox(SandboxOptions(**given)))
    with watched.sandbox:
        yield watched
    assert watched.breaches == []
