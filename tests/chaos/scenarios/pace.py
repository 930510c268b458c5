"""F28: a proxy that forgets its tasks; a gateway that learns of an end long after its callback."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.request import Request, urlopen

from tests.chaos.load import Acknowledged, Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, Trouble, trial
from tests.chaos.waiting import pause
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind

#: A task that the proxy forgot is lost within so many seconds, where no callback has come yet.
#: Where callbacks flow, the provider is asked only after 20 s of silence.
_LOST_WITHIN_S = 15.0


def forgetting(run: Run) -> Row:
    """What a proxy forgot is lost in seconds, not minutes, and may be tried again."""
    roots = run.pick(5, 15)
    forgot_at: list[float] = []

    def forget(trouble: Trouble) -> None:
        while len(trouble.stage.ledger_lines()) < roots and trouble.pause(0.1):
            pass
        [url] = trouble.stage.sandboxes.values()
        with urlopen(Request(f"{url}/sandbox/forget", method="POST"), timeout=9) as answer:
            trouble.faults += json.load(answer)["forgotten"]
        forgot_at.append(trouble.stage.services.orchestrator.clock())

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        took = [(job.finished_at or 0.0) - forgot_at[0] for job in jobs]
        late = [f"{job.id} is {job.status}" for job in jobs if job.status is not Status.FAILED]
        if max(took) > _LOST_WITHIN_S:
            late.append(f"a forgotten task was lost after {max(took):.0f} s")
        return Findings(tuple(late), f"forgotten tasks were lost after {max(took):.0f} s")

    return trial(
        run,
        _broken(run, Setup(sandbox=("--task-seconds", "600", "--callbacks-lost", "1"))),
        Load(roots, ()),
        forget,
        rules=Rules(errors=frozenset({"lost"})),
        look=look,
        seconds=20 if run.without else 60,
        at_least=roots,
    )


@dataclass(frozen=True, slots=True)
class _OneByOne:
    """So many roots that press one button, ``every_s`` seconds apart."""

    roots: int
    every_s: float

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        found = Acknowledged(())
        for number in range(self.roots):
            one = Load(1, ({"press": "U1"},)).hand_in(stage, f"{name}-{number}")
            found = Acknowledged(found.ids + one.ids, found.refused + one.refused)
            pause(self.every_s)
        return found


def lagging(run: Run) -> Row:
    """A gateway refuses a press until it has looked at its upstream: its pace is learnt."""
    lag_s, roots = run.pick((6, 20), (15, 60))

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        stats = stage.ask_sandbox("sandbox", "stats")
        refused = stats.get("refusals", {}).get("parent_unfinished", 0)
        ended = {job.id: job.finished_at or 0.0 for job in jobs}
        presses = [job for job in jobs if job.kind is Kind.ACTION]
        waits = [(p.submitted_at or 0.0) - ended[p.spec.parent_id or ""] for p in presses]
        words = f"{refused} refusals for {len(presses)} presses"
        figures = (
            f"{words} at a gateway that looks every {lag_s} s; accepted "
            f"{sum(waits) / max(1, len(waits)):.1f} s after the parent's end on average"
        )
        return Findings((words,) if refused > len(presses) else (), figures)

    sandbox = (
        "--dialect", "gateway", "--forward-hook", "--fetch-lag", str(lag_s),
        "--task-seconds", "0.2-0.4",
    )  # fmt: skip
    return trial(
        run,
        _broken(run, Setup(sandbox=sandbox, settings={"HOOKLINE_PROVIDER_DIALECT": "auto"})),
        _OneByOne(roots, 1.7),
        look=look,
        seconds=120,
    )


def _broken(run: Run, setup: Setup) -> Setup:
    """The setup, with workers that lack a protection if the run wants that."""
    if not run.without:
        return setup
    run.folder.mkdir(exist_ok=True)
    orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
    return replace(setup, worker=("tests.chaos.broken", "worker", *orders))


SCENARIOS = (
    Scenario("F28", "a proxy forgets its tasks", forgetting),
    Scenario("F28b", "a gateway learns of ends late", lagging, short=False),
)
