"""SHELL. Calls the user's functions that choose which buttons to press.

Each runs in a thread of its own, at most ``PLACES`` per process, so as not to take the threads that
start jobs. A thread cannot be killed: a function that exceeds ``LIMIT_S`` has failed, and its
result is ignored.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from config.logger import get_logger
from config.without_rich import structlog
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.limiter import Limiter
from worker.adapters.storage.inputs import Options, ingest_request
from worker.adapters.storage.storage import Storage
from worker.domain import retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import HooklineError, InvalidRequest, ServiceUnavailable
from worker.domain.events import Choosing, Chosen, Disposition, NotChosen
from worker.domain.job import Job
from worker.domain.job_spec import JSON
from worker.domain.redaction import shown
from worker.domain.requests.steps import check_choosers, parse_choice
from worker.domain.result import AssetsStatus
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)

#: Seconds that a function may take, and concurrent calls per process.
LIMIT_S = 300.0
PLACES = 2
#: Lease renewals within ``LIMIT_S``.
_RENEWALS = 20

_MAX_MESSAGE = 500  #: characters of an error message


class Chooser:
    """Runs `choose` jobs. ``modules``: the names of modules whose functions may be called."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        storage: Storage,
        modules: Collection[str] = (),
        *,
        limit_s: float = LIMIT_S,
        decoder: Decoder = DECODER,
    ) -> None:
        self._orchestrator = orchestrator
        self._storage = storage
        self._modules = frozenset(modules)
        self._limit_s = limit_s
        self._decoder = decoder
        self._limiter = Limiter(self._choose, per_key=1, total=PLACES)

    def choose(self, job_id: str) -> None:
        """Call the function of the job ``job_id`` and record its answer; idempotent.

        With all places taken, a thread that has one does it next.
        """
        self._limiter.run(job_id, job_id)

    def _choose(self, job_id: str) -> None:
        store, now = self._orchestrator.store, self._orchestrator.clock()
        job = self._orchestrator.job(job_id)
        parent = self._orchestrator.job(job.spec.waits_for[0])
        if parent.result.assets_status is AssetsStatus.PENDING:
            store.jobs.reschedule(
                job_id, now + retry_policy.look_at_siblings(now - job.spec.created_at)
            )
            return
        claimed = self._orchestrator.record(job, Choosing())
        if claimed.disposition is Disposition.APPLIED:
            with structlog.contextvars.bound_contextvars(job_id=job_id):
                self._orchestrator.record(claimed.job, self._outcome(claimed.job, parent))

    def _outcome(self, job: Job, parent: Job) -> Chosen | NotChosen:
        try:
            steps = self._steps(parse_choice(self._answer(job, parent)), parent)
        except InvalidRequest as error:
            problem = f"answered what cannot be pressed: {error}"
        except _NoAnswer as error:
            problem = str(error)
        else:
            return Chosen(job.attempt, parent, steps)
        message = f"{job.request['choose']} {problem}"
        return NotChosen(
            job.attempt, job_error(ErrorCode.CHOOSE_FAILED, shown(message, _MAX_MESSAGE))
        )

    def _steps(self, steps: tuple[JSON, ...], parent: Job) -> tuple[JSON, ...]:
        """Check the steps and store their masks, as for a new request."""
        check_choosers(steps, self._modules)
        account = self._orchestrator.accounts.get(parent.account)
        if account is None:
            raise _NoAnswer(f"cannot be obeyed: account {parent.account} is not set any more")
        options = Options(
            storage=self._storage,
            max_bytes=account.max_picture_bytes,
            allow_paths=True,
            allowed_hosts=account.allowed_hosts,
            decoder=self._decoder,
        )
        return ingest_request(parent.kind, {}, steps, **options)[1]

    def _answer(self, job: Job, parent: Job) -> Any:
        """Call the function, and renew the lease so that no other worker does."""
        name = job.request["choose"]
        if name.partition(":")[0] not in self._modules:
            raise _NoAnswer("may not be called: list its module in the setting HOOKLINE_CHOOSERS")
        files = [self._storage.result_location(path) for path in parent.result.assets]
        call = _Call(name, parent, files)
        call.start()
        for _ in range(_RENEWALS):
            call.join(self._limit_s / _RENEWALS)
            if not call.is_alive():
                return call.answer()
            with suppress(ServiceUnavailable):  # the lease outlives some missed renewals
                lease_end = self._orchestrator.clock() + retry_policy.CHOOSE_LEASE_S
                self._orchestrator.store.jobs.reschedule(job.id, lease_end)
        raise _NoAnswer(f"did not answer within {self._limit_s:g} s")


class _NoAnswer(HooklineError):
    """The function gave no usable answer."""


class _Call(Thread):
    """One call of the function ``name``."""

    def __init__(self, name: str, parent: Job, files: Sequence[str]) -> None:
        super().__init__(name=f"choose {name}", daemon=True)
        self._function, self._arguments = name, (parent, files)
        self._answer: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._answer = _imported(self._function)(*self._arguments)
        except BaseException as error:  # noqa: BLE001  # whatever it raises fails its step only
            self._error = error

    def answer(self) -> Any:
        """The return value. Raises ``_NoAnswer`` if the function raised."""
        if self._error is None:
            return self._answer
        if isinstance(self._error, _NoAnswer):
            raise self._error
        log.warning("choose.failed", function=self._function, exc_info=self._error)
        words = f"raised {type(self._error).__name__}: {self._error}"
        raise _NoAnswer(words)


def _imported(name: str) -> Callable[..., Any]:
    """The function, if its module defines it: what a module imports, it does not offer."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    defined = inspect.unwrap(found)  # the function in a `functools.cache`, say
    if not inspect.isfunction(defined) or defined.__module__ != module:
        raise _NoAnswer(f"may not be called: it is not a function that {module} itself defines")
    return found
