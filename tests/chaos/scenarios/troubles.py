"""F26: an account in trouble, its places held; it works again when the trouble is over.

F29: one that refuses to be asked about its tasks.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.chaos import places
from tests.chaos.courses import Case, Course, figures, wrong
from tests.chaos.front import Front, Kind
from tests.chaos.indexes import PREFIX
from tests.chaos.places import Stay
from tests.chaos.providers import Provider
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage, stage
from tests.chaos.waiting import NotInTime, pause
from tests.support.ports import free_port
from worker.domain.account import Dialect
from worker.domain.account.circuit_breaker import REST_S
from worker.domain.events import Observed
from worker.domain.job import Status
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.domain.result import JobError

#: An account's places, and jobs of each sort that hold one: running, doubtful and overdue ones.
PLACES = 8
HELD = 2
DIALECTS: tuple[Dialect, ...] = ("novicezk", "trueai", "gateway", "crazyrouter")
KINDS = tuple(kind for kind in Kind if kind is not Kind.BLIND)


class Player:
    """Plays one case on a stage."""

    def __init__(self, on: Stage, front: Front, case: Case, size: "Size", without: object) -> None:
        self._stage, self._front, self._case = on, front, case
        self._jobs, self._watch_s = size.jobs, size.watch_s
        self._without = without  #: then there is nothing to wait for
        self._orchestrator = on.services.orchestrator
        self._mine: set[str] = set()

    def play(self) -> Course:
        course = Course()
        try:
            held = self._hold_places()
            with self._front.having(self._case.kind):
                mine = self._hand_in("job", self._jobs)
                pause(self._case.seconds)
                course.rest_end = self._tries_at()
                course.ended = time.time()  # before it is lifted, or an early job is taken for none
            began = course.ended - self._case.seconds
            if early := sum(began < stay.began < course.ended for stay in self._stays()):
                course.problems.append(f"{early} submissions were accepted during the trouble")
            self._wait_for_first(course)
            self._look_at_places(course, held)
            course.problems += self._wrong(mine)
        except NotInTime as error:
            course.problems.append(f"{error} (it rests until {self._tries_at()})")
        return course

    def play_blind(self) -> Course:
        """It takes jobs and refuses to be asked about them, from the middle of one on."""
        course, said = Course(), self._orchestrator.dispatch.breaker
        try:
            self._front.pins = True
            running = self._hand_in("running", HELD)
            self._wait(running, Status.SUBMITTED, Status.IN_PROGRESS)
            self._front.pins = False
            with self._front.having(Kind.BLIND):
                if not self._without:
                    blind = partial(said, self._case.name, fresh=True)
                    self._stage.wait_for(lambda: blind().blind, f"{self._case}: it is blind", 60)
                mine = self._hand_in("job", self._jobs)
                pause(self._case.seconds)
                if fed := [stay.job_id for stay in self._stays() if stay.job_id in set(mine)]:
                    course.problems.append(f"{len(fed)} jobs were sent while it refused questions")
                    return course
                course.ended = time.time()
            self._wait_for_first(course)
            self._look_at_places(course, set(running))
            course.problems += self._wrong([*mine, *running])
        except NotInTime as error:
            course.problems.append(str(error))
        return course

    def _hold_places(self) -> set[str]:
        """Jobs in doubt, running and overdue ones. Those that fail come first."""
        self._front.loses = True
        doubtful = self._hand_in("doubtful", HELD)
        self._wait(doubtful, Status.IN_DOUBT)
        self._front.loses, self._front.pins = False, True
        running, overdue = self._hand_in("running", HELD), self._hand_in("overdue", HELD)
        self._wait([*running, *overdue], Status.SUBMITTED, Status.IN_PROGRESS)
        self._front.pins = False
        for job_id in overdue:
            job = self._orchestrator.job(job_id)
            gave_up = JobError("timeout", "the provider gave up")
            seen = Snapshot(job.task_id, TaskStatus.FAILED, error=gave_up)
            self._orchestrator.record(job, Observed(seen, asked=True))
        return {*doubtful, *running, *overdue}

    def _hand_in(self, what: str, count: int) -> list[str]:
        name = self._case.name
        asked = (
            {"kind": "imagine", "prompt": f"{what} {n}", "account": name} for n in range(count)
        )
        submit = self._stage.services.enqueuer.submit
        ids = [submit({**each, "assets": "off"}, key=None)[0].id for each in asked]
        self._mine.update(ids)
        return ids

    def _wait(self, ids: Sequence[str], *statuses: Status) -> None:
        def there() -> bool:
            jobs = self._stage.services.store.jobs.get_many(ids)
            return all(job.status in statuses for job in jobs)

        self._stage.wait_for(there, f"{self._case}: {statuses[0]}", 60)

    def _tries_at(self) -> float | None:
        """When it is tried: after its rest, or where doubts hold all places, after a while."""
        breaker = self._orchestrator.dispatch.breaker(self._case.name, fresh=True)
        if breaker.tries_at is not None or not breaker.failures:
            return breaker.rest_until  # or as soon as it answers, which is no end to wait for
        return (breaker.failed_at or 0.0) + REST_S

    def _stays(self) -> list[Stay]:
        ledger = self._stage.ask_sandbox(f"sandbox-{self._case.dialect}", "ledger")
        stays = places.stays(ledger, self._stage.services.tokens)
        return [stay for stay in stays if stay.job_id in self._mine]

    def _wait_for_first(self, course: Course) -> None:
        def came() -> bool:
            after = (stay.began for stay in self._stays() if stay.began > course.ended)
            course.first = min(after, default=None)
            return course.first is not None

        rests_s = max(0.0, (course.rest_end or 0.0) - course.ended)
        patience_s = 8.0 if self._without else 30.0
        self._stage.wait_for(came, "nothing was accepted", rests_s + patience_s)

    def _look_at_places(self, course: Course, held: set[str]) -> None:
        """How many of those that nothing else holds are taken, at the provider."""
        running, ready = f"{PREFIX}running:{self._case.name}", self._stage.services.store.queue
        samples: list[tuple[float, int]] = []
        until = time.time() + self._watch_s
        client: Any = self._stage.redis
        while time.time() < until and ready.load(self._case.name).ready:
            in_doubt = {i.decode() for i in client.zrange(f"{PREFIX}jobs:in_doubt", 0, -1)}
            taken = {job_id.decode() for job_id in client.smembers(running)}
            # More than all may be held: an overdue job that is seen running takes its place again.
            samples.append((time.time(), max(0, PLACES - len(taken & (held | in_doubt)))))
            pause(0.05)
        mine = [stay for stay in self._stays() if stay.job_id not in held]
        free = busy = 0
        for moment, number in samples:
            now = sum(stay.began <= moment < stay.ended for stay in mine)
            free, busy = free + number, busy + min(now, number)
        course.used = busy / free if free else 1.0

    def _wrong(self, mine: Sequence[str]) -> Iterator[str]:
        for job in self._stage.services.store.jobs.get_many(mine):
            if job.status in (Status.FAILED, Status.TIMED_OUT, Status.CANCELLED):
                yield f"{job.id} is {job.status}: {job.error}"
        for job_id, paid in Counter(stay.job_id for stay in self._stays()).items():
            if paid > 1:
                yield f"{job_id} was paid {paid} times"


#: Plays one case.
Play = Callable[[Player], Course]


@dataclass(frozen=True, slots=True)
class Size:
    """Jobs of each account, and for how long its places are looked at.

    ``restless``: with rests of seconds.
    """

    jobs: int
    watch_s: float
    restless: bool = False


SHORT, FULL = Size(24, 3.0, restless=True), Size(40, 12.0)


@dataclass(frozen=True, slots=True)
class Played:
    """Cases that were played at once, and for how many seconds."""

    told: Sequence[tuple[Case, Course]]
    jobs: int
    seconds: float


def matrix(run: Run, cases: Sequence[Case], size: Size, play: Play = Player.play) -> Played:
    """Play the cases at once, each on an account of its own."""
    ports = {case.dialect: free_port() for case in cases}  # one sandbox for each dialect
    fronts = {
        case.name: Front(f"http://127.0.0.1:{ports[case.dialect]}", free_port()) for case in cases
    }
    providers = tuple(
        Provider(
            case.name,
            PLACES,
            dialect=case.dialect,
            port=ports[case.dialect],
            via=fronts[case.name].port,
            shared=case.dialect,
        )
        for case in cases
    )
    program = "tests.chaos.restless" if size.restless else "tests.chaos.broken"
    orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
    habits = ("--seed", str(run.seed), "--task-seconds", "3-3", "--forward-hook")
    setup = Setup(
        workers=1 if size.restless else 2,
        providers=providers,
        worker=(program, "worker", *orders),
        sandbox=(*habits, "--fetch-lag", "0.5"),
    )
    began = time.monotonic()
    with ExitStack() as last:
        for front in fronts.values():
            last.enter_context(front)
        on = last.enter_context(stage(run.folder, setup))
        players = [Player(on, fronts[case.name], case, size, run.without) for case in cases]
        with ThreadPoolExecutor(len(cases)) as pool:
            courses = list(pool.map(play, players))
    return Played(
        list(zip(cases, courses, strict=True)),
        jobs=len(cases) * (size.jobs + 3 * HELD),
        seconds=time.monotonic() - began,
    )


def _row(parts: Iterable[Played]) -> Row:
    rows = list(parts)
    told = [each for part in rows for each in part.told]
    return Row(
        jobs=sum(part.jobs for part in rows),
        faults=len(told),
        seconds=sum(part.seconds for part in rows),
        problems=tuple(f"{case}: {words}" for case, each in told for words in wrong(each)),
        figures="; ".join(figures(told)),
    )


def troubles(run: Run) -> Row:
    """Every trouble in every dialect; the short form: two of them, with short rests."""
    if not run.full:
        cases = [Case("trueai", kind, 3.0, n) for n, kind in enumerate((Kind.DOWN, Kind.QUOTA))]
        return _row([matrix(run, cases, SHORT)])
    parts = [(dialect, seconds) for seconds in (10.0, 60.0, 600.0) for dialect in DIALECTS]
    return _row(
        matrix(
            _part(run, f"{dialect}-{seconds:g}"),
            [Case(dialect, kind, seconds, n) for n, kind in enumerate(KINDS)],
            FULL,
        )
        for dialect, seconds in parts
    )


def blind(run: Run) -> Row:
    """Nothing new is sent meanwhile, and what runs is not lost."""
    dialects: tuple[Dialect, ...] = run.pick(("gateway",), DIALECTS)
    cases = [Case(each, Kind.BLIND, run.pick(2.0, 60.0), n) for n, each in enumerate(dialects)]
    return _row([matrix(run, cases, run.pick(SHORT, FULL), Player.play_blind)])


def _part(run: Run, name: str) -> Run:
    folder = run.folder / name
    folder.mkdir(parents=True)
    return Run(run.seed, run.full, folder, run.rng, run.tell, run.without)


SCENARIOS = (
    Scenario("F26", "accounts in trouble, places held", troubles, alone=True),
    Scenario("F29", "an account that refuses questions", blind, alone=True),
)
