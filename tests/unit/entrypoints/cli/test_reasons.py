"""Following a job never hangs without a word, and never says the same twice."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW, a_job, in_status
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus, Result
from worker.entrypoints.cli.reasons import UNUSUAL_S, USUAL_S, Reasons
from worker.services.reports.answers.waiting import Reason, Waiting


class World:
    """What holds each job up, by id, may be changed; ``asked`` counts the questions."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = jobs
        self.why: dict[str, Waiting | None] = {}
        self.asked = 0
        self.reasons = Reasons(self._why)

    def _why(self, job: Job) -> Waiting | None:
        self.asked += 1
        return self.why.get(job.id)

    def hold(self, reason: Reason, message: str = "so it is", *jobs: Job) -> None:
        for job in jobs or self.jobs:
            self.why[job.id] = Waiting(reason, message, NOW)

    def said(self, *moments: float) -> list[tuple[float, str]]:
        """What is said at each moment, without ids."""
        return [
            (moment, line.partition("  ")[2] or line)
            for moment in moments
            for line in self.reasons.look(self.jobs, moment)
        ]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_once_within_ten_seconds(reason: Reason) -> None:
    world = World(in_status(Status.SUBMITTED, request={"prompt": "a fox"}))
    world.hold(reason)
    said = world.said(*(n / 4 for n in range(240)))
    assert [line for _, line in said] == ["imagine a fox waits: so it is"]
    assert said[0][0] in (UNUSUAL_S, USUAL_S)


def test_what_a_person_must_do_is_told_soon_and_with_the_command() -> None:
    world = World(job := in_status(Status.AWAITING_MODAL))
    world.why[job.id] = Waiting(Reason.WINDOW, "it waits", None, ("hookline modal", "hookline x"))
    lines = [line for n in range(3) for line in world.reasons.look(world.jobs, UNUSUAL_S * n)]
    assert lines[1:] == ["    hookline modal", "    hookline x"]
    assert lines[0].startswith(f"{job.id}  ")


def test_files_on_their_way_are_as_usual_as_a_full_account() -> None:
    world = World(job := in_status(Status.SUCCEEDED))
    world.why[job.id] = Waiting(Reason.FILES, "they are being stored")
    assert [at for at, _ in world.said(0, 2, 4, 6, 8, 10)] == [USUAL_S]
    world.hold(Reason.FILES, "no space")
    assert world.said(12, 14) == [], "one reason, told once"


def test_a_reason_that_comes_back_is_told_again() -> None:
    world = World(a_job(request={"prompt": "a fox"}))
    world.hold(Reason.BACKOFF, "tried again at 08:00:05")
    assert len(world.said(0, 2, 4)) == 1
    world.hold(Reason.NEXT)
    assert world.said(6, 8) == []
    world.hold(Reason.BACKOFF, "tried again at 08:01:05")
    assert [line for _, line in world.said(10, 12, 14)] == [
        "imagine a fox waits: tried again at 08:01:05"
    ]


def test_what_passes_at_once_is_not_told() -> None:
    world = World(job := a_job())
    for n in range(10):
        world.hold(Reason.SLOTS if n % 2 else Reason.PACE)
        assert world.said(2 * n) == []
    world.why[job.id] = None
    assert world.said(30, 40) == []


def test_what_an_accounts_jobs_share_is_told_once_for_all() -> None:
    jobs = [a_job(request={"prompt": f"fox {n}"}) for n in range(4)]
    world = World(*jobs)
    world.hold(Reason.PAUSED, "account default is paused")
    said = [line for _, line in world.said(0, 2, 4)]
    assert said == ["imagine fox 0 (and 3 more) waits: account default is paused"]
    world.why[jobs[0].id] = None
    assert world.said(6, 8) == [], "the others were told of"
    world.hold(Reason.IN_DOUBT)
    assert len(world.said(10, 12)) == 4, "each needs its own answer"


def test_thousands_of_queued_jobs_cost_a_few_questions_now_and_then() -> None:
    running = in_status(Status.SUBMITTED)
    world = World(*(a_job() for _ in range(2000)), running)
    world.said(*(n / 4 for n in range(8)))
    assert world.asked == 11


def test_a_settled_job_is_not_asked_about() -> None:
    over = replace(in_status(Status.SUCCEEDED), result=Result(assets_status=AssetsStatus.STORED))
    world = World(over, in_status(Status.FAILED))
    world.said(0, 2)
    assert world.asked == 0


def test_at_the_end_of_patience_the_rest_is_told() -> None:
    world = World(*(in_status(Status.SUBMITTED) for _ in range(2)))
    first, second = world.jobs
    world.hold(Reason.IN_DOUBT, "in doubt", first)
    world.said(0, 2)
    world.hold(Reason.SILENT, "silent", second)
    [line] = world.reasons.rest(world.jobs)
    assert line.endswith("waits: silent")
    assert world.reasons.rest(world.jobs) == []
