"""F31 to F34: strangers, callers and providers that want to stop it, beside a batch that runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import redis

from tests.chaos import oracle
from tests.chaos.attacked import NEVER, PROVIDERS, Attack, MakeAttack, run_attacker
from tests.chaos.attackers.doors import knock, let_in
from tests.chaos.attackers.poison import QUEUES
from tests.chaos.attackers.provider import NAMES
from tests.chaos.batching import BatchLoad
from tests.chaos.load import FOLLOW_UPS, Load
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.system import SECRETS
from tests.chaos.trial import trial
from tests.chaos.waiting import NotInTime, wait_for
from worker.bootstrap import HOOK_PATH
from worker.domain.job import Job
from worker.domain.result import AssetsStatus

_API_TOKEN = SECRETS["HOOKLINE_API_TOKEN"]
_DRAINED_S = 60.0
#: Where messages are that a worker took and has not acknowledged.
_UNACKED = ("unacked", "hookline.unacked")


def silent(run: Run) -> Row:
    """Connections with no byte, half a head, a request and then silence, and with TLS."""
    count, seconds = run.pick((2_100, 6), (5_000, 60))

    def attack(stage: Stage, look: Callable[[], None]) -> str:
        crowd = ("--port", _port(stage), "--count", count, "--seconds", seconds)
        return run_attacker("silent", look, *crowd)

    return _attacked(run, attack, faults=count)


def slow(run: Run) -> Row:
    """Bodies of one byte a second: callbacks with a valid token, and calls of the API."""
    count, seconds = run.pick((60, 6), (200, 60))

    def attack(stage: Stage, look: Callable[[], None]) -> str:
        path = f"{HOOK_PATH}/{stage.services.tokens.for_account(NEVER)}"
        crowd = ("--port", _port(stage), "--count", count, "--seconds", seconds)
        return run_attacker("slow", look, *crowd, "--path", path, "--api-token", _API_TOKEN)

    return _attacked(run, attack, faults=count)


def bombs(run: Run) -> Row:
    """Pictures that take hundreds of megabytes or minutes, from callers and from a provider."""
    by_callers, by_provider = run.pick((10, len(NAMES)), (26, 2 * len(NAMES)))

    def attack(stage: Stage, look: Callable[[], None]) -> str:
        bomber = ("--port", _port(stage), "--count", by_callers, "--api-token", _API_TOKEN)
        return run_attacker("bombing", look, *bomber)

    def bomb(number: int) -> Mapping[str, Any]:
        return {"prompt": f"bomb {NAMES[number % len(NAMES)]} {number}", "then": []}

    faults = by_callers + by_provider
    callers = Load(by_provider, fields=bomb)
    return _attacked(run, attack, faults=faults, callers=callers, also=_files_missing)


def poison(run: Run) -> Row:
    """What is no message of ours, in our queues; and other programs' keys as a queue to notify."""
    count, seconds = run.pick((240, 6), (1_000, 60))

    def attack(stage: Stage, look: Callable[[], None]) -> str:
        with _broker(stage) as broker:
            times = knock(stage, broker)
        how = ("--url", _broker_url(stage), "--count", count, "--seconds", seconds)
        said = run_attacker("poison", look, *how)
        return f"{said}, a reserved queue named {times} times"

    return _attacked(run, attack, faults=count, also=_messages_left)


def _attacked(
    run: Run,
    make: MakeAttack,
    *,
    faults: int,
    callers: Load | None = None,
    also: Callable[[Stage, Sequence[Job]], Iterator[str]] | None = None,
) -> Row:
    """A batch that takes about as long as the attack, on two accounts; and callers meanwhile."""
    attack = Attack(
        BatchLoad(run.pick(20, 300), FOLLOW_UPS),
        callers or Load(run.pick(3, 30)),
        make,
        run.pick(25.0, 60.0),
        faults,
        also,
    )
    setup = Setup(
        providers=PROVIDERS,
        provider_program="tests.chaos.attackers.provider",
        worker=("tests.chaos.brief", "worker", "--supervised"),
        sandbox=("--task-seconds", "1-2"),
    )
    return trial(
        run,
        setup,
        attack,
        attack.trouble,
        look=attack.look,
        seconds=run.pick(120, 600),
        at_least=faults,
    )


def _files_missing(stage: Stage, jobs: Sequence[Job]) -> Iterator[str]:
    """Every file of a job that is no bomb is stored, and none is waited for."""
    innocent = [job for job in jobs if not str(job.spec.request.get("prompt")).startswith("bomb ")]
    for status in AssetsStatus:
        ids = [job.id for job in innocent if job.result.assets_status is status]
        if ids and status is not AssetsStatus.STORED:
            yield oracle.problem(f"files are {status}, though they are no bombs", ids)


def _messages_left(stage: Stage, jobs: Sequence[Job]) -> Iterator[str]:
    if taken := list(let_in(stage, jobs)):
        yield oracle.problem("wrong at the doors to a queue", taken)
    with _broker(stage) as broker:
        with suppress(NotInTime):  # what came last may still wait for its turn
            wait_for(lambda: _drained(broker), "the queues", _DRAINED_S)
        for queue in QUEUES:
            if waiting := int(broker.llen(queue)):
                yield f"{waiting} messages wait in {queue}"
        for key in _UNACKED:
            kind = broker.type(key)
            if kind not in (b"none", b"hash"):
                yield f"the broker's {key} is a {kind!r}"
            elif left := int(broker.hlen(key)):
                yield f"{left} messages are left in {key}"


def _drained(broker: "redis.Redis") -> bool:
    return not any(map(broker.llen, QUEUES)) and not any(broker.exists(key) for key in _UNACKED)


def _port(stage: Stage) -> int:
    port = urlsplit(stage.web_url).port
    assert port
    return port


def _broker_url(stage: Stage) -> str:
    """The database beside the store's."""
    return stage.server.url().removesuffix("0") + "1"


def _broker(stage: Stage) -> "redis.Redis":
    return redis.Redis.from_url(_broker_url(stage), socket_timeout=5)


SCENARIOS = (
    Scenario("F31", "silent connections", silent, alone=True),
    Scenario("F32", "slow bodies", slow, alone=True),
    Scenario("F33", "bombs for pictures", bombs, alone=True),
    Scenario("F34", "poison in the queues", poison, alone=True),
)
