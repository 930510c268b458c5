"""PURE. What the decoding processes are asked for, and what they answer."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of decoding a picture."""

    mime: str  #: image/png, image/jpeg, image/webp or image/gif
    width: int
    height: int
    frames: int = field(default=1, kw_only=True)  #: of an animation, if they were asked for


@dataclass(frozen=True, slots=True)
class Media:
    """A complete picture or film; width and height are None for a film that was not decoded."""

    mime: str
    ext: str  #: without a dot
    width: int | None = None
    height: int | None = None
    moves: bool = True  #: it is a film; an animated WebP, GIF or PNG is one
    colour: str | None = None  #: its average, as ``rrggbb``; None: it was not drawn

    @property
    def is_decoded(self) -> bool:
        """Whether it was decoded, so that a thumbnail of it can be made."""
        return self.width is not None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture derived from another: ``tile`` 1-4 of a grid, a thumbnail, or a smaller copy."""

    mime: str
    ext: str  #: without a dot
    width: int
    height: int
    data: bytes = field(repr=False)
    tile: int | None = None
    colour: str | None = None  #: of a thumbnail: the average, as ``rrggbb``


class Allowed(NamedTuple):
    """What one decoding process may use."""

    memory: int  #: bytes, on top of what the empty process has
    cpu_s: int  #: seconds of CPU time
    wall_s: int  #: seconds altogether


def ext_of(mime: str) -> str:
    """The file extension of this picture type, without a dot."""
    return "jpg" if mime == "image/jpeg" else mime.removeprefix("image/")


def too_large(max_bytes: int) -> str:
    """The words for a picture of more bytes than that."""
    return f"the picture has more than the allowed {max_bytes / 1024**2:.3g} MiB; make it smaller"
