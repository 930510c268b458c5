"""Which jobs make films, and what follows from it."""

from dataclasses import replace

import pytest

from tests.support.jobs import a_job, changed
from worker.adapters.store.places import lane_of
from worker.domain import dry_run
from worker.domain.account import Account
from worker.domain.account.callback_stats import sort_of
from worker.domain.account.capacity import Pool, pool_of
from worker.domain.assets import selection
from worker.domain.assets.naming import Names
from worker.domain.films import makes_film
from worker.domain.job_spec import JSON, Kind
from worker.domain.result import Button, Result

ANIMATE = "MJ::JOB::animate_high::1::4f2c::SOLO"


@pytest.mark.parametrize(
    ("request_", "film"),
    [
        ({"custom_id": ANIMATE}, True),
        ({"custom_id": "MJ::JOB::animate_low::1::4f2c::SOLO"}, True),
        ({"custom_id": "MJ::JOB::animate_high_extend::1::4f2c"}, True),
        ({"custom_id": "MJ::JOB::animate_low_extend::1::4f2c"}, True),
        ({"custom_id": "MJ::JOB::video_extend::1::4f2c"}, True),
        ({"custom_id": "MJ::JOB::video::1::4f2c::manual"}, True),
        ({"custom_id": "mj::job::ANIMATE_HIGH::1::4f2c"}, True),
        ({"custom_id": ANIMATE, "button": "U1"}, True),
        ({"button": "Animate (High)"}, True),
        ({"button": "🎞️ Animate"}, True),
        ({"button": "🎞️"}, True),
        ({"button": "animate (low motion)"}, True),
        ({"button": "Extend"}, True),
        ({"button": "Animate*"}, True),
        ({"button": "Animate", "custom_id": "MJ::JOB::something_new::1"}, True),
        # A pick among finished films, and everything that makes images.
        ({"custom_id": "MJ::JOB::video_virtual_upscale::1::9a", "button": "U1"}, False),
        ({"custom_id": "MJ::JOB::upsample::1::4f2c"}, False),
        ({"custom_id": "MJ::JOB::pan_left::1::4f2c", "button": "Extend"}, False),
        ({"button": "U1"}, False),
        ({"button": "Vary (Strong)"}, False),
        ({"custom_id": "MJ::Outpaint::50::1"}, False),
        ({"custom_id": "MJ::Job::PicReader::1"}, False),
        ({}, False),
    ],
)
def test_a_press_makes_a_film_or_an_image(request_: JSON, *, film: bool) -> None:
    job = a_job(kind=Kind.ACTION, request=request_)
    assert job.makes_film is film
    assert pool_of(job) is (Pool.VIDEO if film else Pool.IMAGE)
    assert (sort_of(job) == "video") is film
    assert lane_of(job).kind == ("action/video" if film else "action")
    name = Names("{kind}/{job}-{n}.{ext}", job, job).file(0, "mp4")
    assert name.startswith("video/" if film else "action/")


def test_kinds_make_films_whatever_their_request_says() -> None:
    assert makes_film(Kind.VIDEO, {})
    assert not makes_film(Kind.IMAGINE, {"prompt": "animate this", "button": "Animate"})
    assert lane_of(a_job(kind=Kind.VIDEO)).kind == "video"


def test_a_film_by_a_button_costs_what_a_video_costs() -> None:
    account = Account("a", "https://a.example", prices={"video": 9, "action": 2, "default": 1})
    press = a_job(kind=Kind.ACTION, request={"button": "Animate (High)"})
    assert dry_run.next_price(replace(press, account="a"), {"a": account}) == 9
    root = a_job(then=({"press": "Animate (High)"}, {"press": "V1"}))
    assert dry_run.quote([root], [account]).total == 1 + 9 + 2


def test_a_film_is_no_grid_though_it_shows_an_image_and_offers_picks() -> None:
    offered = tuple(Button(f"MJ::JOB::video_virtual_upscale::{n}::x") for n in range(1, 5))
    result = Result(image_url="https://cdn.example/a.webp", buttons=offered)
    film = changed(a_job(kind=Kind.ACTION, request={"custom_id": ANIMATE}), result=result)
    assert not selection.is_grid(film)
