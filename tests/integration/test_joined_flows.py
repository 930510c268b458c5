"""Pipelines whose steps wait for their siblings, or for a function, against a provider."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support.flow import flow
from tests.support.provider import Flavour, providing
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind


def widest(job: Job, files: list[str]) -> list[str]:
    """U1 where the grid was stored as a picture."""
    with Image.open(files[0]) as grid:
        return ["U1"] if grid.width and job.result.image_url else []


@pytest.mark.parametrize("flavour", ["novicezk", "trueai", "gateway", "crazyrouter", "typescript"])
@pytest.mark.parametrize("hooked", [True, False])
def test_two_upscales_are_blended_and_a_chosen_one_is_described(
    flavour: Flavour, hooked: bool, tmp_path: Path
) -> None:
    choose = {"choose": f"{__name__}:widest", "then": [{"describe": True}]}
    blend = {"blend": ["U3", "U2"], "then": [choose]}
    with (
        providing(flavour) as provider,
        flow(provider.url, tmp_path, hooked=hooked, choosers=[__name__]) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a fox", then=[{"press": "U*"}, blend])
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 9, [j.error for j in jobs]
        assert len(provider.accepted) == 8, "all but the choose"
        by_id = {each.id: each for each in jobs}
        blended = next(each for each in jobs if each.kind is Kind.BLEND)
        siblings = [by_id[job_id] for job_id in blended.spec.waits_for]
        assert [each.request["button"] for each in siblings] == ["U3", "U2"]
        assert blended.request["images"] == [each.result.image_url for each in siblings]
        assert not hookline.pool.errors
