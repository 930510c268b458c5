"""PURE. Which files of a result are stored, and which pictures are grids of four."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from worker.domain import buttons
from worker.domain.job import Job, Kind
from worker.domain.result import Keep, Result

#: The upscales that only a grid of four offers.
_UPSCALES = frozenset({"U1", "U2", "U3", "U4"})
#: Kinds that always end with a grid, where the provider tells no buttons.
_GRID_KINDS = frozenset({Kind.IMAGINE, Kind.BLEND})


class Source(NamedTuple):
    """One file that is to be fetched."""

    url: str
    of: Literal["picture", "video"]


def sources(result: Result, keep: Keep) -> tuple[Source, ...]:
    """The files to fetch, each once, in the order of their numbers.

    A list of single pictures is worth more than the one that stands for them; ``grid`` takes the
    one, and of a film without a picture the first film.
    """
    if keep.files == "off":
        return ()
    main = [result.image_url] if result.image_url else []
    pictures = main if keep.files == "grid" and main else list(result.image_urls) or main
    found = dict.fromkeys(
        [
            *(Source(url, "picture") for url in pictures),
            *(Source(url, "video") for url in result.video_urls),
        ]
    )
    return tuple(found)[: 1 if keep.files == "grid" else None]


def is_grid(job: Job) -> bool:
    """Whether the finished job's picture is a grid: four pictures, two by two.

    Its buttons say so: a grid offers U1 to U4. A film offers buttons of these names too, and where
    several pictures are stored none of them is a grid. A provider without buttons makes grids of
    imagines, blends, variations and rerolls.
    """
    result = job.result
    if result.video_urls or len(sources(result, job.keep)) != 1:
        return False
    if result.buttons is not None:
        return set(map(buttons.name_of, result.buttons)) >= _UPSCALES
    return job.kind in _GRID_KINDS or any(
        change is not None and change != "UPSCALE" for change in _changes(job)
    )


def _changes(job: Job) -> Iterator[str | None]:
    """What a change or a press of a button without a customId asks for."""
    if job.kind is Kind.CHANGE:
        yield str(job.request.get("action"))
    if job.kind is Kind.ACTION:
        change = buttons.change_for(str(job.request.get("button", "")))
        yield change.action if change else None
