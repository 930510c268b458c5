"""A job that is not queued says what holds it up, until when, and what may be typed."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import NOW, a_job, after, changed, in_status
from tests.support.processes import ROOT
from worker.domain.events import Cancelled, Event, ModalAnswered, Policy, Resolved
from worker.domain.job import Job, Modal, Status
from worker.domain.job_spec import Kind, Retry
from worker.domain.result import AssetsRetry, AssetsStatus, JobError, Result
from worker.domain.times import clock
from worker.services.reports.answers.waiting import Reason, Waiting
from worker.services.reports.held_up import held_up

HELD = Policy(max_resubmits=0)


def why(job: Job, now: float = NOW, policy: Policy | None = None, **more: Any) -> Waiting:
    found = held_up(job, policy or Policy(), now, **more)
    assert found is not None
    return found


def pending(retry: AssetsRetry | None = None, **fields: Any) -> Job:
    result = Result(image_url="u", assets_status=AssetsStatus.PENDING, assets_retry=retry)
    return replace(in_status(Status.SUCCEEDED, **fields), result=result)


def full(message: str = "No space left on device.", ends_at: float = NOW + 86_400) -> AssetsRetry:
    return AssetsRetry(JobError("not_reached", message, "Make room."), 3, NOW + 60, ends_at)


CASES: dict[str, tuple[Waiting, Reason, float | None, list[str]]] = {
    "posting": (
        why(in_status(Status.SUBMITTING), NOW + 30),
        Reason.SUBMIT,
        NOW + 122,
        ["not answered the submit of 08:00:00 UTC", "in doubt from 08:02:02 UTC"],
    ),
    "preparing": (
        why(replace(in_status(Status.SUBMITTING), posting=False), NOW + 30),
        Reason.SUBMIT,
        NOW + 122,
        ["prepares it"],
    ),
    "silent": (
        why(in_status(Status.IN_PROGRESS), NOW + 61, asked_at=NOW + 70),
        Reason.SILENT,
        NOW + 70,
        ["nothing new of task t1 since 08:00:00 UTC", "again at 08:01:10", "overdue at 09:00:00"],
    ),
    "unknown": (
        why(replace(in_status(Status.SUBMITTED), missing_since=NOW)),
        Reason.MISSING,
        NOW + 300,
        ["does not know task t1 (since 08:00:00 UTC)", "lost at 08:05:00 UTC"],
    ),
    "window": (
        why(in_status(Status.AWAITING_MODAL)),
        Reason.WINDOW,
        NOW + 3600,
        ["waits for your answer", "timed out at 09:00:00 UTC"],
    ),
    "doubt": (
        why(in_status(Status.IN_DOUBT)),
        Reason.IN_DOUBT,
        NOW + 1800,
        ["submit of 08:00:00 UTC was cut off", "Until 08:30:00 UTC", "sent again if callbacks",
         "else it is held"],
    ),
    "doubt, resubmit": (
        why(in_status(Status.IN_DOUBT), policy=Policy(in_doubt="resubmit")),
        Reason.IN_DOUBT,
        NOW + 1800,
        ["08:30:00", "may be paid for twice"],
    ),
    "doubt, fail": (
        why(in_status(Status.IN_DOUBT), policy=Policy(in_doubt="fail")),
        Reason.IN_DOUBT,
        NOW + 1800,
        ["sent again if callbacks", "else it fails"],
    ),
    "doubt, no more": (
        why(in_status(Status.IN_DOUBT), policy=HELD),
        Reason.IN_DOUBT,
        NOW + 1800,
        ["held for you", "not sent again by itself"],
    ),
    "doubt, no more, fail": (
        why(in_status(Status.IN_DOUBT), policy=Policy(max_resubmits=0, in_doubt="fail")),
        Reason.IN_DOUBT,
        NOW + 1800,
        ["Then it fails"],
    ),
    "held": (
        why(replace(in_status(Status.IN_DOUBT), held=True)),
        Reason.HELD,
        None,
        ["held for you", "late callback still settles it", "it holds no place meanwhile"],
    ),
    "overdue": (
        why(in_status(Status.OVERDUE)),
        Reason.OVERDUE,
        NOW + 1800,
        ["overdue since 08:00:00 UTC (Task timeout)", "task t1 still counts until 08:30:00 UTC",
         "then it is timed out"],
    ),
    "overdue, retried": (
        why(in_status(Status.OVERDUE, retry=Retry())),
        Reason.OVERDUE,
        NOW + 1800,
        ["its `retry` decides"],
    ),
    "files": (
        why(pending(full())),
        Reason.FILES,
        NOW + 60,
        ["not_reached: No space left on device)", "tried 3 times, again at 08:01:00 UTC",
         "given up at 2027-01-16 08:00:00 UTC. Make room."],
    ),
    "files at first": (why(pending()), Reason.FILES, None, ["being stored"]),
    "files, no worker": (why(pending(), NOW + 61), Reason.FILES, None, ["`hookline doctor`"]),
    "seed": (
        why(replace(in_status(Status.SUCCEEDED, seed=True), result=Result(image_url="u"))),
        Reason.SEED,
        NOW + 900,
        ["asked for its seed, until 08:15:00 UTC"],
    ),
    "choose": (
        why(changed(a_job(kind=Kind.CHOOSE, request={"choose": "a:b"}), status=Status.IN_PROGRESS)),
        Reason.FUNCTION,
        None,
        ["a:b is being called"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "reason", "until", "words"), CASES.values(), ids=CASES)
def test_the_reason_says_since_when_until_when_and_what_follows(
    found: Waiting, reason: Reason, until: float | None, words: list[str]
) -> None:
    assert (found.reason, found.until) == (reason, until)
    assert [word for word in words if word not in found.message] == []
    assert "None" not in found.message
    assert "?" not in found.message.replace("does one run?", "")


@pytest.mark.parametrize(
    ("job", "now"),
    [
        (a_job(), NOW),
        (in_status(Status.SUBMITTING), NOW + 9),
        (in_status(Status.SUBMITTED), NOW + 59),
        (in_status(Status.IN_PROGRESS), NOW + 59),
        (in_status(Status.FAILED), NOW),
        (in_status(Status.CANCELLED), NOW),
        (in_status(Status.TIMED_OUT), NOW),
        (replace(in_status(Status.SUCCEEDED), result=Result(image_url="u")), NOW),
    ],
)
def test_what_makes_progress_or_is_over_is_not_held_up(job: Job, now: float) -> None:
    assert held_up(job, Policy(), now) is None


#: What each command asks for, and what says whether the job's status allows it.
ASKS: dict[str, Event] = {
    "cancel": Cancelled(),
    "modal": ModalAnswered(Modal("a cat")),
    "resolve --outcome accepted --task-id TASK": Resolved("accepted", "t2"),
    "resolve --outcome resubmit": Resolved("resubmit"),
    "resolve --outcome failed": Resolved("failed"),
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("held", [False, True])
def test_every_command_that_is_named_is_allowed(status: Status, *, held: bool) -> None:
    job = in_status(status)
    if held and status is not Status.IN_DOUBT:
        return
    found = held_up(replace(job, held=held), Policy(), NOW + 61)
    for command in found.commands if found else ():
        name, *rest = command.replace(f" {job.id}", "").removeprefix("hookline ").split()
        asked = name if name in ("cancel", "modal") else " ".join((name, *rest))
        decided = after(job, ASKS[asked]).job
        assert decided != job
    needed = status in (Status.AWAITING_MODAL, Status.IN_DOUBT, Status.OVERDUE)
    assert bool(found and found.commands) == needed


def test_a_region_is_answered_with_a_mask() -> None:
    zoom = in_status(Status.AWAITING_MODAL)
    region = zoom.with_request({**zoom.request, "custom_id": "MJ::Inpaint::1::4f2c::SOLO"})
    assert why(region).commands[0] == (
        f'hookline modal --job-id {region.id} --prompt "..." --mask mask.png'
    )
    assert "--mask" not in why(zoom).commands[0]


@given(st.floats(-(10**6), 10**6))
def test_a_time_far_away_has_its_date(offset: float) -> None:
    said = clock(NOW + offset, NOW)
    assert said.endswith(" UTC")
    assert ("-" in said) == (abs(offset) >= 12 * 3600)


UNSEEN = {
    "refused": (Policy(unanswered="HTTP 403: no model.", blind=True), Reason.BLIND, "quota"),
    "silent": (Policy(unanswered="HTTP 502"), Reason.UNANSWERED, "asked again"),
}


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE])
@pytest.mark.parametrize(("policy", "reason", "words"), UNSEEN.values(), ids=UNSEEN)
def test_a_job_that_nobody_can_see_says_why(
    status: Status, policy: Policy, reason: Reason, words: str
) -> None:
    found = held_up(in_status(status), policy, NOW)
    assert found is not None
    assert found.reason is reason
    assert found.message.startswith("what became of task t1 cannot be seen: HTTP ")
    assert words in found.message
    assert held_up(in_status(Status.IN_DOUBT), policy, NOW) != found, "it has no task"


def test_the_table_of_reasons_is_complete() -> None:
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    listed = page.partition("## What a job that is held up says")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", listed, re.MULTILINE)))
    assert {reason.value for reason in Reason} <= set(named)
