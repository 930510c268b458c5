"""PURE. The fields of each kind of job."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from worker.domain.job import Kind
from worker.domain.requests.assets import AssetsField
from worker.domain.requests.base import (
    CustomId,
    Id,
    Model,
    Name,
    Picture,
    Problem,
    Prompt,
    at_least_one,
    choice,
    count,
    depth,
    exactly_one,
    within,
)
from worker.domain.requests.notify import Notify
from worker.domain.requests.retry import Retry
from worker.domain.requests.steps import Dimensions, Steps

MAX_METADATA = 4096  #: bytes, as JSON
MAX_METADATA_DEPTH = 20
MAX_PICTURES = 20

Mode = Literal["fast", "relax", "turbo"]


def _small_json(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of an object that is plain JSON and small."""
    if depth(value, MAX_METADATA_DEPTH) > MAX_METADATA_DEPTH:
        raise ValueError(f"must not be nested deeper than {MAX_METADATA_DEPTH}")
    try:
        written = json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError):
        raise ValueError("must be plain JSON with finite numbers and valid Unicode") from None
    if len(written) > MAX_METADATA:
        raise ValueError(f"must have at most {MAX_METADATA} bytes as JSON, not {len(written)}")
    copy: dict[str, Any] = json.loads(written)
    return copy


class Request(Model):
    """What every kind of job has."""

    then: Steps = Field(default_factory=list)
    account: Name | None = None
    priority: Annotated[int, within(0, 9)] = 5
    tenant: Name | None = None
    mode: Mode | None = None
    deadline_s: Annotated[int, within(60, 86400)] = 3600
    retry: Retry | None = None
    metadata: Annotated[dict[str, Any], AfterValidator(_small_json)] = Field(default_factory=dict)
    notify: Notify | None = None
    assets: AssetsField | None = None


class Pictured(Request):
    """Ends with a picture, whose seed may be asked for."""

    seed: bool = False


#: What a job that waits for its window's answer keeps as it was handed in: every option that a
#: job of any kind may have. Its ``account`` may be named again, where it is the same.
_KEPT = frozenset(Pictured.model_fields) - {"account"}


class _ForBot(Request):
    bot_type: Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None = None


class _OnTask(Pictured):
    """Goes on from a job of ours, or from a task that only the provider knows."""

    job_id: Id | None = None
    task_id: Id | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        return exactly_one(given, "job_id", "task_id")


class Imagine(_ForBot, Pictured):
    """A picture from words, and from pictures as a reference."""

    what: ClassVar[str] = "imagine"
    prompt: Prompt
    images: Annotated[list[Picture], count(0, MAX_PICTURES)] = Field(default_factory=list)


class Blend(_ForBot, Pictured):
    """One picture of several."""

    what: ClassVar[str] = "blend"
    images: Annotated[list[Picture], count(2, 5)]
    dimensions: Dimensions | None = None


class Describe(_ForBot):
    """Prompts from a picture."""

    what: ClassVar[str] = "describe"
    image: Picture


class Shorten(_ForBot):
    """A shorter prompt."""

    what: ClassVar[str] = "shorten"
    prompt: Prompt


class Action(_OnTask):
    """A button of a finished task, by name or by customId."""

    what: ClassVar[str] = "action"
    button: Name | None = None
    custom_id: CustomId | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """One task and one button."""
        yield from super().rules(given)
        yield from exactly_one(given, "button", "custom_id")


class Modal(_OnTask):
    """The answer to a window."""

    what: ClassVar[str] = "modal"
    prompt: Prompt | None = None
    mask: Picture | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """An answer must say something; a job of ours keeps what it was handed in with."""
        yield from super().rules(given)
        yield from at_least_one(given, "prompt", "mask")
        if "job_id" in given:
            for name in _KEPT & given.keys():
                yield (
                    name,
                    "cannot be changed here: the job that waits keeps its own; leave it out",
                )


class Change(_OnTask):
    """Upscale, variation or reroll, for providers without buttons."""

    what: ClassVar[str] = "change"
    action: Literal["UPSCALE", "VARIATION", "REROLL"]
    index: Annotated[int, within(1, 4)] | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Only a reroll is about all four pictures."""
        yield from super().rules(given)
        if given.get("action") in ("UPSCALE", "VARIATION") and "index" not in given:
            yield "index", "is required: 1 to 4, the picture of the grid"


class Retexture(Pictured):
    """The same shapes in another look."""

    what: ClassVar[str] = "retexture"
    prompt: Prompt
    image: Picture


class Edits(Pictured):
    """A picture changed by words, everywhere or where the mask is."""

    what: ClassVar[str] = "edits"
    prompt: Prompt
    image: Picture
    mask: Picture | None = None


class Video(Request):
    """A film from a picture; with ``job_id`` or ``task_id`` a longer one from a film."""

    what: ClassVar[str] = "video"
    prompt: Prompt | None = None
    image: Picture | None = None
    end_image: Picture | None = None
    motion: Literal["low", "high"] | None = None
    loop: bool | None = None
    video_type: Literal["vid_1.1_i2v_480", "vid_1.1_i2v_720"] | None = None
    batch_size: Annotated[int, choice(1, 2, 4)] | None = None
    job_id: Id | None = None
    task_id: Id | None = None
    index: Annotated[int, within(0, 3)] | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """A new film needs a prompt and a picture, a longer one the film's number."""
        if "job_id" in given or "task_id" in given:
            yield from exactly_one(given, "job_id", "task_id")
            if "index" not in given:
                yield "index", "is required to extend: 0 to 3, the film of the task"
            return
        to_extend = "or give `job_id` or `task_id` and `index` to extend a film"
        for name in ("prompt", "image"):
            if name not in given:
                yield name, f"is required; {to_extend}"
        if "index" in given:
            yield (
                "index",
                "is only for extending a film: give its `job_id` or `task_id`, or leave it out",
            )


class SwapFace(Request):
    """The face of one picture in another."""

    what: ClassVar[str] = "swap_face"
    source: Picture
    target: Picture


class Upload(Request):
    """Pictures to be kept by the provider."""

    what: ClassVar[str] = "upload"
    images: Annotated[list[Picture], count(1, MAX_PICTURES)]


MODELS: Mapping[Kind, type[Request]] = {
    Kind(model.what): model
    for model in (
        Imagine, Blend, Describe, Action, Modal, Shorten,
        Change, Edits, Retexture, Video, SwapFace, Upload,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureField:
    """A field of a request that holds a picture, or a list of them (``many``)."""

    name: str
    many: bool = False
    mask: bool = False  #: a mask: PNG, of the size of the picture that it belongs to


_IMAGE, _IMAGES = PictureField("image"), PictureField("images", many=True)
_MASK = PictureField("mask", mask=True)

_PICTURES: Mapping[Kind, tuple[PictureField, ...]] = {
    Kind.IMAGINE: (_IMAGES,),
    Kind.BLEND: (_IMAGES,),
    Kind.DESCRIBE: (_IMAGE,),
    Kind.MODAL: (_MASK,),
    Kind.EDITS: (_IMAGE, _MASK),
    Kind.RETEXTURE: (_IMAGE,),
    Kind.VIDEO: (_IMAGE, PictureField("end_image")),
    Kind.SWAP_FACE: (PictureField("source"), PictureField("target")),
    Kind.UPLOAD: (_IMAGES,),
}


def picture_fields(kind: Kind) -> tuple[PictureField, ...]:
    """The fields of a ``kind``'s request that hold pictures, a mask after its picture."""
    return _PICTURES.get(kind, ())
