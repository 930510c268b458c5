"""Which job a person means: an id, the beginning of one, `last`; and several at once."""

import json

import pytest

import worker
from tests.support.jobs import NOW, a_job, in_status
from tests.unit.entrypoints.cli.test_cli import Here, done, here, keep, run
from worker.domain.errors import Ambiguous, NotFound
from worker.domain.job import Status

__all__ = ["here"]


def test_the_beginning_of_an_id_is_enough(here: Here) -> None:
    job = keep(here, done())
    answer = run("show", job.id[:6], "--json")
    assert json.loads(answer.stdout)["id"] == job.id


def test_a_beginning_of_several_ids_lists_them(here: Here) -> None:
    first = keep(here, done(id="abcd" + "1" * 28))
    second = keep(here, done(id="abcd" + "2" * 28))
    answer = run("show", "abcd")
    assert answer.exit_code == 2
    assert "may be one of 2 jobs" in answer.stderr
    assert first.id in answer.stderr
    assert second.id in answer.stderr
    with pytest.raises(Ambiguous):
        worker.get("abcd")


def test_no_job_begins_so(here: Here) -> None:
    keep(here, done())
    answer = run("cancel", "0000")
    assert answer.exit_code == 2
    assert "'0000'" in answer.stderr


def test_last_is_the_newest_job_that_was_submitted_not_what_followed(here: Here) -> None:
    with pytest.raises(NotFound):
        worker.get("last")
    keep(here, done(created_at=NOW))
    root = done(created_at=NOW + 1)
    keep(here, root, a_job(parent_id=root.id, created_at=NOW + 2))
    assert worker.get("last").id == root.id
    assert json.loads(run("show", "last", "--json").stdout)["id"] == root.id


def test_a_button_is_pressed_on_the_last_job(here: Here) -> None:
    root = keep(here, done())
    child = here.store.jobs.get(run("press", "last", "U1").stdout.strip())
    assert child is not None
    assert child.spec.parent_id == root.id


def test_several_jobs_are_cancelled_and_one_that_is_over_stops_none(here: Here) -> None:
    waiting = [keep(here, a_job()), keep(here, a_job())]
    over = keep(here, done())
    answer = run("cancel", waiting[0].id, over.id, waiting[1].id)
    assert answer.exit_code == 2
    assert over.id in answer.stderr
    assert [worker.get(job).status for job in waiting] == [Status.CANCELLED] * 2


def test_a_button_is_pressed_on_several_jobs(here: Here) -> None:
    one, two = keep(here, done()), keep(here, done())
    answer = run("press", one.id, two.id, "U2", "--json")
    assert answer.exit_code == 0, answer.stderr
    assert [item["parent_id"] for item in json.loads(answer.stdout)["items"]] == [one.id, two.id]
    refused = run("press", one.id, two.id, "U2", "--key", "k")
    assert refused.exit_code == 2


def test_several_jobs_are_retried(here: Here) -> None:
    jobs = [keep(here, in_status(Status.FAILED)) for _ in range(2)]
    answer = run("retry", *(job.id for job in jobs))
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.split() == [job.id for job in jobs]
