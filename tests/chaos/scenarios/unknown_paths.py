"""F27: a gateway that answers with its web page what it lacks, and doubts meanwhile."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup, Stage
from tests.chaos.trial import Findings, trial
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind

#: Of so many roots one asks for a call that the gateway lacks.
_EVERY = 3
#: Nobody asks in vain more often: those that ask at the same moment, twice each, to be sure; and
#: for a seed a few times in half a minute.
_MOST = {"list": 4, "image-seed": 80, "retexture": 2 * MAX_RUNNING}

#: Half of the replies are lost, and callbacks come late: the list would be asked for.
_SANDBOX = (
    "--dialect", "gateway", "--web-pages", "--no-seeds", "--forward-hook", "--cut-replies", "0.2",
    "--callbacks-late", "1", "--late-seconds", "2.5-3", "--task-seconds", "0.2-0.4",
)  # fmt: skip
_SETTINGS = {"HOOKLINE_PROVIDER_DIALECT": "auto", "HOOKLINE_DOUBT_WINDOW_S": "30"}


def _picture() -> str:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "navy").save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def pages(run: Run) -> Row:
    """What the gateway lacks fails at once, unpaid, and is not asked for again and again."""

    def fields(number: int) -> Mapping[str, Any]:
        if number % _EVERY == 0:
            return {"kind": "retexture", "image": _picture(), "then": []}
        return {"seed": run.full}

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        asked = stage.ask_sandbox("sandbox", "stats").get("requests", {})
        lacking = [job for job in jobs if job.kind is Kind.RETEXTURE]
        wrong = [job for job in lacking if job.status is not Status.FAILED]
        problems = [f"{job.id}: a call that is not there leaves it {job.status}" for job in wrong]
        for what, most in _MOST.items():
            if asked.get(what, 0) > most:
                problems.append(f"{what} was asked for {asked[what]} times without success")
        figures = ", ".join(f"{what} {asked.get(what, 0)} times" for what in _MOST)
        return Findings(
            tuple(problems), f"asked for without success: {figures}, for {len(jobs):,} jobs"
        )

    setup = Setup(sandbox=_SANDBOX, settings=_SETTINGS)
    if run.without:
        orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
        run.folder.mkdir(exist_ok=True)
        setup = replace(setup, worker=("tests.chaos.broken", "worker", *orders))
    roots = run.pick(9, 300)
    return trial(
        run,
        setup,
        Load(roots, ({"press": "U1"},), fields=fields),
        rules=Rules(errors=frozenset({"no_endpoint"}), in_doubt=roots // 20),
        look=look,
        # Without the protection there are doubts, which nothing ends.
        seconds=20 if run.without else run.pick(60, 1200),
        at_least=1,
    )


SCENARIOS = (Scenario("F27", "web pages instead of answers", pages),)
