"""PURE. Detects a provider's dialect from its responses, and knows what a dialect ignores.

Only responses to our reads show it: callbacks and accepted submits come from the software behind a
gateway.
"""

from collections.abc import Iterator
from typing import Any

from worker.adapters.provider.wire import items, mapping, text
from worker.domain.account import Dialect
from worker.domain.job_spec import JSON, Kind

#: Error types of the gateways themselves.
_GATEWAY_ERRORS = frozenset({"upstream_error", "new_api_error"})
_LOOKED_AT = 50  #: rows of a list
_TRUEAI_KEYS = frozenset(
    {"displays", "isCompleted", "isPartner", "isOfficial", "realBotType", "interactionMetadataId"}
)
_NOVICEZK_PROPERTIES = frozenset({"discordInstanceId", "progressMessageId", "messageHash"})


def ignored(
    dialect: str, kind: Kind, request: JSON, mode: str | None = None
) -> Iterator[tuple[str, str]]:
    """The fields that the provider would drop without a word, each with what to do instead.

    It would make, and charge, something else. Only what the source of a dialect shows: what a
    gateway forwards is up to the software behind it. ``mode``: of the job, if it was asked for.
    """
    if dialect == "novicezk":
        if request.get("bot_type") == "NIJI_JOURNEY":
            instead = "; write `--niji 6` into the prompt instead" if kind is Kind.IMAGINE else ""
            yield "bot_type", f"novicezk knows no bot but Midjourney's: leave it out{instead}"
        if mode and kind is Kind.BLEND:
            yield "mode", "novicezk takes the speed from the prompt, which a blend has not"
    if dialect == "trueai" and kind is Kind.EDITS and request.get("mask"):
        whole = "trueai's edits take none, and would change the whole picture"
        yield "mask", f"{whole}: leave it out, or press `Vary (Region)` of an upscaled picture"


def guess_dialect(body: Any) -> Dialect | None:
    """The dialect of a fetched task, a list of tasks or an error; None if it does not show."""
    if isinstance(body, list):
        guesses = (_of_object(mapping(item)) for item in items(body)[:_LOOKED_AT])
        return next((guess for guess in guesses if guess), None)
    return _of_object(mapping(body))


def _of_object(body: JSON) -> Dialect | None:
    return _of_error(body) or _of_task(body)


def _of_error(body: JSON) -> Dialect | None:
    types = {text(body.get("type")), text(mapping(body.get("error")).get("type"))}
    return None if _GATEWAY_ERRORS.isdisjoint(types) else "gateway"


def _of_task(task: JSON) -> Dialect | None:
    if "action" not in task or "status" not in task:
        return None
    if (text(task.get("id")) or "").startswith("task_"):
        return "crazyrouter"
    if not _TRUEAI_KEYS.isdisjoint(task):
        return "trueai"
    if _is_gateways(task):
        return "gateway"
    bare = "buttons" not in task
    if bare and not _NOVICEZK_PROPERTIES.isdisjoint(mapping(task.get("properties"))):
        return "novicezk"
    return None


def _is_gateways(task: JSON) -> bool:
    """Whether a gateway wrote it: it serves the picture itself, and writes 0 instead of null."""
    if "/mj/image/" in (text(task.get("imageUrl")) or ""):
        return True
    no_time = any(text(task.get(key)) == "0" for key in ("startTime", "finishTime"))
    return no_time and "buttons" in task
