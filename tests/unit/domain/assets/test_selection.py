"""Which files of a result are stored, and which of them are grids."""

from typing import Any

import pytest

from tests.support.jobs import GRID, a_job
from worker.domain.assets.selection import Source, is_grid, sources
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.result import Button, Keep, Result

SINGLE = (Button("MJ::Outpaint::50::x"), Button("MJ::JOB::upsample_v6_2x_subtle::1::x"))
FILM = tuple(Button(f"MJ::JOB::video_virtual_upscale::{n}::x") for n in range(1, 5))


def urls(keep: Keep, **result: Any) -> list[str]:
    return [source.url for source in sources(Result(**result), keep)]


@pytest.mark.parametrize(
    ("files", "result", "kept"),
    [
        ("all", {"image_url": "g"}, ["g"]),
        ("all", {"image_url": "g", "image_urls": ("1", "2", "1")}, ["1", "2"]),
        ("all", {"image_url": "g", "video_urls": ("v", "w")}, ["g", "v", "w"]),
        ("all", {}, []),
        ("grid", {"image_url": "g", "image_urls": ("1", "2"), "video_urls": ("v",)}, ["g"]),
        ("grid", {"image_urls": ("1", "2")}, ["1"]),
        ("grid", {"video_urls": ("v", "w")}, ["v"]),
        ("grid", {}, []),
        ("off", {"image_url": "g", "video_urls": ("v",)}, []),
    ],
)
def test_what_is_kept(files: Any, result: dict[str, Any], kept: list[str]) -> None:
    assert urls(Keep(files), **result) == kept


def test_a_file_knows_what_it_is_of() -> None:
    found = sources(Result(image_url="g", video_urls=("v",)), Keep())
    assert found == (Source("g", "picture"), Source("v", "video"))


def finished(kind: Kind = Kind.IMAGINE, request: Any = None, **result: Any) -> Job:
    return a_job(kind=kind, request=request or {}, result=Result(**{"image_url": "g", **result}))


@pytest.mark.parametrize(
    ("job", "grid"),
    [
        (finished(buttons=GRID), True),
        (finished(Kind.ACTION, {"button": "Zoom Out 2x"}, buttons=GRID), True),
        (finished(buttons=SINGLE), False),
        (finished(buttons=()), False),
        (finished(buttons=GRID, image_urls=("1", "2", "3", "4")), False),
        (finished(buttons=GRID, image_url=None, image_urls=("1",)), True),
        (finished(Kind.VIDEO, buttons=FILM, video_urls=("v",)), False),
        (finished(buttons=GRID, image_url=None), False),
        (finished(), True),
        (finished(Kind.BLEND), True),
        (finished(Kind.EDITS), False),
        (finished(Kind.CHANGE, {"action": "VARIATION", "index": 1}), True),
        (finished(Kind.CHANGE, {"action": "REROLL"}), True),
        (finished(Kind.CHANGE, {"action": "UPSCALE", "index": 1}), False),
        (finished(Kind.ACTION, {"button": "V3"}), True),
        (finished(Kind.ACTION, {"button": "reroll"}), True),
        (finished(Kind.ACTION, {"button": "U3"}), False),
        (finished(Kind.ACTION, {"button": "Zoom Out 2x"}), False),
    ],
)
def test_a_grid_is_told_by_its_buttons_or_else_by_what_was_asked(job: Job, grid: bool) -> None:
    assert is_grid(job) is grid
