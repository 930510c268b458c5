"""PURE. Which files of a result are stored, and which images are grids of four."""

from typing import Literal, NamedTuple

from worker.domain import buttons
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.result import Keep, Result

#: Buttons that only a grid of four has.
_UPSCALES = frozenset({"U1", "U2", "U3", "U4"})
#: Kinds that always end with a grid, on providers without buttons.
_GRID_KINDS = frozenset({Kind.IMAGINE, Kind.BLEND})


class Source(NamedTuple):
    """One file to download."""

    url: str
    of: Literal["picture", "video"]


def sources(result: Result, keep: Keep) -> tuple[Source, ...]:
    """The files to download, without duplicates, in the order of their numbers.

    If there are single images, the main one is left out; ``grid`` means the main one only, or the
    first video if there is no image.
    """
    if keep.files == "off":
        return ()
    main = [result.image_url] if result.image_url else []
    pictures = main if keep.files == "grid" and main else list(result.image_urls) or main
    found = [Source(url, "picture") for url in pictures]
    found += [Source(url, "video") for url in result.video_urls]
    return tuple(dict.fromkeys(found))[: 1 if keep.files == "grid" else None]


def is_grid(job: Job) -> bool:
    """Whether the finished job's image is a grid of two by two images.

    A grid has the buttons U1 to U4; so has a video, and none of several images is a grid. On a
    provider without buttons, imagines, blends, variations and rerolls give grids.
    """
    result = job.result
    if job.makes_film or result.video_urls or len(sources(result, job.keep)) != 1:
        return False
    if result.buttons is not None:
        return set(map(buttons.name_of, result.buttons)) >= _UPSCALES
    if job.kind is Kind.CHANGE:
        return job.request.get("action") != "UPSCALE"
    change = buttons.change_for(str(job.request.get("button", "")))
    return job.kind in _GRID_KINDS or (change is not None and change.action != "UPSCALE")
