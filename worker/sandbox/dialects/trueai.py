# ruff: noqa: D102, ARG002, RUF001 - the methods are explained in the base class
"""trueai: every endpoint but change, the raw key in Authorization, modals, whole records."""

from typing import Any, ClassVar

from werkzeug.datastructures import Headers

from worker.sandbox.dialects.base import (
    INSTANCE,
    JSON,
    REFUSALS,
    Dialect,
    Refusals,
    discord_properties,
    image_url,
    video_urls,
    words,
)
from worker.sandbox.models import NOW, Button, Refused, Reply, Task

#: Keys of a task that leak internals and are mostly empty.
_NULLS = words("""
    realBotType userId nonce interactionMetadataId messageId remixModalMessageId subInstanceId
    language baseImageUrl thumbnailUrl partnerTaskId partnerTaskInfo officialTaskId
    officialTaskInfo seed seedError seedMessageId jobId replicateSource replicateTarget requestMode
    accountFilter url proxyUrl size contentType videoGenOriginImageUrl videoDuration frameCount
    useTime version storageOption videoType maskBase64 width height
""")
_FALSE = words("""
    isWhite remixAutoSubmit remixModaling hasAIReviewRetried isThirdParty isPartner isPartnerRelax
    isOfficial isReplicate isHdVideo
""")


def _failed_result(message: str, status: int = 200) -> Reply:
    """The second envelope, for unreadable bodies and exceeded limits."""
    return Reply({"success": False, "code": -1, "message": message, "timestamp": NOW}, status)


class Trueai(Dialect):
    """trueai-org/midjourney-proxy."""

    name = "trueai"
    submits = words(
        "imagine action blend describe shorten modal edits edit retexture video"
        " upload-discord-images swap"
    )
    queries = words("fetch image-seed list list-by-condition list-by-ids")
    refusals: ClassVar[Refusals] = {
        **REFUSALS,
        "blend_count": (200, 4, "图片参数错误，2~5张图片"),
        "parent_unknown": (404, 3, "关联任务不存在或已失效"),
        "button_unknown": (200, 4, "参数错误"),
        "reroll_unsupported": (200, 4, "该任务不支持重新生成"),
        "swap_same": (200, 4, "人脸图片和目标图片不能相同"),
        "too_long": (200, 4, "State 长度不能超过 255"),
        "user_limit": (200, 4, "并发数已达上限"),
        "queue_full": (200, 9, "提交失败，队列已满，请稍后重试"),
    }
    account: ClassVar[JSON] = {"discordInstanceId": INSTANCE, "discordChannelId": INSTANCE}
    unauthorised = Reply("Authorization header missing.", 401, "text/plain")
    malformed = _failed_result("参数错误")
    crashed = _failed_result("服务器内部错误", 500)
    unknown_task = Reply(None, 204)
    prefixes = ("mj-fast", "mj-turbo", "mj-relax")
    listed = 100
    max_state = 255
    ascii_callbacks = True
    follows_redirects = True
    callback_type = "application/json; charset=utf-8"

    def allows(self, headers: Headers, key: str) -> bool:
        # Authorization, if present, hides the other header, and nothing is stripped from it.
        given = headers.get("Authorization")
        return (headers.get("mj-api-secret") if given is None else given) == key

    def unknown_path(self, method: str, path: str) -> Reply:
        return Reply(None, 404)

    def refused(self, refusal: Refused, path: str) -> Reply:
        # An exceeded limit is code 4 on imagine only; elsewhere the exception filter answers.
        if refusal.reason in ("too_long", "user_limit") and path != "imagine":
            return _failed_result(self.refusals[refusal.reason][2])
        return super().refused(refusal, path)

    def busy(self, path: str) -> tuple[Reply, ...]:
        limited = self.refused(Refused("user_limit"), path)
        return (*super().busy(path), limited, Reply(None, 429))

    def task(self, task: Task, base: str) -> JSON:
        order, done, image = task.order, task.succeeded, image_url(task, base)
        videos = video_urls(task, base)
        text = order.final_prompt if done else ""
        return {
            **dict.fromkeys(_NULLS),
            **dict.fromkeys(_FALSE, False),
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
            "imageUrl": image,
            "imageUrls": [],
            "videoUrl": videos[0] if videos else None,
            "videoUrls": [{"url": url, "thumbnail": image} for url in videos],
            "progress": task.progress,
            "failReason": "" if done else task.fail_reason,
            "properties": _properties(task),
            "buttons": button_objects(task.buttons),
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
        }


def button_objects(buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    """Buttons with every blank as ""."""
    return [
        {"customId": b.custom_id, "emoji": b.emoji, "label": b.label, "style": b.style, "type": 2}
        for b in buttons
    ]


def _properties(task: Task) -> JSON:
    order = task.order
    extra: JSON = {"discordChannelId": INSTANCE, "botType": order.bot}
    if order.custom_id:
        extra["custom_id"] = order.custom_id
    if order.opens_modal:
        extra |= {"remix": True, "finalPrompt": order.final_prompt}
    return discord_properties(task) | extra
