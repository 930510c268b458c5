"""PURE. The fields of each kind of job. Docstrings and descriptions are the command line's help."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from worker.domain.job_spec import Kind
from worker.domain.requests import texts
from worker.domain.requests.base import Problem, at_least_one, choice, count, exactly_one, within
from worker.domain.requests.options import Options, Pictured
from worker.domain.requests.steps import Dimensions
from worker.domain.requests.texts import CustomId, Name, OurId, Picture, Prompt

MAX_PICTURES = 20

#: Options that a job waiting for a modal answer keeps from its request. ``account`` may be repeated
#: if it is the same.
_KEPT = frozenset(Pictured.model_fields) - {"account"}

JobId = Annotated[OurId, Field(description="A job of Hookline.")]
TaskId = Annotated[texts.TaskId, Field(description="A task that is not a job of Hookline.")]
Image = Annotated[Picture, Field(description="The picture.")]
Mask = Annotated[Picture, Field(description="A PNG of the picture's size, white where it changes.")]


class _ForBot(Options):
    bot_type: Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None = Field(None, description="Which bot.")


class Imagine(_ForBot, Pictured):
    """A picture from words, and from pictures as a reference."""

    what: ClassVar[str] = "imagine"
    prompt: Prompt
    images: Annotated[list[Picture], count(0, MAX_PICTURES)] = Field(
        default_factory=list, description="A reference."
    )


class Blend(_ForBot, Pictured):
    """One picture of two to five."""

    what: ClassVar[str] = "blend"
    images: Annotated[list[Picture], count(2, 5)]
    dimensions: Dimensions | None = Field(None, description="The shape.")


class Describe(_ForBot):
    """Prompts from a picture."""

    what: ClassVar[str] = "describe"
    image: Image


class Shorten(_ForBot):
    """A shorter prompt."""

    what: ClassVar[str] = "shorten"
    prompt: Prompt


class Action(Pictured):
    """A button of a finished job or task; `press` is the short form."""

    what: ClassVar[str] = "action"
    job_id: JobId | None = None
    task_id: TaskId | None = None
    button: Name | None = Field(None, description="Its name, label or emoji.")
    custom_id: CustomId | None = Field(None, description="The provider's own id of it.")

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Exactly one task and one button."""
        yield from exactly_one(given, "job_id", "task_id")
        yield from exactly_one(given, "button", "custom_id")


class Modal(Pictured):
    """Answer a window; the job that waits for it continues."""

    what: ClassVar[str] = "modal"
    job_id: JobId | None = None
    task_id: TaskId | None = None
    prompt: Prompt | None = Field(None, description="The new prompt.")
    mask: Mask | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require an answer, and refuse to change the options of the waiting job."""
        yield from exactly_one(given, "job_id", "task_id")
        yield from at_least_one(given, "prompt", "mask")
        if "job_id" in given:
            for name in _KEPT & given.keys():
                yield (
                    name,
                    "cannot be changed here: the job that waits keeps its own; leave it out",
                )


class Change(Pictured):
    """Upscale, variation or reroll, for providers without buttons."""

    what: ClassVar[str] = "change"
    action: Literal["UPSCALE", "VARIATION", "REROLL"] = Field(description="What to do.")
    index: Annotated[int, within(1, 4)] | None = Field(None, description="The picture of the grid.")
    job_id: JobId | None = None
    task_id: TaskId | None = None

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require an index, except for a reroll, which applies to the whole grid."""
        yield from exactly_one(given, "job_id", "task_id")
        if given.get("action") in ("UPSCALE", "VARIATION") and "index" not in given:
            yield "index", "is required: 1 to 4, the picture of the grid"


class Edits(Pictured):
    """A picture changed by words, everywhere or where the mask is."""

    what: ClassVar[str] = "edits"
    prompt: Prompt
    image: Image
    mask: Mask | None = None


class Retexture(Pictured):
    """The same shapes in another look."""

    what: ClassVar[str] = "retexture"
    prompt: Prompt
    image: Image


class Video(Options):
    """A film from a picture, or a longer one from a film."""

    what: ClassVar[str] = "video"
    prompt: Prompt | None = None
    image: Picture | None = Field(None, description="The first picture.")
    end_image: Picture | None = Field(None, description="The last picture.")
    motion: Literal["low", "high"] | None = Field(None, description="How much moves.")
    loop: bool | None = Field(None, description="End where it began.")
    video_type: Literal["vid_1.1_i2v_480", "vid_1.1_i2v_720"] | None = Field(
        None, description="The provider's model."
    )
    batch_size: Annotated[int, choice(1, 2, 4)] | None = Field(None, description="How many films.")
    job_id: JobId | None = None
    task_id: TaskId | None = None
    index: Annotated[int, within(0, 3)] | None = Field(None, description="The film to extend.")

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """Require a prompt and a picture for a new film, an index to extend one."""
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


class SwapFace(Options):
    """The face of one picture in another."""

    what: ClassVar[str] = "swap_face"
    source: Picture
    target: Picture


class Upload(Options):
    """Pictures to be kept by the provider; their URLs are the result."""

    what: ClassVar[str] = "upload"
    images: Annotated[list[Picture], count(1, MAX_PICTURES)]


MODELS: Mapping[Kind, type[Options]] = {
    Kind(model.what): model
    for model in (
        Imagine, Blend, Describe, Action, Modal, Shorten,
        Change, Edits, Retexture, Video, SwapFace, Upload,
    )
}  # fmt: skip
