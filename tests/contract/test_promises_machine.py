"""The promises, held against random lives of whole pipelines.

The real shells and store, a provider that knows the truth (``tests/support/oracle.py``), and
processes that are killed, paused or cut off between any two of their calls.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.drawing import draw
from tests.support.interruptions import Trouble
from tests.support.oracle import WHOLE, Fate
from tests.support.promises import Promises
from tests.support.stores import OwnStore, own_db
from tests.support.world import Setting, World
from worker.adapters.tokens import BadToken
from worker.domain.events import Policy
from worker.domain.job import Job, Status

#: More for a long run: `PROMISES_EXAMPLES=3000 PROMISES_STEPS=80 pytest ...`.
EXAMPLES = int(os.environ.get("PROMISES_EXAMPLES", "25"))
STEPS = int(os.environ.get("PROMISES_STEPS", "40"))

#: No more roots are handed in than this, so that much happens to each.
FEW = 6
THENS: list[list[dict[str, Any]]] = [
    [],
    [{"press": "U1"}],
    [{"press": "U1"}, {"press": "V2", "then": [{"press": "U3"}]}],
    [{"press": "U1"}, {"press": "U3"}, {"blend": ["U1", "U3"]}],
]
CHANGES = [
    ("IN_PROGRESS", ""),
    ("SUCCESS", ""),
    ("SUCCESS", ""),
    ("FAILURE", "broken"),
    ("FAILURE", "timeout"),
]

#: Asked for with a root: how often it may be tried, and after what.
RETRIES: list[dict[str, Any] | None] = [
    None,
    {"attempts": 3, "backoff_s": 2},
    {"attempts": 2, "backoff_s": 1, "on": ["timeout"]},
]

#: Every caller is told of every end.
TOLD = {
    "url": "https://app.example/hook",
    "on": ["job.succeeded", "job.failed", "pipeline.finished"],
}

which = st.integers(0, 9)  #: of those that are there, counted around
#: Of the next POSTs. A lost reply is what most promises are about.
fates = st.lists(
    st.sampled_from([Fate.ACCEPTED, *[Fate.REPLY_LOST] * 4, *Fate]), min_size=1, max_size=3
)
troubles = st.none() | st.builds(
    Trouble, st.sampled_from(["killed", "paused", "away", "lost"]), st.integers(1, 12)
)
#: That may strike any of many calls.
distant_troubles = st.none() | st.builds(
    Trouble, st.sampled_from(["killed", "paused", "paused", "lost"]), st.integers(1, 80)
)
policies = st.builds(
    Policy,
    in_doubt=st.sampled_from(["hold", "hold", "resubmit", "fail"]),
    max_resubmits=st.sampled_from([1, 1, 0]),
)


class Lives(RuleBasedStateMachine):
    """Everything that may happen, in any order."""

    output: ClassVar[str]

    @initialize(
        policy=policies,
        hooked=st.sampled_from([True, True, True, False]),
        listed=st.sampled_from([0, 0, 2, WHOLE]),
        roots=st.lists(st.tuples(st.sampled_from(THENS), st.sampled_from(RETRIES)), max_size=3),
    )
    def begin(
        self, policy: Policy, hooked: bool, listed: int, roots: list[tuple[list[Any], Any]]
    ) -> None:
        self.handed_in: dict[str, str] = {}
        self.world = World(OwnStore(own_db()), Setting(policy, hooked, listed, self.output))
        self.promises = Promises(self.world)
        for then, retry in roots:
            self._hand_in("a cow", then, retry, None, None)

    @precondition(lambda self: len(self.handed_in) < FEW)
    @rule(
        prompt=st.sampled_from(["a cat", "A  Cat", "a dog"]),
        then=st.sampled_from(THENS),
        retry=st.sampled_from(RETRIES),
        key=st.sampled_from(["k1", "k2", None]),
        trouble=troubles,
    )
    def hand_in(
        self, prompt: str, then: list[Any], retry: Any, key: str | None, trouble: Trouble | None
    ) -> None:
        self._hand_in(prompt, then, retry, key, trouble)

    def _hand_in(
        self, prompt: str, then: list[Any], retry: Any, key: str | None, trouble: Trouble | None
    ) -> None:
        key = key or f"new-{len(self.handed_in)}"
        data = {"kind": "imagine", "prompt": prompt, "then": then, "retry": retry}
        data |= {"seed": prompt != "a cat", "notify": TOLD}

        def submit() -> None:
            job, _ = self.world.enqueuer.submit(data, key=key)
            assert self.handed_in.setdefault(key, job.id) == job.id
            assert self.world.store.jobs.get(job.id) is not None, "what is answered is stored"

        self.world.run("caller", submit, trouble)

    @precondition(lambda self: self.world.bag)
    @rule(index=which, fate=fates, trouble=troubles, doubled=st.booleans(), mute=st.booleans())
    def wake(
        self, index: int, fate: list[Fate], trouble: Trouble | None, doubled: bool, mute: bool
    ) -> None:
        bag, provider = self.world.bag, self.world.provider
        wakeup = bag.pop(index % len(bag))
        if doubled:
            bag.append(wakeup)
        provider.fates, provider.mute = list(fate), mute and len(fate) > 1
        self.world.wake(wakeup, trouble)
        provider.mute = False

    @precondition(lambda self: self.world.bag)
    @rule(index=which)
    def lose_a_wakeup(self, index: int) -> None:
        self.world.bag.pop(index % len(self.world.bag))

    @rule(trouble=troubles)
    def sweep(self, trouble: Trouble | None) -> None:
        self.world.sweep(trouble)

    @rule(seconds=st.sampled_from([0.5, 3, 30, 125, 400, 1900, 7200]))
    def time_passes(self, seconds: float) -> None:
        self.world.let_pass(seconds)

    @precondition(lambda self: any(not t.over for t in self.world.ledger.tasks.values()))
    @rule(index=which, change=st.sampled_from(CHANGES))
    def provider_goes_on(self, index: int, change: tuple[str, str]) -> None:
        tasks = [task for task in self.world.ledger.tasks.values() if not task.over]
        self.world.provider.go_on(tasks[index % len(tasks)], *change)

    @precondition(lambda self: self.world.provider.callbacks and self.world.receiver_there)
    @rule(
        index=which,
        how=st.sampled_from(["both", "both", "url", "state"]),
        trouble=troubles,
        again=st.booleans(),
    )
    def called_back(self, index: int, how: str, trouble: Trouble | None, again: bool) -> None:
        self.world.deliver(index, how, trouble, again=again)

    @precondition(lambda self: self.world.provider.callbacks)
    @rule(index=which)
    def lose_a_callback(self, index: int) -> None:
        callbacks = self.world.provider.callbacks
        callbacks.pop(index % len(callbacks))

    @precondition(lambda self: len(self.world.ledger.tasks) > 1)
    @rule(index=which, other=which)
    def forged(self, index: int, other: int) -> None:
        """With a made-up token, or one of another job: nothing changes."""
        tasks, before = list(self.world.ledger.tasks.values()), self.world.jobs()
        task, stranger = tasks[index % len(tasks)], tasks[other % len(tasks)]
        body = {"id": task.id, "state": task.state, "status": "SUCCESS"}
        tokens = [f"{task.state}x", f"j.{task.of[0]}.9.abc"]
        tokens += [stranger.state] if stranger.of[0] != task.of[0] else []
        for token in tokens:
            with pytest.raises(BadToken):
                self.world.receiver.receive(token, body)
        assert self.world.jobs() == before

    @rule(who=st.sampled_from(["provider", "receiver"]))
    def goes_away_or_comes_back(self, who: str) -> None:
        if who == "provider":
            self.world.provider.away = not self.world.provider.away
            return
        self.world.receiver_there = not self.world.receiver_there
        self.world.counting_restarted()

    @precondition(lambda self: self.world.seen)
    @rule(
        index=which,
        wish=st.sampled_from(["cancel", "retry", "resubmit", "failed", "accepted"]),
        trouble=troubles,
    )
    def caller_wants(self, index: int, wish: str, trouble: Trouble | None) -> None:
        jobs = [job for job in self.world.jobs() if _fits(job, wish)]
        if not jobs:
            return
        job = jobs[index % len(jobs)]
        if act := self._act(job, wish):
            self.promises.wishes[job.id].append(wish)
            if wish in ("retry", "resubmit"):
                self.world.ledger.asked_again(job)
            self.world.run("caller", act, trouble)

    def _act(self, job: Job, wish: str) -> Callable[[], Any] | None:
        """Whoever says that a job was accepted knows the truth."""
        paid = [t for t in self.world.ledger.accepted(job.id) if t.of[1] == job.attempt]
        match wish:
            case "cancel":
                return lambda: self.world.enqueuer.cancel(job.id)
            case "retry":
                return lambda: self.world.enqueuer.retry(job.id)
            case "accepted" if not paid:
                return None
        data = {"outcome": wish} | ({"task_id": paid[0].id} if wish == "accepted" else {})
        return lambda: self.world.enqueuer.resolve(job.id, data)

    @precondition(lambda self: self.world.stage.paused)
    @rule(index=which, trouble=troubles)
    def go_on(self, index: int, trouble: Trouble | None) -> None:
        self.world.go_on(index % len(self.world.stage.paused), trouble)

    @rule(drop=st.booleans())
    def all_die(self, drop: bool) -> None:
        """Power off, and on again; what was in the broker may be lost."""
        self.world.stage.kill_paused()
        self.world.build()
        self.world.counting_restarted()
        if drop:
            self.world.bag.clear()

    @rule(
        fate=fates,
        seconds=st.sampled_from([3, 130, 500]),
        finish=st.booleans(),
        late=st.booleans(),
        trouble=distant_troubles,
    )
    def things_take_their_course(
        self,
        fate: list[Fate],
        seconds: float,
        finish: bool,
        late: bool,
        trouble: Trouble | None,
    ) -> None:
        """So that lives go far. ``late``: what is accepted meanwhile calls back some day only."""
        self.world.provider.late = late
        self.world.take_its_course(fate, seconds, trouble, finish=finish)
        self.world.provider.late = False

    @invariant()
    def promises_hold(self) -> None:
        self.promises.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:  # else what went wrong first is to be seen
                self.world.let_all_end(self.promises.check)
                self.promises.check_all_ended()
        finally:
            self.world.stage.kill_paused()
            self.world.store.client.flushdb()


def _fits(job: Job, wish: str) -> bool:
    match wish:
        case "cancel":
            return not job.status.terminal
        case "retry":
            return job.status.terminal and job.status is not Status.SUCCEEDED
        case _:
            return job.status is Status.IN_DOUBT


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Redis is away a reply is kept, and offered again after a sleep."""
    monkeypatch.setattr("worker.services.submit.sleep", lambda _: None)


@pytest.fixture(autouse=True)
def pictures_of_the_web(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blend is given the pictures of its siblings."""
    picture = draw("PNG")
    monkeypatch.setattr("worker.adapters.storage.fetching.fetch", lambda *_, **__: picture)


def test_the_promises_hold(tmp_path: Path) -> None:
    class InThisFolder(Lives):
        output = str(tmp_path)

    run_state_machine_as_test(
        InThisFolder,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
