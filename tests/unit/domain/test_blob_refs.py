"""Which stored pictures a job still needs: what is not told here may be removed."""

from typing import Any

import pytest

from tests.support.jobs import a_job
from worker.domain.blob_refs import blobs_of
from worker.domain.job import Modal
from worker.domain.job_spec import Kind
from worker.domain.requests.fields import picture_fields

A, B, C = (f"blob:{digit * 64}.png" for digit in "abc")


def press(mask: str, *then: dict[str, Any]) -> dict[str, Any]:
    return {"press": "Vary (Region)", "modal": {"prompt": "a hat", "mask": mask}, "then": [*then]}


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({}, set()),
        ({"request": {"prompt": "a cat", "images": [A, "https://pics.example/b.png", B]}}, {A, B}),
        ({"request": {"images": [A, A, A]}}, {A}),
        ({"request": {"prompt": "a hat", "image": A, "mask": B}}, {A, B}),
        ({"request": {"source": A, "target": B}}, {A, B}),
        ({"modal": Modal("a hat", A)}, {A}),
        ({"modal": Modal("a hat")}, set()),
        ({"then": (press(A), press(B))}, {A, B}),
        ({"then": ({"press": "U1", "then": [press(A, {"describe": True})]},)}, {A}),
        ({"then": (press(A, {"imagine": "{prompt}", "then": [press(B)]}),)}, {A, B}),
        ({"request": {"image": A}, "then": (press(B),), "modal": Modal(mask=C)}, {A, B, C}),
        ({"fetched": {"https://pics.example/b.png": B}}, {B}),
        ({"metadata": {"note": A}}, set()),
        ({"request": {"prompt": f"a cat in {A}", "image": "data:image/png;base64,AA=="}}, set()),
        ({"request": {"image": "blob:../../etc/passwd"}}, set()),
    ],
)  # fmt: skip
def test_a_job_holds_the_pictures_of_its_request_its_windows_answer_and_its_steps(
    fields: dict[str, Any], held: set[str]
) -> None:
    assert blobs_of(a_job(**fields)) == held


@pytest.mark.parametrize("kind", list(Kind))
def test_no_picture_field_of_any_kind_is_forgotten(kind: Kind) -> None:
    refs = {f"blob:{n:064x}.jpg" for n, _ in enumerate(picture_fields(kind))}
    given = zip(picture_fields(kind), sorted(refs), strict=True)
    request = {field.name: [ref] if field.many else ref for field, ref in given}
    assert blobs_of(a_job(kind=kind, request=request)) == refs


def test_the_deepest_step_that_a_request_may_have_is_looked_at() -> None:
    step = press(A)
    for _ in range(19):
        step = {"press": "U1", "then": [step]}
    assert blobs_of(a_job(then=(step,))) == {A}
