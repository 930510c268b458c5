"""PURE. How large pictures and results may be."""

from typing import NamedTuple


class ImageLimits(NamedTuple):
    """The largest pictures that are decoded.

    Midjourney's own upscales have up to 4096x4096 pixels; some proxies enlarge them to 8192x8192.
    Its films have 24 frames per second and last 21 seconds at most.
    """

    pixels: int = 8192 * 8192  #: width times height; an animation's frames are all of this size
    frames: int = 1000  #: of an animation


class ResultLimits(NamedTuple):
    """What is downloaded for one job at most.

    Midjourney makes four pictures or films at a time, and the largest pictures have about 100 MiB.
    """

    files: int = 32
    bytes: int = 512 * 1024 * 1024

    @property
    def in_words(self) -> str:
        """The limits with their settings."""
        return (
            f"A job's files may be {self.files} (HOOKLINE_MAX_RESULT_FILES) and have "
            f"{self.bytes / 1024**2:.3g} MiB altogether (HOOKLINE_MAX_RESULT_BYTES)."
        )
