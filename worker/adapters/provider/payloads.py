"""PURE. The path and the camelCase body of every submit call, from our request."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.domain import prompts
from worker.domain.errors import PictureError
from worker.domain.job_spec import JSON, Kind

#: The only prefix that providers strip from a mask; with any other they forward a broken file.
_PNG = "data:image/png;base64,"

_PATHS: Mapping[Kind, str] = {
    Kind.IMAGINE: "/mj/submit/imagine",
    Kind.ACTION: "/mj/submit/action",
    Kind.BLEND: "/mj/submit/blend",
    Kind.DESCRIBE: "/mj/submit/describe",
    Kind.MODAL: "/mj/submit/modal",
    Kind.SHORTEN: "/mj/submit/shorten",
    Kind.CHANGE: "/mj/submit/change",
    Kind.EDITS: "/mj/submit/edits",
    Kind.RETEXTURE: "/mj/submit/retexture",
    Kind.VIDEO: "/mj/submit/video",
    Kind.SWAP_FACE: "/mj/insight-face/swap",
    Kind.UPLOAD: "/mj/submit/upload-discord-images",
}

_PROMPT = {"prompt": "prompt"}
_BOT = {"bot_type": "botType"}

#: Fields copied unchanged: ours -> theirs.
_PLAIN: Mapping[Kind, Mapping[str, str]] = {
    Kind.IMAGINE: _PROMPT | _BOT,
    Kind.BLEND: _BOT,
    Kind.DESCRIBE: _BOT,
    Kind.MODAL: _PROMPT,
    Kind.SHORTEN: _PROMPT | _BOT,
    Kind.CHANGE: {"action": "action", "index": "index"},
    Kind.EDITS: _PROMPT,
    Kind.RETEXTURE: _PROMPT,
    Kind.VIDEO: _PROMPT
    | {
        "motion": "motion",
        "loop": "loop",
        "video_type": "videoType",
        "batch_size": "batchSize",
        "index": "index",
    },
}

#: Fields that refer to one picture.
_PICTURES: Mapping[Kind, Mapping[str, str]] = {
    Kind.DESCRIBE: {"image": "base64"},
    Kind.MODAL: {"mask": "maskBase64"},
    Kind.EDITS: {"image": "image", "mask": "maskBase64"},
    Kind.RETEXTURE: {"image": "image"},
    Kind.VIDEO: {"image": "image", "end_image": "endImage"},
    Kind.SWAP_FACE: {"source": "sourceBase64", "target": "targetBase64"},
}

#: Kinds whose ``images`` go into ``base64Array``.
_WITH_IMAGES = frozenset({Kind.IMAGINE, Kind.BLEND, Kind.UPLOAD})

#: Kinds whose prompt may name the speed.
_SPEED_IN_PROMPT = frozenset({Kind.IMAGINE, Kind.EDITS, Kind.RETEXTURE, Kind.VIDEO})
_SPEED = re.compile(r"(?<!\S)--(?:fast|relax|turbo)(?!\S)", re.IGNORECASE)

_SURPLUS = re.compile(r"(?:/mj)?/*$")
_MODE = re.compile(r"/mj-(?:fast|relax|turbo)/")
_MODE_AT_END = re.compile(r"/mj-(?:fast|relax|turbo)$")


@dataclass(frozen=True, slots=True)
class Submission:
    """One POST: a path below the account's address, and a JSON body.

    The body is not in the ``repr``: it holds pictures and the secret token of the hook.
    """

    path: str
    body: JSON = field(repr=False)


def build(
    kind: Kind,
    request: JSON,
    *,
    state: str,
    notify_hook: str | None = None,
    parent_task_id: str | None = None,
    custom_id: str | None = None,
    pictures: Mapping[str, str] | None = None,
    mode: str | None = None,
    dialect: str = "auto",
) -> Submission:
    """The submission of a job of ``kind`` whose own fields are ``request`` (snake_case).

    Args:
        kind: MODAL also for the answer to the modal of a job of another kind.
        request: The kind's own fields; others are ignored, None counts as absent.
        state: Echoed with the task; providers accept up to 255 characters.
        notify_hook: The URL for callbacks; None: no callbacks.
        parent_task_id: The task that an action, change, modal or longer video continues; None:
            ``request["task_id"]``.
        custom_id: The button of an action; None: ``request["custom_id"]``.
        pictures: The data URL of every picture reference in ``request``; a mask's must be a PNG.
        mode: ``fast``, ``relax`` or ``turbo``; None leaves it to the account's address.
        dialect: novicezk knows no mode in the path, so there it goes into the prompt.

    Raises:
        PictureError: A picture is not among ``pictures``, or a mask is no PNG.
    """
    in_prompt = dialect == "novicezk"
    body = dict(_fields(kind, request, pictures or {}))
    task_id = parent_task_id or request.get("task_id")
    if kind is Kind.ACTION:
        body |= {"taskId": task_id, "customId": custom_id or request.get("custom_id")}
    elif kind in (Kind.CHANGE, Kind.MODAL):
        body["taskId"] = task_id
    elif kind is Kind.VIDEO and task_id:
        body |= {"taskId": task_id, "action": "extend"}
    if mode and in_prompt and kind in _SPEED_IN_PROMPT:
        body["prompt"] = _with_speed(body.get("prompt", ""), mode)
    if kind is not Kind.UPLOAD:  # it is synchronous and has no task
        body["state"] = state
        if notify_hook:
            body["notifyHook"] = notify_hook
    prefix = f"/mj-{mode}" if mode and not in_prompt else ""
    return Submission(prefix + _PATHS[kind], body)


def address(base: str, path: str) -> str:
    """The URL of ``path`` at an account's address; a mode in the path replaces that of the address.

    A trailing ``/mj``, which providers' own pages often write, is ignored.
    """
    base = _SURPLUS.sub("", base)
    if _MODE.match(path):
        base = _MODE_AT_END.sub("", base)
    return base + path


def _fields(kind: Kind, request: JSON, pictures: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for ours, theirs in _PLAIN.get(kind, {}).items():
        if (given := request.get(ours)) is not None:
            yield theirs, prompts.as_sent(given) if ours == "prompt" else given
    for ours, theirs in _PICTURES.get(kind, {}).items():
        if request.get(ours) is not None:
            yield theirs, _picture(request[ours], pictures, mask=ours == "mask")
    if kind in _WITH_IMAGES and request.get("images"):
        yield "base64Array", [_picture(image, pictures) for image in request["images"]]
    if kind is Kind.BLEND:  # forks refuse a blend without them
        yield "dimensions", request.get("dimensions") or "SQUARE"
    if kind is Kind.CHANGE and request.get("action") == "REROLL":
        yield "index", 1  # gateways refuse a change without one, though a reroll has none


def _picture(reference: str, pictures: Mapping[str, str], *, mask: bool = False) -> str:
    encoded = pictures.get(reference)
    if encoded is None:
        raise PictureError("A picture of the request was not encoded.")
    if mask and not encoded.startswith(_PNG):
        raise PictureError("A mask must be a PNG.")
    return encoded


def _with_speed(prompt: str, mode: str) -> str:
    """Add the mode's flag, unless the prompt names a speed itself."""
    return prompt if _SPEED.search(prompt) else f"{prompt} --{mode}".strip()
