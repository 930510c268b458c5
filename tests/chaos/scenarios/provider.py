"""F9: a provider that refuses, breaks, and answers late or not at all."""

from dataclasses import replace

from tests.chaos.load import FollowedUp, Load
from tests.chaos.oracle import Rules
from tests.chaos.proxy import Fault, Mode, Proxy, shares
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup
from tests.chaos.trial import SUBMIT_TIMEOUT_S, trial
from tests.support.ports import free_port


def faulty(run: Run) -> Row:
    """What was refused is tried again; what may have been accepted is not."""
    slow = f"{SUBMIT_TIMEOUT_S + 0.5:g}-{SUBMIT_TIMEOUT_S + 1.5:g}"
    faults = (
        "--task-seconds", "0.2-0.6", "--errors-before", "0.1", "--refusals", "0.1",
        "--slow-replies", "0.05", "--slow-seconds", slow, "--cut-replies", "0.02",
    )  # fmt: skip
    roots, port = run.pick(24, 1000), free_port()
    # Half of what the network does to a POST happens before the provider has it, half after.
    network = {Fault(Mode.RESET): 0.05, Fault(Mode.CUT): 0.03}
    with Proxy("127.0.0.1", port, shares(run.seed, network, b"POST /mj/submit/")) as proxy:
        row = trial(
            run,
            Setup(
                sandbox=faults,
                provider_port=port,
                provider_via=proxy.port,
                settings={"HOOKLINE_MAX_RESUBMITS": "3"},
            ),
            # A 5xx before anything was accepted looks like one after it. Silence tells them apart
            # once later jobs are called back about, but for the last ones of all.
            FollowedUp(Load(roots), settled_s=run.pick(120, 3600)),
            rules=Rules(in_doubt=1),
            seconds=run.pick(120, 3600),
            at_least=run.pick(10, 500),
        )
    struck = proxy.struck
    note = f"{row.note}, {struck[Mode.RESET]} reset before, {struck[Mode.CUT]} cut after the POST"
    return replace(row, faults=row.faults + struck.total(), note=note)


SCENARIOS = (Scenario("F9", "provider refuses, breaks, is late", faulty),)
