"""F19: a budget, spent by several workers that are killed meanwhile."""

from tests.chaos.batching import BatchLoad
from tests.chaos.indexes import counts, newest
from tests.chaos.oracle import Rules
from tests.chaos.providers import Provider
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Trouble, trial
from worker.domain.job import Status
from worker.domain.money import amount
from worker.services.reports import waits

PLACES = 10
_MANY = 100_000
_RUNNING = (Status.SUBMITTING, Status.SUBMITTED, Status.IN_PROGRESS)


def spent(run: Run) -> Row:
    """Never one more than the budget has; the rest waits, and goes on when it is raised."""
    jobs, budget, most = run.pick((60, 30, 3), (300, 100, 20))

    def kill(trouble: Trouble) -> None:
        stage = trouble.stage
        while not _at_its_end(stage, budget):
            if not trouble.pause(0.5, 1.5):
                return
            if trouble.faults < most:
                trouble.faults += stage.kill(trouble.rng.choice(stage.workers))
        trouble.problems += _wrong(stage, jobs, budget)
        stage.set_accounts([_account(jobs * 2)])
        for name in ("web", *stage.workers):
            stage.kill(name)

    return trial(
        run,
        Setup(workers=4, providers=(_account(budget),), sandbox=("--task-seconds", "0.5-1.5")),
        BatchLoad(jobs),
        kill,
        Rules(in_doubt_per_fault=PLACES),
        seconds=run.pick(120, 600),
        at_least=run.pick(2, 8),
    )


def _account(budget: int) -> Provider:
    return Provider("main", PLACES, f"budget = {budget}\n[accounts.main.price]\ndefault = 1")


def _at_its_end(stage: Stage, budget: int) -> bool:
    """Whether all of it is spent, or kept for jobs of which nobody knows whether they were paid."""
    found = counts(stage.redis).by_status
    [money] = stage.services.store.accounts.money(["account:main"])
    committed = money.get("spent", 0) + money.get("reserved", 0)
    return not any(found[status] for status in _RUNNING) and committed >= amount(budget)


def _wrong(stage: Stage, jobs: int, budget: int) -> list[str]:
    paid, found = len(stage.ledger_lines()), counts(stage.redis)
    services = stage.services
    waiting = services.store.jobs.get_many(newest(stage.redis, Status.QUEUED, _MANY))
    told = (waits.waiting(services.orchestrator, job) for job in waiting)
    reasons = {each.reason for each in told if each}
    [money] = services.store.accounts.money(["account:main"])
    kept = paid * amount(1) + money.get("reserved", 0)
    wrong = {
        f"{paid} were paid for, of a budget of {budget}": paid > budget,
        # What was given up in doubt may have been paid, so that its money stays put by.
        f"{paid} were paid for, and {found}": kept < amount(budget),
        f"{len(waiting)} jobs wait": len(waiting) != jobs - paid - found.in_doubt,
        f"they wait for {reasons}": reasons != {"budget"},
    }
    return [what for what, is_so in wrong.items() if is_so]


SCENARIOS = (Scenario("F19", "a budget, workers killed", spent),)
