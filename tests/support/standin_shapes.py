"""What the flavours of a Midjourney-proxy provider say: task bodies, buttons, errors, pictures.

N is the Java original, T the C# rewrite, G a gateway in front of a T, P the TypeScript port of N.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from PIL import Image
from werkzeug.datastructures import Headers

Flavour = Literal["N", "T", "G", "P"]
Json = dict[str, Any]

ACCOUNT = "1118138338562560102"
ENDED = ("SUCCESS", "FAILURE")
WINDOW = "Waiting for window confirm"
GRIDS = ("IMAGINE", "VARIATION", "REROLL", "BLEND", "PAN", "OUTPAINT", "INPAINT", "ZOOM", "EDIT",
         "RETEXTURE", "PIC_READER")  # fmt: skip

_COMMON = {"submit/imagine", "submit/blend", "submit/describe", "task/list-by-condition"}
_PLUS = {"submit/action", "submit/shorten", "submit/modal"}
_PICTURES = {"submit/upload-discord-images", "insight-face/swap"}
_CHANGE = {"submit/change", "submit/simple-change"}
ROUTES: dict[Flavour, set[str]] = {
    "N": _COMMON | _CHANGE | {"task/list", "task/queue"},
    "T": _COMMON | _PLUS | _PICTURES | {"submit/edits", "submit/edit", "submit/retexture",
                                        "submit/video", "task/list", "task/list-by-ids"},
    "G": _COMMON | _PLUS | _PICTURES | _CHANGE,
    "P": _COMMON | _PLUS | _CHANGE | {"submit/edits"},
}  # fmt: skip

# customId prefixes that T accepts, with T's name of the action
VERBS = (
    ("MJ::JOB::upsample::", "UPSCALE"), ("MJ::JOB::upsample_", "UPSCALE"),
    ("MJ::JOB::video_virtual_upscale", "UPSCALE"), ("MJ::JOB::variation::", "VARIATION"),
    ("MJ::JOB::high_variation::", "VARIATION"), ("MJ::JOB::low_variation::", "VARIATION"),
    ("MJ::JOB::reroll::", "REROLL"), ("MJ::Outpaint::", "OUTPAINT"), ("MJ::JOB::pan_", "PAN"),
    ("MJ::CustomZoom::", "ZOOM"), ("MJ::Inpaint::", "INPAINT"), ("MJ::JOB::animate_", "VIDEO"),
    ("MJ::Picread::Retry", "DESCRIBE"), ("MJ::Job::PicReader", "PIC_READER"),
)  # fmt: skip


@dataclass
class Task:
    id: str
    action: str  # as the provider doing the work calls it
    gateway_action: str  # as the gateway in front of it calls it
    prompt: str | None
    description: str
    state: str | None
    hook: str | None
    root: str = ""  # the prompt sent, where no other task gave it
    parent: Task | None = None
    index: int = 0  # which picture of the parent an upscale shows; 0: none
    doomed: str | None = None  # the failReason this task will end with
    parked: bool = False  # waits for its modal
    answered: bool = False  # its modal was accepted
    queued: bool = False
    quiet: bool = False  # tells its end late, and nothing before
    status: str = "NOT_START"
    progress: str | None = None
    submitted: int = field(default_factory=lambda: int(time.time() * 1000))
    started: int | None = None
    finished: int | None = None
    image_url: str | None = None
    fail_reason: str | None = None
    text: str | None = None  # what describe and shorten found
    buttons: list[Json] = field(default_factory=list)
    said: str = ""  # description of the submit reply
    modal_at: float | None = None
    history: list[tuple[float, Task]] = field(default_factory=list)
    outbox: deque[bytes] = field(default_factory=deque)
    held: list[Json] = field(default_factory=list)
    calls: int = 0
    sending: bool = False
    told: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def token(self) -> str:
        return hashlib.md5(self.id.encode()).hexdigest()

    def seen(self, at: float, since: float = 0.0) -> Task | None:
        """The task as it was at a moment (monotonic clock), as far as it moved after `since`."""
        return next((past for when, past in reversed(self.history) if since <= when <= at), None)


def buttons_for(flavour: Flavour, task: Task) -> list[Json]:
    """The buttons a finished task offers; P offers none on a grid, N never any."""
    if flavour == "N" or (flavour == "P" and task.action not in ("UPSCALE", "INPAINT", "DESCRIBE")):
        return []
    jid, rows = task.token, list[tuple[str, str, str]]()
    if task.action in GRIDS:
        rows += [(f"MJ::JOB::upsample::{i}::{jid}", "", f"U{i}") for i in range(1, 5)]
        rows += [(f"MJ::JOB::reroll::0::{jid}::SOLO", "🔄", "")]
        rows += [(f"MJ::JOB::variation::{i}::{jid}", "", f"V{i}") for i in range(1, 5)]
    elif task.action == "UPSCALE":
        rows = [
            (f"MJ::JOB::upsample_v6_2x_subtle::1::{jid}::SOLO", "upscale_1", "Upscale (Subtle)"),
            (
                f"MJ::JOB::upsample_v6_2x_creative::1::{jid}::SOLO",
                "upscale_1",
                "Upscale (Creative)",
            ),
            (f"MJ::JOB::low_variation::1::{jid}::SOLO", "🪄", "Vary (Subtle)"),
            (f"MJ::JOB::high_variation::1::{jid}::SOLO", "🪄", "Vary (Strong)"),
            (f"MJ::Inpaint::1::{jid}::SOLO", "🖌️", "Vary (Region)"),
            (f"MJ::Outpaint::50::1::{jid}::SOLO", "🔍", "Zoom Out 2x"),
            (f"MJ::Outpaint::75::1::{jid}::SOLO", "🔍", "Zoom Out 1.5x"),
            (f"MJ::CustomZoom::{jid}", "🔍", "Custom Zoom"),
            (f"MJ::JOB::pan_left::1::{jid}::SOLO", "⬅️", ""),
            (f"MJ::JOB::pan_right::1::{jid}::SOLO", "➡️", ""),
            (f"MJ::JOB::pan_up::1::{jid}::SOLO", "⬆️", ""),
            (f"MJ::JOB::pan_down::1::{jid}::SOLO", "⬇️", ""),
            (f"MJ::JOB::animate_high::1::{jid}::SOLO", "🎞️", "Animate (High motion)"),
            (f"MJ::BOOKMARK::{jid}", "❤️", ""),
        ]
    elif task.action == "DESCRIBE":
        rows = [(f"MJ::Job::PicReader::{i}", f"{i}️⃣", "") for i in range(1, 5)]
        rows += [("MJ::Picread::Retry", "🔄", "")]
        rows += [("MJ::Job::PicReader::all", "", "Imagine all")] if flavour == "T" else []
    elif task.action == "SHORTEN":
        rows = [(f"MJ::Job::PromptAnalyzer::{i}", f"{i}️⃣", "") for i in range(1, 6)]
    elif task.action.startswith("VIDEO"):
        rows = [
            (f"MJ::JOB::video_virtual_upscale::{i}::{task.id}", "", f"U{i}") for i in range(1, 5)
        ]
    made: list[Json] = []
    for custom_id, emoji, label in rows:
        shape: Json = {"customId": custom_id, "emoji": emoji, "label": label, "style": 2, "type": 2}
        if flavour == "P":
            shape = {k: v for k, v in shape.items() if v != ""} | (
                {"emoji": {"name": emoji}} if emoji else {}
            )
        made.append(shape)
    return made


def task_body(flavour: Flavour, task: Task) -> Json:
    """A task as the provider doing the work shows it, in a callback and in a fetch."""
    final = task.text or (task.prompt if task.started else None)
    shown = task.text if task.text and task.action == "DESCRIBE" else task.prompt
    properties: Json = {
        "notifyHook": task.hook, "finalPrompt": final, "messageId": str(task.submitted * 1000),
        "messageHash": task.token if task.finished else None,
        "progressMessageId": str(task.submitted * 999), "flags": 0,
        "nonce": str(task.submitted * 998), "discordInstanceId": ACCOUNT,
    }  # fmt: skip
    body: Json = {
        "id": task.id, "properties": {k: v for k, v in properties.items() if v is not None},
        "action": task.action, "status": task.status, "prompt": shown, "promptEn": shown,
        "description": task.description, "state": task.state, "submitTime": task.submitted,
        "startTime": task.started, "finishTime": task.finished, "imageUrl": task.image_url,
        "progress": task.progress, "failReason": task.fail_reason,
    }  # fmt: skip
    if flavour == "N":
        return body
    if flavour == "P":
        body |= {"buttons": task.buttons} if task.buttons else {}
        return {key: value for key, value in body.items() if value is not None}
    success = task.status == "SUCCESS"
    body |= {
        "prompt": task.prompt, "promptFull": None, "parentId": task.parent and task.parent.id,
        "botType": "MID_JOURNEY", "realBotType": None, "userId": None, "clientIp": "192.0.2.7",
        "instanceId": ACCOUNT, "jobId": task.token, "accountFilter": None, "mode": "FAST",
        "buttons": task.buttons, "isCompleted": task.status in ENDED, "displays": {},
        "imageUrls": [], "videoUrl": None, "videoUrls": [], "seed": None, "isWhite": False,
    }  # fmt: skip
    if task.action == "SHORTEN" and task.text:
        body["description"] = task.text
    if task.action.startswith("VIDEO") and success and task.image_url:
        body["videoUrl"] = task.image_url.replace(".png", ".mp4")
        body["videoUrls"] = [{"url": body["videoUrl"]}]
    if success:
        body["state"], body["failReason"] = task.state or "", ""
    return body


def gateway_body(task: Task, seen: Task | None, action: str, base_url: str, plus: bool) -> Json:
    """A row of the gateway: `seen` is what its poller knows, None before the first poll."""
    upstream = task_body("T", seen) if seen else {}
    status, url = upstream.get("status", ""), ""
    if upstream.get("imageUrl"):
        url = f"{base_url}/mj/image/{task.id}" + (
            "" if status == "SUCCESS" else f"?rand={time.time_ns()}"
        )
    final = upstream.get("properties", {}).get("finalPrompt")
    progress = "100%" if status == "FAILURE" else upstream.get("progress") or "0%"
    times = {key: upstream.get(key) or 0 for key in ("startTime", "finishTime")}
    body = {
        "id": task.id, "action": action, "customId": "", "botType": "", "maskBase64": "",
        "prompt": task.prompt or "", "promptEn": upstream.get("promptEn") or "",
        "description": task.said, "state": upstream.get("state") or "",
        "submitTime": task.submitted, **times, "imageUrl": url, "status": status,
        "progress": progress, "failReason": upstream.get("failReason") or "",
        "buttons": upstream.get("buttons") or None,
        "properties": {"finalPrompt": final, "finalZhPrompt": ""} if final else None,
    }  # fmt: skip
    if plus:
        body |= {
            "videoUrl": upstream.get("videoUrl") or "",
            "videoUrls": upstream.get("videoUrls") or [],
        }
    return body


def gateway_action(custom_id: str) -> str | None:
    """The gateway's reading of a customId; IndexError where it crashes, None where it refuses."""
    parts = custom_id.split("::")
    verb = parts[2] if parts[1] == "JOB" else parts[1]
    exact = {"variation": "VARIATION", "low_variation": "LOW_VARIATION",
             "high_variation": "HIGH_VARIATION", "Outpaint": "ZOOM",
             "CustomZoom": "CUSTOM_ZOOM", "Inpaint": "INPAINT"}  # fmt: skip
    loose = {"upsample": "UPSCALE", "pan": "PAN", "reroll": "REROLL"}
    return exact.get(verb) or next((name for part, name in loose.items() if part in verb), None)


class RefusedError(Exception):
    """A request the provider turns down; body None is empty, a str is plain text."""

    def __init__(self, status: int, body: Json | str | None) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


def refusal(
    flavour: Flavour, code: int, chinese: str, english: str, status: int = 200
) -> RefusedError:
    """A refusal in the submit envelope; P speaks English and leaves `result` out."""
    if flavour == "P":
        return RefusedError(200, {"code": code, "description": english})
    return RefusedError(
        status, {"code": code, "description": chinese, "result": None, "properties": {}}
    )


def gateway_refusal(description: str, code: int = 4) -> RefusedError:
    return RefusedError(
        400, {"code": code, "description": f"{description} ", "type": "upstream_error"}
    )


def openai_refusal(status: int, message: str, kind: str = "new_api_error") -> RefusedError:
    return RefusedError(
        status, {"error": {"message": message, "type": kind, "param": "", "code": ""}}
    )


def framework_refusal(flavour: Flavour, status: int, reason: str, path: str) -> RefusedError:
    """What the web framework itself says: no such route, unreadable body, wrong types, a crash."""
    if flavour == "N":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime())
        return RefusedError(
            status, {"timestamp": stamp, "status": status, "error": reason, "path": path}
        )
    if flavour == "T":
        if status in (404, 415):
            return RefusedError(status, None)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        return RefusedError(
            200, {"success": False, "code": -1, "message": reason, "timestamp": stamp}
        )
    if flavour == "G":
        return openai_refusal(
            status, f"Invalid request ({path}): {reason}", "invalid_request_error"
        )
    return RefusedError(status, {"error": reason})


_INTS = {"index", "batchSize"}
_LISTS = {"base64Array", "ids"}
_STRINGS = {"prompt", "state", "notifyHook", "taskId", "customId", "base64", "maskBase64", "link",
            "dimensions", "action", "content", "image", "endImage", "motion", "videoType",
            "botType", "language"}  # fmt: skip


def wrong_field(body: Json) -> str | None:
    """The first field that is neither null nor of its type."""
    for key, value in body.items():
        good = isinstance(value, str) if key in _STRINGS else True
        if key in _INTS:
            good = type(value) is int
        elif key in _LISTS:
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if value is not None and not good:
            return key
    return None


def authorise(flavour: Flavour, secret: str | None, headers: Headers) -> None:
    plain, bearer = headers.get("mj-api-secret", ""), headers.get("Authorization", "")
    if secret is None:
        return
    if flavour == "T" and (bearer or plain) != secret:
        raise RefusedError(401, "Authorization header missing.")
    if flavour == "G":
        key = plain if bearer in ("", "midjourney-proxy") else bearer
        if key.removeprefix("Bearer ").removeprefix("sk-") != secret.removeprefix("sk-"):
            raise openai_refusal(401, "无效的令牌 (request id: 2025)")
    if flavour in ("N", "P") and plain != secret:
        raise RefusedError(401, {"error": "Unauthorized"} if flavour == "P" else None)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def check_images(flavour: Flavour, images: list[str]) -> None:
    """Data URLs everywhere; T takes bare base64 and addresses as well."""
    for image in images:
        match = re.match(r"data:[\w.+-]+/[\w.+-]+;base64,", image)
        if flavour == "T" and image.startswith(("http://", "https://")):
            continue
        good = _decoded(image[match.end() if match else 0 :])
        if not good or not (match or flavour == "T"):
            raise refusal(flavour, 4, "base64格式错误", "base64 is wrong")


def is_png(mask: str) -> bool:
    """Only the literal prefix of a PNG is taken off; any other makes the mask corrupt."""
    return _decoded(mask.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG\r\n\x1a\n")


def picture(*colours: str) -> bytes:
    """A 512x512 PNG: one colour, or four in a 2x2 grid; the names decide the colours."""
    image = Image.new("RGB", (512, 512))
    for place, name in enumerate(colours * (4 // len(colours))):
        red, green, blue = hashlib.md5(name.encode()).digest()[:3]
        image.paste((red, green, blue), (256 * (place % 2), 256 * (place // 2), 512, 512))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
