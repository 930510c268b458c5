"""PURE. What came of a job: the task's result, what of it is stored, or why there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple


class AssetsStatus(StrEnum):
    """Whether the result's files are in our own storage."""

    NONE = "none"
    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


#: Which files of a result are stored: none, the main picture alone, every picture and film.
KeptFiles = Literal["off", "grid", "all"]


@dataclass(frozen=True, slots=True)
class Keep:
    """What of a result is stored. ``tiles``: a grid's four pictures besides, each on its own."""

    files: KeptFiles = "all"
    tiles: bool = False


#: A file as it came, or made of one.
FileOf = Literal["picture", "video", "tile", "thumbnail"]


class StoredFile(NamedTuple):
    """One file in our storage; of a film the width and height are not known.

    A tuple, for it is kept without the names of its fields: a job may have many.
    """

    path: str  #: below the storage's root
    type: str  #: its MIME type, told from its content
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    of: FileOf


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a finished task; ``custom_id`` is replayed verbatim."""

    custom_id: str
    label: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job did not succeed. ``code`` is stable, ``message`` the provider's words or ours."""

    code: str
    message: str
    hint: str | None = None  #: what to do about it
    retryable: bool = False  #: whether the same request may succeed later


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished task gave. ``buttons`` is None while nobody told us whether there are any."""

    image_url: str | None = None
    image_urls: tuple[str, ...] = ()
    video_urls: tuple[str, ...] = ()
    prompt: str | None = None  #: the final prompt, as the provider ran it
    prompts: tuple[str, ...] = ()  #: of a describe or shorten: clean texts without numbering
    text: str | None = None  #: of a describe or shorten: the text as it came
    buttons: tuple[Button, ...] | None = None
    assets: tuple[str, ...] = ()  #: our copies, as paths below the storage's root
    assets_status: AssetsStatus = AssetsStatus.NONE
    seed: str | None = None  #: the picture's, where it was asked for
    seed_error: str | None = None  #: why it cannot be had, where it was asked for
    assets_error: JobError | None = None  #: why the files could not be had
    files: tuple[StoredFile, ...] = ()  #: our copies, their tiles and thumbnails
