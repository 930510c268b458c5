"""F30: a gateway with books of its own, which settle doubts and say what jobs cost."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, trial
from worker.domain.job import Job

TOKEN = "canary-ledger-token-0d5e"
#: From quota to millionths of a unit.
_AMOUNT = 2
#: The last charges are read within so many seconds.
_BOOKED_S = 60.0

_SANDBOX = (
    "--dialect", "gateway", "--books-token", TOKEN, "--task-price", "0.25", "--failures", "0.15",
    "--errors-after", "0.15", "--cut-replies", "0.1",
)  # fmt: skip
_SETTINGS = {
    "HOOKLINE_PROVIDER_DIALECT": "gateway",
    "HOOKLINE_LEDGER_TOKEN": TOKEN,
    "HOOKLINE_LEDGER_USER": "1",
    # Nothing but the gateway's books ends a doubt within this scenario.
    "HOOKLINE_DOUBT_WINDOW_S": "1800",
}


def booked(run: Run) -> Row:
    """Every doubt ends by the books, and every job costs what they say."""
    lags: tuple[str, ...] = ("--fetch-lag", "0.5", "--task-seconds", "0.3-0.6")
    if run.full:  # the gateway looks every 15 s, and some submits are refused unseen
        lags = ("--fetch-lag", "15", "--task-seconds", "2-4", "--errors-before", "0.1")
    setup = Setup(sandbox=(*_SANDBOX, *lags), settings=_SETTINGS)
    if run.without:
        orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
        run.folder.mkdir(exist_ok=True)
        setup = replace(setup, worker=("tests.chaos.broken", "worker", *orders))
    return trial(
        run,
        setup,
        Load(run.pick(10, 300), ({"press": "U1"},)),
        # What fails is paid back, and a failure is not tried again.
        rules=Rules(errors=frozenset({"bad_parameter"})),
        look=_look,
        seconds=20 if run.without else run.pick(90, 1800),
        at_least=run.pick(2, 60),
    )


def _look(stage: Stage, jobs: Sequence[Job]) -> Findings:
    store = stage.services.store
    unbooked = store.ledgers.unbooked
    stage.wait_for(lambda: not unbooked("default", inf, 1), "the last charges", _BOOKED_S)
    stats = stage.ask_sandbox("sandbox", "stats")
    theirs = _AMOUNT * (stats["quota"]["charged"] - stats["quota"]["refunded"])
    [money] = store.accounts.money(["account:default"])
    ours = money.get("spent", 0) - money.get("refunded", 0)
    problems = [] if ours == theirs else [f"the books say {theirs}, and our sums {ours}"]
    asked = stats["requests"].get("/api/mj/self", 0)
    return Findings(tuple(problems), f"the books were asked {asked} times for {len(jobs):,} jobs")


SCENARIOS = (Scenario("F30", "a gateway with books of its own", booked),)
