"""Task objects as each provider writes them (protocol: task object, its fields by provider).

What matters here is exact: which keys exist, and whether "nothing" is null, "" or absent.
"""

from __future__ import annotations

import time
from typing import Any

from worker.sandbox.model import FAILURE, SUCCESS, Button, Task

View = dict[str, Any]

INSTANCE = "1118138338562560102"
#: Keys that trueai serialises besides the common ones, mostly empty; they leak internals.
_TRUEAI_EMPTY = (
    "realBotType", "userId", "nonce", "interactionMetadataId", "messageId",
    "remixModalMessageId", "subInstanceId", "language", "baseImageUrl", "thumbnailUrl",
    "partnerTaskId", "partnerTaskInfo", "officialTaskId", "officialTaskInfo", "seed",
    "seedError", "seedMessageId", "jobId", "replicateSource", "replicateTarget", "requestMode",
    "accountFilter", "url", "proxyUrl", "size", "contentType", "videoGenOriginImageUrl",
    "videoDuration", "frameCount", "useTime", "version", "storageOption", "videoType",
    "maskBase64",
)  # fmt: skip
_TRUEAI_FALSE = (
    "isWhite", "remixAutoSubmit", "remixModaling", "hasAIReviewRetried", "isThirdParty",
    "isPartner", "isPartnerRelax", "isOfficial", "isReplicate", "isHdVideo",
)  # fmt: skip


def image_url(task: Task, base: str) -> str | None:
    """Where the finished picture is served; None while there is none."""
    return f"{base}/sandbox/images/{task.id}.png" if task.recipe is not None else None


def video_urls(task: Task, base: str) -> list[str]:
    """Where the films of a finished video task are served."""
    if task.recipe is None or not task.order.shape.endswith("video"):
        return []
    return [f"{base}/sandbox/videos/{task.id}.gif"]


def novicezk_task(task: Task, base: str) -> View:
    """novicezk: nulls written out, previews in imageUrl while running, no buttons at all."""
    order = task.order
    text = order.final_prompt if order.shape == "describe" and task.status == SUCCESS else None
    return {
        "id": task.id,
        "properties": _properties(task),
        "action": order.action,
        "status": task.status,
        "prompt": text or order.prompt or None,
        "promptEn": text or order.prompt or None,
        "description": order.description,
        "state": order.state,
        "submitTime": task.submit_time,
        "startTime": task.start_time,
        "finishTime": task.finish_time,
        "imageUrl": image_url(task, base) or _preview_url(task, base),
        "progress": task.progress,
        "failReason": task.fail_reason,
    }


def trueai_task(task: Task, base: str) -> View:
    """trueai: the whole record with its internals, buttons once done, no preview."""
    order, done = task.order, task.status == SUCCESS
    text = order.final_prompt if done else ""
    films = video_urls(task, base)
    return {
        **dict.fromkeys(_TRUEAI_EMPTY),
        **dict.fromkeys(_TRUEAI_FALSE, False),
        "id": task.id,
        "parentId": order.parent_id,
        "action": order.action,
        "status": task.status,
        "botType": order.bot,
        "prompt": order.prompt,
        "promptEn": text if order.shape == "describe" else order.prompt,
        "promptFull": order.final_prompt or None,
        "description": text if order.shape == "shorten" and done else order.description,
        "state": (order.state or "") if done else order.state,
        "submitTime": task.submit_time,
        "startTime": task.start_time,
        "finishTime": task.finish_time,
        "imageUrl": image_url(task, base),
        "imageUrls": [],
        "videoUrl": films[0] if films else None,
        "videoUrls": [{"url": url, "thumbnail": image_url(task, base)} for url in films],
        "progress": task.progress,
        "failReason": "" if done else task.fail_reason,
        "properties": _trueai_properties(task),
        "buttons": [trueai_button(button) for button in task.buttons],
        "customId": order.custom_id,
        "mode": (order.mode or "fast").upper(),
        "instanceId": INSTANCE,
        "messageIds": [],
        "displays": {},
        "clientIp": "127.0.0.1",
        "isDiscord": True,
        "isCompleted": task.ended,
        "imageWidth": task.recipe.size[0] if task.recipe else None,
        "imageHeight": task.recipe.size[1] if task.recipe else None,
        "width": None,
        "height": None,
    }


def gateway_task(task: Task, base: str) -> View:
    """The gateway's own row: "" and 0 for nothing, its own picture address, few properties."""
    order, done = task.order, task.status == SUCCESS
    films = video_urls(task, base)
    return {
        "id": task.id,
        "action": order.action,
        "customId": "",
        "botType": "",
        "prompt": order.prompt,
        "promptEn": order.final_prompt if order.shape == "describe" and done else order.prompt,
        "description": "提交成功",
        "state": (order.state or "") if task.status else "",
        "submitTime": task.submit_time,
        "startTime": task.start_time or 0,
        "finishTime": task.finish_time or 0,
        "imageUrl": _gateway_image_url(task, base),
        "videoUrl": films[0] if films else "",
        "videoUrls": [{"url": url} for url in films] or None,
        "status": task.status,
        "progress": "100%" if task.status == FAILURE else task.progress or "0%",
        "failReason": task.fail_reason or "",
        "buttons": [trueai_button(button) for button in task.buttons] or None,
        "maskBase64": "",
        "properties": _gateway_properties(task),
    }


def crazyrouter_callback(task: Task, base: str) -> View:
    """The callback that crazyrouter documents: no state, buttons, description or properties."""
    view = gateway_task(task, base)
    keys = "id action status prompt progress failReason submitTime startTime finishTime"
    return {**{key: view[key] for key in keys.split()}, "imageUrl": image_url(task, base) or ""}


def trueai_button(button: Button) -> View:
    """A button with every blank as ""."""
    return {
        "customId": button.custom_id,
        "emoji": button.emoji,
        "label": button.label,
        "style": button.style,
        "type": 2,
    }


def crazyrouter_button(button: dict[str, Any]) -> View:
    """The documented button: no `type`, and the label repeated as emoji."""
    return {
        "customId": button["customId"],
        "emoji": button["emoji"] or button["label"],
        "label": button["label"],
        "style": button["style"],
    }


def sparse_buttons(view: View, task: Task) -> View:
    """A habit of some proxies: buttons on single pictures and describes only, emoji an object."""
    single = task.order.shape in ("single", "enlarged", "describe")
    shown = single or task.order.action == "INPAINT"
    buttons = view["buttons"] or () if shown else ()
    return view | {"buttons": [b | {"emoji": {"name": b["emoji"]}} for b in buttons]}


def _properties(task: Task) -> View:
    running = task.start_time is not None
    return {
        "notifyHook": task.order.hook,
        "finalPrompt": task.order.final_prompt if task.status == SUCCESS else "",
        "messageId": task.id[::-1],
        "messageHash": task.hash if task.status == SUCCESS else None,
        "progressMessageId": task.id[::-1] if running else None,
        "flags": 0,
        "nonce": f"1{task.number:018d}",
        "discordInstanceId": INSTANCE,
    }


def _trueai_properties(task: Task) -> View:
    extra: View = {"discordChannelId": INSTANCE, "botType": task.order.bot}
    if task.order.custom_id:
        extra["custom_id"] = task.order.custom_id
    if task.order.opens_window:
        extra |= {"remix": True, "finalPrompt": task.order.final_prompt}
    return {**_properties(task), **extra}


def _gateway_properties(task: Task) -> View | None:
    shown = task.status == SUCCESS or task.order.opens_window
    return {"finalPrompt": task.order.final_prompt, "finalZhPrompt": ""} if shown else None


def _preview_url(task: Task, base: str) -> str | None:
    percent = (task.progress or "").rstrip("%")
    if task.planned is None or task.ended or percent in ("", "0"):
        return None
    return f"{base}/sandbox/images/{task.id}-{percent}.png"


def _gateway_image_url(task: Task, base: str) -> str:
    if task.recipe is None:
        return ""
    fresh = "" if task.status == SUCCESS else f"?rand={time.time_ns()}"
    return f"{base}/mj/image/{task.id}{fresh}"
