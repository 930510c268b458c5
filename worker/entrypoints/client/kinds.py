"""Submit jobs: a function for each kind."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack
from uuid import UUID

from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.entrypoints.client.given import (
    Bot,
    Key,
    Options,
    Picture,
    id_of,
    key_of,
    plain,
    steps_of,
)
from worker.entrypoints.connection import enqueuer

if TYPE_CHECKING:
    from worker.domain.dry_run import Quote


def imagine(
    prompt: str,
    *,
    images: Sequence[Picture] | None = None,
    bot_type: Bot | None = None,
    **options: Unpack[Options],
) -> Job:
    """Generate a picture from a prompt and optional reference pictures."""
    return _submit(Kind.IMAGINE, locals())


def blend(
    images: Sequence[Picture],
    *,
    dimensions: Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None = None,
    bot_type: Bot | None = None,
    **options: Unpack[Options],
) -> Job:
    """Blend two to five pictures into one."""
    return _submit(Kind.BLEND, locals())


def describe(image: Picture, *, bot_type: Bot | None = None, **options: Unpack[Options]) -> Job:
    """Describe a picture as prompts."""
    return _submit(Kind.DESCRIBE, locals())


def action(
    *,
    job_id: str | UUID | None = None,
    task_id: str | int | None = None,
    button: str | None = None,
    custom_id: str | None = None,
    **options: Unpack[Options],
) -> Job:
    """Press a button of a finished job, or of a provider task without a job; see also ``press``."""
    return _submit(Kind.ACTION, locals())


def modal(
    *,
    job_id: str | UUID | None = None,
    task_id: str | int | None = None,
    prompt: str | None = None,
    mask: Picture | None = None,
    **options: Unpack[Options],
) -> Job:
    """Answer a modal window; with ``job_id``, the waiting job continues."""
    return _submit(Kind.MODAL, locals())


def shorten(prompt: str, *, bot_type: Bot | None = None, **options: Unpack[Options]) -> Job:
    """Shorten a prompt."""
    return _submit(Kind.SHORTEN, locals())


def change(
    action: Literal["UPSCALE", "VARIATION", "REROLL"],
    *,
    index: int | None = None,
    job_id: str | UUID | None = None,
    task_id: str | int | None = None,
    **options: Unpack[Options],
) -> Job:
    """Upscale, vary or reroll, for providers without buttons."""
    return _submit(Kind.CHANGE, locals())


def edits(
    prompt: str, image: Picture, *, mask: Picture | None = None, **options: Unpack[Options]
) -> Job:
    """Edit a picture with a prompt, everywhere or only inside the mask."""
    return _submit(Kind.EDITS, locals())


def retexture(prompt: str, image: Picture, **options: Unpack[Options]) -> Job:
    """Keep the shapes of a picture and change its look."""
    return _submit(Kind.RETEXTURE, locals())


def video(
    prompt: str | None = None,
    image: Picture | None = None,
    *,
    end_image: Picture | None = None,
    motion: Literal["low", "high"] | None = None,
    loop: bool | None = None,
    video_type: str | None = None,
    batch_size: int | None = None,
    job_id: str | UUID | None = None,
    task_id: str | int | None = None,
    index: int | None = None,
    **options: Unpack[Options],
) -> Job:
    """Animate a picture, or extend a film of ``job_id`` or ``task_id``."""
    return _submit(Kind.VIDEO, locals())


def swap_face(source: Picture, target: Picture, **options: Unpack[Options]) -> Job:
    """Put the face of ``source`` into ``target``."""
    return _submit(Kind.SWAP_FACE, locals())


def upload(images: Sequence[Picture], **options: Unpack[Options]) -> Job:
    """Upload pictures to the provider; the result has their URLs."""
    return _submit(Kind.UPLOAD, locals())


def submit(request: Mapping[str, Any], *, key: Key | None = None) -> Job:
    """Submit a request as in HTTP: ``{"kind": "imagine", "prompt": ...}``."""
    return enqueuer().submit(_asked(request), key=key_of(key), allow_paths=True)[0]


def quote(request: Mapping[str, Any], *, key: Key | None = None) -> "Quote":
    """What ``submit`` would start, and its price; nothing is stored."""
    return enqueuer().quote(_asked(request), key=key_of(key), allow_paths=True)


def _asked(request: Mapping[str, Any]) -> Any:
    """The request as JSON, with the whole id of its job."""
    asked = plain(request)
    if isinstance(job_id := asked.get("job_id"), str | UUID):
        asked["job_id"] = id_of(job_id)
    return asked


def _submit(kind: Kind, arguments: Mapping[str, Any]) -> Job:
    """Submit the ``locals()`` of a function above: the fields of its kind, and ``options``."""
    request = {"kind": kind.value, **arguments, **arguments["options"]}
    key = request.pop("key", None)
    del request["options"]
    if "then" in request:
        request["then"] = steps_of(request["then"])
    return submit(request, key=key)
