"""F35: callbacks are lost between the provider and us, while our own processes are well."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from tests.chaos.load import Acknowledged, Load, settle
from tests.chaos.oracle import Rules
from tests.chaos.proxy import PASS, Fault, Mode, Proxy, always
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import DOUBT_WINDOW_S, trial
from tests.chaos.waiting import pause
from tests.support.ports import free_port
from worker.domain.job import Status

#: No list, and no books: nothing but callbacks tells of a task.
_GATEWAY = ("--dialect", "gateway", "--forward-hook", "--no-books", "--task-seconds", "0.3")
#: For so long nothing arrives. Longer than the longest break that may pass unnoticed.
_CUT_S = 10.0
#: With so many connections that send nothing, no further one is accepted by a server that has
#: neither deadlines nor limits for them; ours drops the oldest.
_SILENT = 3000
_READY_S = 60.0

#: Makes callbacks get lost, as long as the context lasts.
Cut = Callable[[Stage, Proxy], AbstractContextManager[None]]


@contextmanager
def _dead(_stage: Stage, url: Proxy) -> Iterator[None]:
    """The reverse proxy is gone: connections are refused."""
    with url.refusing():
        yield


def _faulty(mode: Mode) -> Cut:
    @contextmanager
    def faulty(_stage: Stage, url: Proxy) -> Iterator[None]:
        url.rule = always(Fault(mode))
        try:
            yield
        finally:
            url.rule = always(PASS)
            _lose_what_hangs(url)

    return faulty


@contextmanager
def _saturated(stage: Stage, url: Proxy) -> Iterator[None]:
    """The web process itself is full of connections that send nothing."""
    parts = urlsplit(stage.web_url)
    with ExitStack() as held:
        for _ in range(_SILENT):
            each = held.enter_context(socket.socket())
            each.setblocking(False)  # the last ones are not accepted any more
            each.connect_ex((parts.hostname, parts.port))
        _lose_what_hangs(url)  # connections that were there before would still be served
        yield
        _lose_what_hangs(url)


def _lose_what_hangs(url: Proxy) -> None:
    """A provider does not wait for ever, and does not call again."""
    with url.refusing():
        pass


_SHORT: tuple[Cut, ...] = (_dead, _faulty(Mode.BLACKHOLE))
_FULL: tuple[Cut, ...] = (_dead, _faulty(Mode.BAD_GATEWAY), _faulty(Mode.BLACKHOLE), _saturated)


@dataclass
class _Cuts:
    """For each cut a job that is accepted unheard. Later ones are called back about as ever."""

    cuts: tuple[Cut, ...]
    provider: Proxy
    url: Proxy
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        """See ``Work``."""
        self._heard(stage, f"{name}-before", 4)
        held = []
        for number, cut in enumerate(self.cuts):
            self._proven(stage)
            with cut(stage, self.url):
                over_at = monotonic() + _CUT_S
                held.append(self._unanswered(stage, f"{name}-cut-{number}", Mode.CUT))
                pause(over_at - monotonic())
            self._heard(stage, f"{name}-between-{number}", 2)
        self._until_over(stage, f"{name}-after", held)
        if sent_again := [job_id for job_id in held if stage.job(job_id).attempt > 1]:
            self.refused.append(f"sent again, although nothing reached us: {sent_again}")
        self._proven(stage)
        lost = self._unanswered(stage, f"{name}-lost", Mode.RESET)
        self._until_over(stage, f"{name}-end", [lost])
        if stage.job(lost).status is not Status.SUCCEEDED:
            self.refused.append("what was not accepted is not sent again, although all is well")
        return Acknowledged(tuple(self.accepted), tuple(self.refused))

    def _proven(self, stage: Stage) -> None:
        """Wait until callbacks are known to arrive."""

        def lasts() -> bool:
            presence = stage.services.orchestrator.callback_stats("default")[0].presence
            return presence is not None and presence.lasts(stage.services.clock())

        stage.wait_for(lasts, "that callbacks arrive", _READY_S)

    def _heard(self, stage: Stage, name: str, roots: int) -> None:
        """Jobs that end by callback."""
        stored = Load(roots, then=()).hand_in(stage, name)
        self.accepted += stored.ids
        self.refused += stored.refused
        done = lambda: all(stage.job(each).status.terminal for each in stored.ids)  # noqa: E731
        stage.wait_for(done, "jobs in between", _READY_S)

    def _unanswered(self, stage: Stage, name: str, mode: Mode) -> str:
        """A job whose submit is cut off, before the provider has it (RESET) or after (CUT)."""
        self.provider.rule = always(Fault(mode), b"POST /mj/submit/")
        request = {"kind": "imagine", "prompt": f"a lighthouse, study {name}"}
        job, _ = stage.services.enqueuer.submit(request)  # the web process may be unreachable
        self.accepted.append(job.id)
        # It may be over already: a server that bears the cut takes the callback.
        stage.wait_for(lambda: _was_in_doubt(stage, job.id), "the doubt", _READY_S)
        self.provider.rule = always(PASS)
        return job.id

    def _until_over(self, stage: Stage, name: str, ids: list[str]) -> None:
        """Callbacks of other jobs come until the doubts of these have been decided."""
        until = max(stage.job(each).doubt_until or 0.0 for each in ids)
        over_at = until + 2 * DOUBT_WINDOW_S
        number = 0
        while stage.services.clock() < over_at:
            self._heard(stage, f"{name}-{number}", 1)
            number += 1
        settle(stage, _READY_S, lambda _: None)


def _was_in_doubt(stage: Stage, job_id: str) -> bool:
    [(entries, _)] = stage.services.store.jobs.histories([job_id])
    return any(entry.status is Status.IN_DOUBT for entry in entries)


def cut_off(run: Run) -> Row:
    """What was accepted, and called back about in vain, is not sent again."""
    cuts = run.pick(_SHORT, _FULL * 3)
    provider_port, web_port = free_port(), free_port()
    with (
        Proxy("127.0.0.1", provider_port) as provider,
        Proxy("127.0.0.1", web_port) as url,
    ):
        setup = Setup(
            sandbox=_GATEWAY,
            settings={"HOOKLINE_PROVIDER_DIALECT": "gateway"},
            provider_port=provider_port,
            provider_via=provider.port,
            web_port=web_port,
            web_via=url.port,
            web=_web(run),
        )
        return trial(
            run,
            setup,
            _Cuts(cuts, provider, url),
            rules=Rules(in_doubt=len(cuts), callbacks_lost=True),
            seconds=60,
        )


def _web(run: Run) -> tuple[str, ...]:
    if not run.without:
        return Setup().web
    return ("tests.chaos.hasty", "web", "--supervised", "--without", ",".join(run.without))


SCENARIOS = (Scenario("F35", "the public URL is cut", cut_off),)
