"""One trial: a site, a load, a fault that comes and is healed again, and the oracle at the end."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from itertools import count
from random import Random
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.chaos import oracle
from tests.chaos.load import Acknowledged, Load, settle
from tests.chaos.observer import Observer
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run
from tests.chaos.trial import DOUBT_S, DOUBT_SETTINGS, gather
from tests.chaos.waiting import NotInTime, pause
from tests.hosts.by_celery import send_all
from tests.hosts.programs import ACCOUNTS
from tests.hosts.site import Site, site
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus

#: After a heal a new job of every account must have succeeded within so many seconds.
WORKS_AGAIN_S = 30.0
#: Submissions before the fault, so that it meets work.
_UNDER_WAY = 12
#: A place may be lost to a doubt at each strike.
_RULES = Rules(in_doubt_per_fault=sum(each.places for each in ACCOUNTS), callbacks_lost=True)
#: What a reader may see that nobody was answered with: a change that a fail-over forgets while the
#: one who made it still waits for the replicas.
_SEEN_TOO_EARLY = (" was over as ", " was at version ")


@dataclass(slots=True)
class Ground:
    """Where a fault strikes. ``over`` is set when all jobs have ended."""

    site: Site
    rng: Random
    over: Event
    hold_s: float  #: how long a fault lasts
    faults: int = 0
    problems: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)  #: jobs beside the load
    works_again_s: list[float] = field(default_factory=list)
    #: Of each fail-over: seconds until there was another primary, and from then to a submission.
    fail_overs: list[tuple[float, float]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  #: what else is worth telling, in words
    _numbers: Iterator[int] = field(default_factory=count)

    def hold(self, seconds: float | None = None) -> None:
        """Let the fault last, also if there is nothing more to do."""
        pause(self.hold_s if seconds is None else seconds)

    def pick(self, names: Sequence[str]) -> str:
        """One of these hosts, another one at each strike."""
        return names[self.faults % len(names)]

    def submissions(self) -> int:
        """What the provider was paid for so far."""
        return len(self.site.ledger_lines())

    def ask(self, account: str, url: str | None = None, key: str | None = None) -> tuple[int, str]:
        """Hand in a single job that comes before all others: status, and its id or the problem."""
        key = key or f"asked-{next(self._numbers)}"
        body = {"kind": "imagine", "prompt": f"a heron, {key}", "account": account, "priority": 9}
        headers = {
            "Authorization": f"Bearer {self.site.api_token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        connection = HTTPConnection(urlsplit(url or self.site.web_url).netloc, timeout=10)
        try:
            connection.request("POST", "/v1/jobs", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            return 0, f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return answer.status, json.loads(text)["id"] if answer.status in (200, 202) else text

    def under_way(self, settled_s: float) -> bool:
        """Wait until much is submitted and a moment more; False: it is over."""
        enough = self.submissions() + _UNDER_WAY
        self.site.wait_for(
            lambda: self.submissions() >= enough or self.over.is_set(), "submissions", 120
        )
        return not self.over.wait(self.rng.uniform(0.0, settled_s))


@dataclass(frozen=True, slots=True)
class Fault:
    """``strike`` makes it, lets it last, and heals it.

    ``by_celery``: half of the pipelines come through the broker, not over HTTP.
    ``rabbitmq_nodes``: of the broker; three take thrice the time to start.
    ``pipelines``: one strike for so many, which must outlast it.
    """

    name: str
    title: str
    strike: Callable[[Ground], None]
    by_celery: bool = False
    rabbitmq_nodes: int = 1
    pipelines: int = 100

    def strikes(self, size: "Size") -> int:
        """How often it strikes in a trial of this size."""
        return max(1, size.pipelines // self.pipelines)


@dataclass(frozen=True, slots=True)
class Size:
    """``pipelines``: each a root and two steps. ``hold_s``: how long a fault lasts."""

    pipelines: int
    hold_s: float = 12.0

    @property
    def seconds(self) -> float:
        """In which all must have ended."""
        return 180.0 + 3.0 * self.pipelines


def trial(run: Run, fault: Fault, size: Size, settings: Mapping[str, str] | None = None) -> Row:
    """Play it and compare."""
    adjusted = {**DOUBT_SETTINGS, **(settings or {})}
    with site(run.folder, run.seed, adjusted, fault.rabbitmq_nodes) as running:
        began = time.monotonic()
        ground = Ground(running, Random(run.rng.random()), Event(), size.hold_s)
        with Observer(running, Random(run.rng.random())) as observer:
            acknowledged = _play(run, ground, fault, size)
            taken_s = time.monotonic() - began
        if ground.faults < (strikes := fault.strikes(size)):
            ground.problems.append(f"only {ground.faults} of {strikes} strikes: too few jobs")
        all_of = Acknowledged((*acknowledged.ids, *ground.acknowledged), acknowledged.refused)
        evidence = gather(running, all_of, observer, ground.problems)
        row = oracle.compare(evidence, _RULES.after(ground.faults))
        files = tuple(_files_missing(running, evidence.jobs))
    early = [text for text in row.problems if any(words in text for words in _SEEN_TOO_EARLY)]
    return replace(
        row,
        seconds=taken_s,
        faults=ground.faults,
        problems=(*(text for text in row.problems if text not in early), *files),
        note=f"{len(early)} changes were read that were never acknowledged" if early else "",
        figures=_figures(ground),
    )


def _play(run: Run, ground: Ground, fault: Fault, size: Size) -> Acknowledged:
    thread = Thread(target=_strikes, args=(ground, fault, size), name="fault")
    thread.start()
    try:
        acknowledged = _hand_in(run, ground, fault, size)
        in_time = settle(ground.site, size.seconds, run.tell, doubt_s=DOUBT_S)
    finally:
        ground.over.set()
        thread.join()
    if not (in_time and settle(ground.site, size.seconds, run.tell, doubt_s=DOUBT_S)):
        ground.problems.append(f"not everything ended within {size.seconds:g} s")
    return acknowledged


def _hand_in(run: Run, ground: Ground, fault: Fault, size: Size) -> Acknowledged:
    name, by_celery = f"{run.seed}", size.pipelines // 2 if fault.by_celery else 0
    load = Load(size.pipelines - by_celery, deadline_s=size.seconds)
    with ThreadPoolExecutor(1, "celery") as pool:
        sending = pool.submit(
            send_all, ground.site.rabbitmq_hosts.url(), f"{name}-celery", by_celery
        )
        over_http = load.hand_in(ground.site, name)
        sent = sending.result()
    return Acknowledged((*over_http.ids, *sent), over_http.refused)


def _strikes(ground: Ground, fault: Fault, size: Size) -> None:
    try:
        while ground.faults < fault.strikes(size) and ground.under_way(3.0):
            fault.strike(ground)
            ground.faults += 1
            _must_work_again(ground)
    except Exception as error:  # noqa: BLE001 - a thread's mishap must not pass for success
        ground.problems.append(f"the fault itself failed: {error!r}")
        ground.site.network.heal()  # or the jobs that are left could not end


def _must_work_again(ground: Ground) -> None:
    """A new job of every account succeeds soon; how many seconds after the heal."""
    began = time.monotonic()
    open_jobs = dict.fromkeys(each.name for each in ACCOUNTS)
    asked: dict[str, str] = {}

    def worked() -> bool:
        for account in open_jobs:
            if account not in asked:
                status, told = ground.ask(account, key=f"again-{ground.faults}-{account}")
                if status in (200, 202):
                    asked[account] = told
        stored = ground.site.services.store.jobs.get_many([*asked.values()])
        done = [job for job in stored if job.status is Status.SUCCEEDED]
        return len(done) == len(open_jobs)

    try:
        ground.site.wait_for(worked, "a job of every account after the heal", WORKS_AGAIN_S)
    except NotInTime as error:
        ground.problems.append(str(error))
    ground.acknowledged += asked.values()
    ground.works_again_s.append(time.monotonic() - began)


def _figures(ground: Ground) -> str:
    if not ground.works_again_s:
        return "never healed"
    told = [f"all accounts worked within {max(ground.works_again_s):.1f} s of the heal"]
    if ground.fail_overs:
        moved, went_on = map(max, zip(*ground.fail_overs, strict=True))
        told.append(
            f"another primary within {moved:.1f} s, a submission within {went_on:.1f} s of that"
        )
    return "; ".join([*told, *ground.told])


def _files_missing(running: Site, jobs: Sequence[Job]) -> Iterator[str]:
    """What a job says of its files that is not in the store of pictures."""
    assert running.pictures
    there = running.pictures.names()
    for job in jobs:
        if job.status is not Status.SUCCEEDED:
            continue
        if job.result.assets_status is not AssetsStatus.STORED:
            yield f"{job.id}: its files are {job.result.assets_status}"
        gone = [file.path for file in job.result.files if f"results/{file.path}" not in there]
        yield from (f"{job.id}: {path} is missing" for path in gone)
