"""Random lives of jobs: whatever may happen to one, in any order."""

from hypothesis import strategies as st

from tests.support.jobs import GRID
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Event,
    LinksRenewed,
    Missing,
    ModalAnswered,
    NotListed,
    Observed,
    Policy,
    Posting,
    Replied,
    Resolved,
    Retried,
    SeedSettled,
    Started,
    TimePassed,
)
from worker.domain.job import Modal
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, Button, JobError, Result

_maybe = st.none
#: What people and programs ask for: the only events that may be refused.
WISHES = (Cancelled, Retried, Resolved, ModalAnswered)

task_ids = st.sampled_from(["t1", "t2", "t3"])
errors = st.sampled_from(
    [
        JobError("timeout", "Task timeout"),
        JobError("failed", "no"),
        JobError("queue_full", "The queue is full.", retryable=True),
    ]
)
button_lists = st.sampled_from([None, (), GRID, (Button("MJ::CustomZoom::4f2c", "Custom Zoom"),)])
results = st.builds(
    Result,
    image_url=_maybe() | st.just("https://cdn.example/1.png"),
    prompt=_maybe() | st.just("a cat --v 6"),
    prompts=st.sampled_from([(), ("one", "two")]),
    buttons=button_lists,
)
snapshots = st.builds(
    Snapshot,
    task_id=_maybe() | task_ids,
    status=st.sampled_from(TaskStatus),
    progress=_maybe() | st.integers(0, 100),
    result=results,
    error=_maybe() | errors,
    recognised=st.sampled_from([True, True, True, False]),
)
verdicts = st.builds(
    Verdict,
    outcome=st.sampled_from(Outcome),
    task_id=_maybe() | task_ids,
    other_task_ids=st.sampled_from([(), ("t8", "t9")]),
    result=_maybe() | results,
    modal_prompt=_maybe() | st.just("a cat"),
    error=_maybe() | errors,
    slow=st.booleans(),
)
modals = st.builds(Modal, prompt=_maybe() | st.just("a hat"), mask=_maybe() | st.just("blob:m.png"))
attempts = st.sampled_from([1, 1, 1, 2, 3])

what_happens: st.SearchStrategy[Event] = st.one_of(
    st.just(Started("default")),
    st.builds(Posting, attempt=attempts),
    st.builds(Replied, attempt=attempts, verdict=verdicts),
    st.builds(Observed, snapshot=snapshots, attempt=_maybe() | attempts, asked=st.booleans()),
    st.just(Missing()),
    st.builds(NotListed, attempt=attempts),
    st.just(TimePassed()),
    st.just(AssetsSettled(("a.png",), AssetsStatus.STORED)),
    st.sampled_from([SeedSettled("42"), SeedSettled(error="none")]),
    st.builds(LinksRenewed, results),
)
what_people_want: st.SearchStrategy[Event] = st.one_of(
    st.just(Cancelled()),
    st.just(Retried()),
    st.builds(Resolved, st.sampled_from(["resubmit", "failed", "accepted"]), task_ids),
    st.builds(ModalAnswered, modals),
)
events: st.SearchStrategy[Event] = what_happens | what_people_want

policies = st.builds(Policy, callbacks_flow=st.sampled_from([None, True, False]))

THENS = (
    (),
    ({"press": "U1", "then": [{"press": "Upscale (Subtle)"}]}, {"press": "U1"}),
    ({"press": "U*"}, {"press": "Nowhere*"}, {"imagine": "{prompts[1]}"}, {"describe": True}),
)
