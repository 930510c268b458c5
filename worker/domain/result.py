"""PURE. The outcome of a job: the task's result and its stored files, or the error."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple


class AssetsStatus(StrEnum):
    """Whether the result's files are in our own storage."""

    NONE = "none"
    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


#: Which files of a result are stored: none, the main image, or every image and video.
KeptFiles = Literal["off", "grid", "all"]


@dataclass(frozen=True, slots=True)
class Keep:
    """Which files of a result are stored. ``tiles``: also a grid's four images, one by one."""

    files: KeptFiles = "all"
    tiles: bool = False


#: How a file came about: downloaded (picture, video), or made from a download.
FileOf = Literal["picture", "video", "tile", "thumbnail"]


class StoredFile(NamedTuple):
    """One file in our storage. A tuple, because a job may have many and is stored as JSON."""

    path: str  #: below the storage's root
    type: str  #: MIME type, detected from the content
    bytes: int
    sha256: str
    width: int | None  #: None for a video that was not decoded: all but animated images
    height: int | None
    of: FileOf


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a finished task; ``custom_id`` is sent back verbatim."""

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
class AssetsRetry:
    """Why the files are not stored yet, and how it goes on. Times: seconds since the epoch."""

    error: JobError  #: of the last try
    tries: int
    next_at: float
    ends_at: float  #: when they are given up


@dataclass(frozen=True)  # without slots: see `job.changed`
class Result:
    """The result of a finished task. ``buttons``: None while they are unknown."""

    image_url: str | None = None
    image_urls: tuple[str, ...] = ()
    video_urls: tuple[str, ...] = ()
    prompt: str | None = None  #: the final prompt, as the provider ran it
    prompts: tuple[str, ...] = ()  #: of a describe or shorten: the texts without their numbers
    text: str | None = None  #: of a describe or shorten: the unparsed text
    buttons: tuple[Button, ...] | None = None
    assets: tuple[str, ...] = ()  #: paths of our copies, below the storage's root
    assets_status: AssetsStatus = AssetsStatus.NONE
    seed: str | None = None  #: of the image, if it was asked for
    seed_error: str | None = None  #: why it is unavailable, if it was asked for
    assets_error: JobError | None = None  #: why the files could not be stored
    assets_retry: AssetsRetry | None = None  #: while they are pending, after a failed try
    assets_wanted_at: float | None = None  #: when a caller last asked for the files again
    files: tuple[StoredFile, ...] = ()  #: our copies, with their tiles and thumbnails
    #: The average colour of each of the ``assets``, as ``rrggbb``; empty: it was not decoded. Apart
    #: from the files, whose number of fields older versions count on.
    colours: tuple[str, ...] = ()
