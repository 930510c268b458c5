"""F23 to F25: doubts and overdue jobs give their places back, and task lists end doubts."""

from collections.abc import Mapping, Sequence

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.places import stays
from tests.chaos.providers import Provider
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.scenarios.ledger import TOKEN
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, trial
from worker.domain.job import Job

#: What goes wrong at the provider, all of it at once.
MIX = (
    "--refusals", "0.15", "--errors-before", "0.05", "--errors-after", "0.05",
    "--cut-replies", "0.04", "--callbacks-lost", "0.2",
)  # fmt: skip
_PLACES = 3
#: As a window, longer than any of these scenarios.
_LONG = {"HOOKLINE_MAX_RUNNING": f"{_PLACES}", "HOOKLINE_DOUBT_WINDOW_S": "1800"}


def mixed(run: Run) -> Row:
    """All of it is done long before the first window of a doubt ends.

    Of the short form's few jobs the last ones may have none after them that would show that the
    list is new, so its windows are short, and one or two jobs may be held.
    """
    settings = _LONG if run.full else _LONG | {"HOOKLINE_DOUBT_WINDOW_S": "30"}
    return trial(
        run,
        Setup(
            sandbox=("--task-seconds", run.pick("0.3", "3"), "--max-running", f"{_PLACES}", *MIX),
            settings=settings,
            worker=_hasty(run) if not run.full else Setup().worker,
        ),
        Load(run.pick(6, 25)),
        rules=Rules(in_doubt=run.pick(2, 0)),
        seconds=run.pick(60, 240),
    )


#: A gateway, which has no list of tasks. Its provider calls back here; the gateway itself learns of
#: an end up to 15 s later.
_GATEWAY = ("--dialect", "gateway", "--forward-hook", "--fetch-lag", "15", "--task-seconds", "3")


def unlisted(run: Run) -> Row:
    """The same in front of a gateway, whose ledger is evidence."""
    return _at_a_gateway(
        run,
        ("--books-token", TOKEN),
        _LONG | {"HOOKLINE_LEDGER_TOKEN": TOKEN, "HOOKLINE_LEDGER_USER": "1"},
        Rules(),
    )


def silent(run: Run) -> Row:
    """The same without any evidence: doubts end with their windows, for a price that is listed."""
    ends = {
        "HOOKLINE_DOUBT_WINDOW_S": "60",
        "HOOKLINE_IN_DOUBT": "resubmit",
        "HOOKLINE_MAX_RESUBMITS": "3",
    }
    return _at_a_gateway(run, ("--no-books",), _LONG | ends, Rules(listed_extras=8))


def _at_a_gateway(run: Run, books: Sequence[str], settings: Mapping[str, str], rules: Rules) -> Row:
    sandbox = (*_GATEWAY, "--max-running", f"{_PLACES}", *MIX, *books)
    settings = {**settings, "HOOKLINE_PROVIDER_DIALECT": "gateway"}
    return trial(run, Setup(sandbox=sandbox, settings=settings), Load(25), rules=rules, seconds=360)


def overdue(run: Run) -> Row:
    """The provider ends a third of the tasks itself, and delivers them long after."""
    late_s = run.pick(6.0, 120.0)
    habits = ("--late-successes", "0.6", "--late-success-seconds", f"{late_s:g}")

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        taken = list(stays(stage.ask_sandbox("sandbox", "ledger"), stage.services.tokens))
        began = [stay.began for stay in taken]
        spread = max(began) - min(began)
        problems = () if spread < late_s else (f"places stood still: {spread:.0f} s",)
        return Findings(problems, f"all of {len(taken)} tasks began within {spread:.1f} s")

    return trial(
        run,
        Setup(
            sandbox=("--task-seconds", run.pick("0.3", "3"), *habits),
            settings=_LONG,
            worker=_hasty(run),
            web=_hasty(run, "web"),
        ),
        Load(run.pick(18, 60), then=()),
        look=look,
        seconds=run.pick(60, 600),
        at_least=run.pick(3, 12),
    )


#: How the list of each of these accounts misleads.
_LISTS = (
    Provider("short", 8, faults=("--list-length", "2")),
    Provider("lags", 8, faults=("--list-lag", "7")),
    Provider("apart", 8, faults=("--list-servers", "2")),
)


def wrong_lists(run: Run) -> Row:
    """No callback tells of a task, and the lists lack what they should show."""
    roots = run.pick(21, 600)
    faults = ("--errors-after", "0.25", "--cut-replies", "0.1", "--callbacks-lost", "1")
    return trial(
        run,
        Setup(
            providers=_LISTS,
            sandbox=("--task-seconds", run.pick("0.3", "0.5"), *faults),
            worker=_hasty(run),
        ),
        Load(roots, then=()),
        # What a short list does not show any more stays in doubt.
        rules=Rules(in_doubt=roots // 3, callbacks_lost=True),
        seconds=run.pick(60, 900),
        at_least=run.pick(100, 1000),
    )


def _hasty(run: Run, program: str = "worker") -> tuple[str, ...]:
    hasty = ("tests.chaos.hasty", program, "--supervised")
    return (*hasty, "--without", ",".join(run.without)) if run.without else hasty


SCENARIOS = (
    Scenario("F23", "the provider's troubles at once, few places", mixed),
    Scenario("F23b", "likewise, with a ledger instead of a list", unlisted, short=False),
    Scenario("F23c", "likewise, with neither, and resubmits", silent, short=False),
    Scenario("F24", "provider times out, and delivers late", overdue),
    Scenario("F25", "task lists that lack what they should show", wrong_lists),
)
