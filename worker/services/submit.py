"""SHELL. Takes a ready job, prepares its POST, sends it, records the reply.

The order protects money: ``submitting`` is committed before anything is prepared, and the intent to
POST before the POST leaves. So a worker that dies leaves a record of what it may have done, and
nobody sends a second POST blindly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from time import monotonic, sleep

import structlog

from worker.adapters.provider import payloads
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.dialect import ignored
from worker.adapters.storage import inputs
from worker.adapters.storage.pictures import Picture, check_mask, to_data_url
from worker.adapters.storage.storage import Storage
from worker.adapters.store import NoFreeSlot
from worker.adapters.store.store import Store
from worker.adapters.tokens import Tokens
from worker.domain import buttons, followups
from worker.domain.account.callback_stats import sort_of
from worker.domain.account.calls import call_of
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import HooklineError, PictureError, StoreUnavailable
from worker.domain.events import Disposition, Posting, Replied, Started
from worker.domain.job import AttemptOutcome, Job, Status, Window
from worker.domain.job_spec import JSON, Kind
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.requests import picture_fields
from worker.domain.result import JobError
from worker.services.orchestrator import Orchestrator

log = structlog.get_logger(__name__)

#: Seconds to retry recording a reply while Redis is away.
KEEP_REPLY_S = 60.0


class _Refused(Exception):
    """The POST cannot be made; ``verdict`` says why."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class _Target:
    """What an action, change, modal or extension acts on."""

    task_id: str | None = None
    custom_id: str | None = None
    change: buttons.Change | None = None
    modal_prompt: str | None = None


class Submitter:
    """Submits jobs. ``hook_url``: the callback URL up to the token; None without a public URL."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        tokens: Tokens,
        storage: Storage,
        hook_url: str | None,
    ) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._clients = clients
        self._tokens = tokens
        self._storage = storage
        self._hook_url = hook_url
        self._learnt: dict[str, str | None] = {}

    def start_next(self, account: str) -> bool:
        """Submit the account's next ready job. False when there is none, or no free slot."""
        job = self._take(account)
        if job is None:
            return False
        taken, refused_at = job
        structlog.contextvars.bind_contextvars(job_id=taken.id, account=account)
        try:
            self._submit(taken, refused_at)
        finally:
            structlog.contextvars.unbind_contextvars("job_id", "account")
        return True

    def _take(self, name: str) -> tuple[Job, float | None] | None:
        """The next job, and when the provider last refused it for not knowing its parent."""
        now = self._orchestrator.clock()
        capacity = self._orchestrator.dispatch.capacity(name, now, fresh=True)
        refunds = self._orchestrator.accounts[name].refunds_failures
        queue = self._store.queue
        while capacity.all_slots and (job := queue.next_ready(capacity, now)) is not None:
            started = Started(name, capacity.price(sort_of(job)), refunds)
            try:
                decision = self._orchestrator.record(job, started)
            except NoFreeSlot:
                return None
            # A job past its deadline times out instead.
            taken = decision.job.status is Status.SUBMITTING
            if decision.disposition is Disposition.APPLIED and taken:
                return decision.job, _refused_at(job)
        return None

    def _submit(self, job: Job, refused_at: float | None = None) -> None:
        client = self._clients[job.account]
        parent = self._parent(job)
        ended_at = parent.finished_at if parent else None
        try:
            # First, so that everything else uses the copies that the record names.
            fetched = self._fetched(job)
            prepared = replace(job, fetched={**job.fetched, **fetched})
            target = self._target(prepared, parent, client)
            kind, submission = self._prepare(prepared, target)
        except (_Refused, HooklineError) as error:
            reply = Replied(job.attempt, _verdict_of(error), ended_at)
            self._orchestrator.record(job, reply)
            return
        posting = Posting(job.attempt, target.custom_id, target.modal_prompt, fetched)
        decision = self._orchestrator.record(job, posting)
        if decision.disposition is not Disposition.APPLIED:
            # Cancelled meanwhile, or this worker was presumed dead: do not send.
            if decision.job.draining:
                self._orchestrator.record(decision.job, Replied(job.attempt, _NOT_SENT))
            return
        lease_end = decision.job.due_at or 0.0
        call = call_of(submission.path)
        exists = call in self._orchestrator.calls.of(job.account).taken
        verdict = client.submit(kind, submission, send_until=lease_end, exists=exists)
        log.info("job.submitted", kind=kind.value, outcome=verdict.outcome.value)
        self._learn(job.account, verdict, call)
        self._record_reply(decision.job, Replied(job.attempt, verdict, ended_at))
        if verdict.outcome in _TAKEN and ended_at is not None:
            self._learn_lag(job.account, ended_at, refused_at)
        if client.last_dialect not in (None, self._learnt.get(job.account)):
            self._learnt[job.account] = client.last_dialect
            self._store.accounts.learn_dialect(job.account, client.last_dialect)

    def _learn(self, account: str, verdict: Verdict, call: str) -> None:
        """Runs before the reply is recorded, else a refused job would come back at once."""
        calls = self._orchestrator.calls
        try:
            self._orchestrator.dispatch.learn(account, verdict, self._orchestrator.clock())
            if verdict.outcome in _TAKEN:
                calls.took(account, call)
            elif verdict.lacks_call and not verdict.account_trouble and verdict.error:
                calls.missing(account, call, verdict.error.message)
        except StoreUnavailable as error:
            log.warning("account.outcome_not_stored", account=account, error=str(error))

    def _learn_lag(self, account: str, ended_at: float, refused_at: float | None) -> None:
        """A press on a task that ended at ``ended_at`` was taken now."""
        accounts, now = self._store.accounts, self._orchestrator.clock()
        known = accounts.callback_stats(account).parent_lag
        refused_age = None if refused_at is None else refused_at - ended_at
        learnt = known.after_press(now - ended_at, refused_age)
        if learnt != known:
            accounts.learn_parent_lag(account, learnt)

    def _record_reply(self, job: Job, reply: Replied) -> None:
        """Retry while Redis is away: a lost reply would put the job in doubt."""
        give_up_at = monotonic() + KEEP_REPLY_S
        while True:
            try:
                self._orchestrator.record(job, reply)
            except StoreUnavailable:
                if monotonic() > give_up_at:
                    raise
                sleep(0.5)
            else:
                return

    def _prepare(self, job: Job, target: _Target) -> tuple[Kind, payloads.Submission]:
        """The kind of call and its payload: images read, and the callback token included."""
        token = self._tokens.for_job(job.id, job.attempt)
        kind, request = _call(job, target)
        dialect = self._orchestrator.dialect(job.account)
        for name, problem in ignored(dialect, kind, request):  # the account may be another's choice
            message = f"{name}: {problem} (account {job.account})"
            raise _Refused(_permanent(ErrorCode.BAD_PARAMETER, message))
        refs = _picture_refs(kind, request)
        submission = payloads.build(
            kind,
            request,
            state=token,
            notify_hook=f"{self._hook_url}/{token}" if self._hook_url else None,
            parent_task_id=target.task_id,
            custom_id=target.custom_id,
            pictures={ref: to_data_url(self._loaded(job, ref, mask=mask)) for ref, mask in refs},
            mode=job.options.mode,
            dialect=dialect,
        )
        if self._orchestrator.calls.lacks(job.account, call_of(submission.path)):
            raise _Refused(_known_to_lack(submission.path, job.account))
        return kind, submission

    def _fetched(self, job: Job) -> dict[str, str]:
        """Store the images that are given as URLs; our references by URL."""
        account = self._orchestrator.accounts[job.account]
        refs = [ref for ref, _ in _picture_refs(job.kind, job.request)]
        if job.modal and job.modal.mask:
            refs.append(job.modal.mask)
        return {
            ref: kept
            for ref in dict.fromkeys(refs)
            if ref not in job.fetched
            and (kept := inputs.keep(ref, storage=self._storage, account=account)) != ref
        }

    def _parent(self, job: Job) -> Job | None:
        """The job whose task the POST acts on, if we have its record."""
        return self._store.jobs.get(job.request["job_id"]) if "job_id" in job.request else None

    def _target(self, job: Job, parent: Job | None, client: ProviderClient) -> _Target:
        """What the POST acts on. Fetches the parent's task if its buttons are unknown."""
        if job.modal and job.modal.mask and parent:
            self._check_mask(job, parent, job.modal.mask)
        if job.window is Window.OPEN:
            return _Target(task_id=job.task_id)
        task_id = parent.task_id if parent else job.request.get("task_id")
        custom_id = job.request.get("custom_id")
        if job.kind is not Kind.ACTION or custom_id:
            return _Target(task_id=task_id, custom_id=custom_id)
        return self._button(job, parent, str(task_id), client)

    def _button(
        self, job: Job, parent: Job | None, task_id: str, client: ProviderClient
    ) -> _Target:
        wanted = job.request["button"]
        known = parent.result.buttons if parent else None
        if not known:
            snapshot = client.fetch(task_id)
            if snapshot is None:
                raise _Refused(Verdict(Outcome.NOT_YET, error=_PARENT_UNKNOWN))
            if not snapshot.status.terminal:
                raise _Refused(Verdict(Outcome.NOT_YET, error=_PARENT_NOT_READY))
            known = snapshot.result.buttons or ()
        if found := buttons.find(known, wanted):
            custom_id = found[0].custom_id
            prompt = followups.default_prompt(parent, custom_id) if parent else None
            return _Target(task_id, custom_id, modal_prompt=prompt)
        change = buttons.change_for(wanted)
        if change and not known:  # some providers hide buttons that `change` can press
            return _Target(task_id, change=change)
        error = followups.button_not_found(wanted, known)
        raise _Refused(Verdict(Outcome.PERMANENT, error=error))

    def _check_mask(self, job: Job, parent: Job, mask_ref: str) -> None:
        """A mask of the wrong size would be paid for and then fail."""
        if parent.result.image_url is None:
            return
        account = self._orchestrator.accounts[job.account]
        mask = self._loaded(job, mask_ref, mask=True)
        try:
            picture = inputs.load(parent.result.image_url, storage=self._storage, account=account)
        except PictureError as error:
            log.warning("mask.not_checked", error=str(error))
            return
        try:
            check_mask(mask, picture.size)
        except PictureError as error:
            raise _Refused(_permanent(ErrorCode.BAD_MASK, f"modal.mask: {error}")) from error

    def _loaded(self, job: Job, ref: str, *, mask: bool) -> Picture:
        account = self._orchestrator.accounts[job.account]
        kept = job.fetched.get(ref, ref)
        return inputs.load(kept, storage=self._storage, account=account, mask=mask)


def _refused_at(job: Job) -> float | None:
    """When the queued job's POST was last refused because of its parent; None: it was not."""
    last = job.attempts[-1] if job.attempts else None
    refused = last is not None and last.outcome is AttemptOutcome.NOT_YET
    return last.posted_at if last and refused else None


def _call(job: Job, target: _Target) -> tuple[Kind, JSON]:
    """The submit call that the job needs next, and its fields."""
    if job.window is Window.OPEN and job.modal:
        fields = {"prompt": job.modal.prompt, "mask": job.modal.mask}
        return Kind.MODAL, {name: value for name, value in fields.items() if value}
    if target.change:
        return Kind.CHANGE, {"action": target.change.action, "index": target.change.index}
    return job.kind, job.request


def _picture_refs(kind: Kind, request: JSON) -> Iterator[tuple[str, bool]]:
    """Every image reference of the request, and whether it is a mask."""
    for field in picture_fields(kind):
        given = request.get(field.name)
        for ref in given if isinstance(given, list | tuple) else filter(None, [given]):
            yield ref, field.mask


def _verdict_of(error: Exception) -> Verdict:
    """Treat a POST that cannot be prepared as refused, for now or for good."""
    if isinstance(error, _Refused):
        return error.verdict
    retryable = isinstance(error, HooklineError) and error.retryable
    code = ErrorCode.BAD_PICTURE if isinstance(error, PictureError) else ErrorCode.NOT_PREPARED
    if retryable:
        hint = _PICTURE_AWAY if code is ErrorCode.BAD_PICTURE else None
        return Verdict(Outcome.TRY_LATER, error=JobError(code, str(error), hint, retryable=True))
    return _permanent(code, str(error))


def _permanent(code: ErrorCode, message: str) -> Verdict:
    return Verdict(Outcome.PERMANENT, error=JobError(code, message))


def _known_to_lack(path: str, account: str) -> Verdict:
    message = f"The provider has no POST {path}: it answered it as it answers unknown paths."
    hint = (
        "Nothing was sent. Use an account whose provider has this call; it is tried here again a "
        f"day after it was missed, or at once after `hookline resume --account {account}`."
    )
    return Verdict(Outcome.PERMANENT, error=job_error(ErrorCode.NO_ENDPOINT, message, hint))


#: The provider has a job, so it has the call.
_TAKEN = frozenset({Outcome.ACCEPTED, Outcome.EXISTS, Outcome.NEEDS_MODAL, Outcome.DONE})
_PICTURE_AWAY = (
    "Nothing was sent. Look at the picture's URL, or submit the picture itself; `hookline retry` "
    "tries the URL again."
)
_NOT_SENT = _permanent(ErrorCode.CANCELLED, "Cancelled before it was sent.")
_PARENT_NOT_READY = job_error(
    ErrorCode.PARENT_NOT_READY, "The provider does not show the parent task as finished yet."
)
_PARENT_UNKNOWN = job_error(ErrorCode.NOT_FOUND, "The provider does not know the parent task.")
