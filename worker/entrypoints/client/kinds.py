"""Hand jobs in: a function for each kind."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

from worker.domain.job import Job, Kind
from worker.entrypoints.client.given import Bot, Options, Picture, plain, steps_of
from worker.entrypoints.connection import services

if TYPE_CHECKING:
    from worker.domain.dry_run import Quote


def imagine(
    prompt: str,
    *,
    images: Sequence[Picture] | None = None,
    bot_type: Bot | None = None,
    **options: Unpack[Options],
) -> Job:
    """A picture from words, and from pictures as a reference."""
    return _submit(Kind.IMAGINE, locals())


def blend(
    images: Sequence[Picture],
    *,
    dimensions: Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None = None,
    bot_type: Bot | None = None,
    **options: Unpack[Options],
) -> Job:
    """One picture of two to five."""
    return _submit(Kind.BLEND, locals())


def describe(image: Picture, *, bot_type: Bot | None = None, **options: Unpack[Options]) -> Job:
    """Prompts from a picture."""
    return _submit(Kind.DESCRIBE, locals())


def action(
    *,
    job_id: str | None = None,
    task_id: str | None = None,
    button: str | None = None,
    custom_id: str | None = None,
    **options: Unpack[Options],
) -> Job:
    """A button of a finished job, or of a task that only the provider knows; see also ``press``."""
    return _submit(Kind.ACTION, locals())


def modal(
    *,
    job_id: str | None = None,
    task_id: str | None = None,
    prompt: str | None = None,
    mask: Picture | None = None,
    **options: Unpack[Options],
) -> Job:
    """The answer to a window. With ``job_id`` the job that waits for it goes on."""
    return _submit(Kind.MODAL, locals())


def shorten(prompt: str, *, bot_type: Bot | None = None, **options: Unpack[Options]) -> Job:
    """A shorter prompt."""
    return _submit(Kind.SHORTEN, locals())


def change(
    action: Literal["UPSCALE", "VARIATION", "REROLL"],
    *,
    index: int | None = None,
    job_id: str | None = None,
    task_id: str | None = None,
    **options: Unpack[Options],
) -> Job:
    """Upscale, variation or reroll, for providers without buttons."""
    return _submit(Kind.CHANGE, locals())


def edits(
    prompt: str, image: Picture, *, mask: Picture | None = None, **options: Unpack[Options]
) -> Job:
    """A picture changed by words, everywhere or where the mask is."""
    return _submit(Kind.EDITS, locals())


def retexture(prompt: str, image: Picture, **options: Unpack[Options]) -> Job:
    """The same shapes in another look."""
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
    job_id: str | None = None,
    task_id: str | None = None,
    index: int | None = None,
    **options: Unpack[Options],
) -> Job:
    """A film from a picture; a longer one from a film of ``job_id`` or ``task_id``."""
    return _submit(Kind.VIDEO, locals())


def swap_face(source: Picture, target: Picture, **options: Unpack[Options]) -> Job:
    """The face of ``source`` in ``target``."""
    return _submit(Kind.SWAP_FACE, locals())


def upload(images: Sequence[Picture], **options: Unpack[Options]) -> Job:
    """Pictures to be kept by the provider; their URLs are the result."""
    return _submit(Kind.UPLOAD, locals())


def submit(request: Mapping[str, Any], *, key: str | None = None) -> Job:
    """Hand in a request as HTTP takes it: ``{"kind": "imagine", "prompt": ...}``."""
    return services().enqueuer.submit(plain(request), key=key, allow_paths=True)[0]


def quote(request: Mapping[str, Any], *, key: str | None = None) -> "Quote":
    """What ``submit`` of the same would start, and its price; nothing is stored."""
    return services().enqueuer.quote(plain(request), key=key, allow_paths=True)


def _submit(kind: Kind, arguments: Mapping[str, Any]) -> Job:
    """Submit the arguments of a function above, which are the fields of its kind."""
    request = {"kind": kind.value, **arguments, **arguments["options"]}
    key = request.pop("key", None)
    del request["options"]
    if "then" in request:
        request["then"] = steps_of(request["then"])
    return submit(request, key=key)
