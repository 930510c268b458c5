"""The shape of a picture before it is there."""

import pytest

from tests.support.jobs import a_job
from webhooks.pages.frames import asked_frame
from webhooks.pages.shown import tree
from worker.adapters.store.trees import Tree
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.result import Result, StoredFile


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        ({"prompt": "a cat"}, None),
        ({"prompt": "a cat --ar 3:2 --v 7"}, (3, 2)),
        ({"prompt": "a cat --aspect 9:16"}, (9, 16)),
        ({"prompt": "a cat --ar 0:2"}, None),
        ({"prompt": "a cat --ar 12345:2"}, None),
        ({"blend": ["U1", "U2"], "dimensions": "PORTRAIT"}, (2, 3)),
        ({}, None),
    ],
)
def test_it_is_what_the_request_asks_for(
    request_: dict[str, object], frame: tuple[int, int] | None
) -> None:
    assert asked_frame(a_job(request=request_)) == frame


def frames(*jobs: Job) -> list[tuple[int, int]]:
    shown = tree(Tree(jobs[0].id, jobs), {})
    return [shown.frame(each) for each in shown.jobs]


def below(parent: Job) -> Job:
    request = {"job_id": parent.id, "button": "U1"}
    return a_job(kind=Kind.ACTION, request=request, parent_id=parent.id, pipeline_id=parent.id)


def test_a_follow_up_is_like_what_it_follows() -> None:
    asked = a_job(request={"prompt": "a cat --ar 3:2"})
    assert frames(asked, below(asked)) == [(3, 2), (3, 2)]
    plain = a_job()
    assert frames(plain, below(plain)) == [(1, 1), (1, 1)]


def test_a_picture_that_is_there_counts_and_has_its_colour() -> None:
    file = StoredFile("p/1-0.png", "image/png", 9, "5" * 64, 1456, 816, "picture")
    result = Result(assets=("p/1-0.png",), files=(file,), colours=("7f7f7f",))
    root = a_job(request={"prompt": "a cat --ar 16:9"}, status=Status.SUCCEEDED, result=result)
    assert frames(root, below(root)) == [(1456, 816), (1456, 816)]
    [shown] = tree(Tree(root.id, (root,)), {}).jobs
    assert shown.picture
    assert shown.picture.colour == "#7f7f7f"
