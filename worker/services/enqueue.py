"""SHELL. Enqueues jobs, and carries out what callers ask of them: behind HTTP, Celery, Python and
the command line.

A request is checked completely before anything is stored.
"""

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import uuid4

from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.storage.dry_run import Unwritten
from worker.adapters.storage.inputs import Options, ingest_press, ingest_request
from worker.adapters.storage.own_inputs import OwnInputs
from worker.adapters.storage.storage import Storage
from worker.domain import buttons, dry_run, followups
from worker.domain.access import Caller
from worker.domain.account import Account
from worker.domain.destinations import ANYWHERE, Destinations
from worker.domain.dry_run import Quote
from worker.domain.errors import Conflict, InvalidRequest
from worker.domain.events import AssetsWanted, Cancelled, ModalAnswered, Resolved, Retried
from worker.domain.job import Job, Modal, Status, changed
from worker.domain.job_ids import job_id_of
from worker.domain.job_spec import Kind, Notify
from worker.domain.lifecycle import transition
from worker.domain.requests.requests import JobRequest, parse_press, parse_request, parse_resolve
from worker.domain.requests.steps import check_choosers
from worker.services.access import afford
from worker.services.eligible import account_of, check_ignored, may_run
from worker.services.orchestrator import Orchestrator
from worker.services.targets import check_destination
from worker.services.tenants import check_own_target, with_own_task, with_tenant
from worker.services.visible import Visible


class ButtonNotFound(InvalidRequest):
    """The parent's buttons are known, and the requested one is not among them."""


class Enqueuer:
    """Enqueues jobs. ``allow_paths``: whether an image may be a path on this machine.

    ``choosers``: the modules whose functions a ``choose`` may name. ``receivers``: the hosts that
    may receive notifications by plain http, or at a private address. ``celery``: the Celery tasks
    and queues that may be notified. ``decoder``: decodes the submitted images.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        storage: Storage,
        choosers: Collection[str] = (),
        receivers: Collection[str] = (),
        celery: Destinations = ANYWHERE,
        *,
        decoder: Decoder = DECODER,
    ) -> None:
        self._orchestrator = orchestrator
        self._storage = storage
        self._choosers = frozenset(choosers)
        self._receivers = frozenset(receivers)
        self._celery = celery
        self._decoder = decoder
        self._visible = Visible(orchestrator.store)

    def acting_for(self, caller: Caller) -> "Enqueuer":
        """The same for the requests of this caller, who names only what it sees."""
        visible, storage = Visible(self._orchestrator.store, caller), self._storage
        own = storage if caller.tenant is None else OwnInputs(storage, visible.owns_input)
        return self._over(own, visible)

    @property
    def caller(self) -> Caller:
        """Whose requests these are: the operator's, unless it acts for another."""
        return self._visible.caller

    def submit(
        self, data: Any, *, key: str | None = None, allow_paths: bool = False
    ) -> tuple[Job, bool]:
        """Store the requested job and wake a worker; return the job, and whether it is new.

        The same ``key`` and request return the same job. Raises ``InvalidRequest`` with every bad
        field, and ``Conflict`` when the key was used for another request.
        """
        asked = parse_request(data)
        if _answers_modal(asked):
            return self._answer_modal(asked, allow_paths=allow_paths), False
        job = self.prepare(asked, self._id_of(key), allow_paths=allow_paths)
        self.afford([job])
        return self._create(job)

    def prepare(self, asked: JobRequest, job_id: str, *, allow_paths: bool = False) -> Job:
        """The requested job with its images stored, but not the job. Raises as ``submit``."""
        asked = with_tenant(self._visible, asked)
        check_choosers(asked.spec.then, self._choosers)
        self.check_destination(asked.spec.options.notify)
        parent = self._parent(asked)
        asked = with_own_task(self._visible, asked, parent, self._orchestrator.accounts)
        spec = asked.spec
        accounts = may_run(
            self._orchestrator, parent.account if parent else asked.account, spec.options.mode
        )
        check_ignored(self._orchestrator, spec, accounts)
        request, then = ingest_request(
            spec.kind, spec.request, spec.then, **self._options(*accounts, paths=allow_paths)
        )
        if parent and spec.kind is Kind.VIDEO and "prompt" not in request:
            # Providers refuse a video without a prompt, even an extension.
            request["prompt"] = parent.result.prompt or parent.request.get("prompt")
        asked = replace(asked, spec=replace(spec, request=request, then=then))
        return self._job(asked, accounts, parent, job_id)

    def prepare_press(
        self, parent_id: str, data: Any, key: str, *, allow_paths: bool = False
    ) -> tuple[Job, ...]:
        """The children that the press would create. Raises as ``press``."""
        asked = parse_press(data)
        check_choosers(asked.then, self._choosers)
        parent = self._finished(parent_id)
        account = account_of(self._orchestrator, parent.account)
        asked = ingest_press(asked, **self._options(account, paths=allow_paths))
        now = self._orchestrator.clock()
        children = followups.press(
            parent, asked.button, f"by-hand:{key}", now, modal=asked.modal, then=asked.then
        )
        for child in children:
            if child.status is Status.FAILED and child.error:
                words = f"{child.error.message} {child.error.hint or ''}".strip()
                raise ButtonNotFound.of("button", words)
        fingerprint = asked.fingerprint
        traced = self.caller.traceparent or parent.spec.traceparent
        return tuple(
            changed(child, spec=replace(child.spec, fingerprint=fingerprint, traceparent=traced))
            for child in children
        )

    def press(
        self, parent_id: str, data: Any, *, key: str | None = None, allow_paths: bool = False
    ) -> tuple[Job, ...]:
        """Press a button of a succeeded job; return the children, several only for a glob.

        Raises ``ButtonNotFound`` when it is not among the known buttons, ``Conflict`` when the job
        has not succeeded.
        """
        children = self.prepare_press(parent_id, data, key or uuid4().hex, allow_paths=allow_paths)
        self.afford(children)
        return tuple(self._create(child)[0] for child in children)

    def quote(self, data: Any, *, key: str | None = None, allow_paths: bool = False) -> Quote:
        """Dry run of ``submit``: the jobs and their price; nothing is stored. Raises as it does."""
        dry, asked = self.dry(), parse_request(data)
        if _answers_modal(asked):
            job, modal = dry.modal_answer(asked, allow_paths=allow_paths)
            event, now = ModalAnswered(modal), self._orchestrator.clock()
            return self._quote([transition(job, event, now, self._orchestrator.policy(job)).job])
        return self._quote([dry.prepare(asked, self._id_of(key), allow_paths=allow_paths)])

    def quote_press(
        self, parent_id: str, data: Any, *, key: str | None = None, allow_paths: bool = False
    ) -> Quote:
        """Dry run of ``press``."""
        key = key or uuid4().hex
        return self._quote(self.dry().prepare_press(parent_id, data, key, allow_paths=allow_paths))

    def cancel(self, job_id: str) -> Job:
        """Cancel the job. Raises ``Conflict`` when it is terminal."""
        return self._orchestrator.record(self._visible.job(job_id), Cancelled()).job

    def retry(self, job_id: str) -> Job:
        """Try the job again. Raises ``Conflict`` unless it failed, was cancelled or timed out."""
        return self.retry_job(self._visible.job(job_id))

    def retry_job(self, job: Job) -> Job:
        """Likewise for one that was looked up."""
        if self.caller.limits.budget_per_day is not None:
            policy = self._orchestrator.policy(job)
            transition(job, Retried(), self._orchestrator.clock(), policy)  # raises before it pays
            self._pay([job])
        return self._orchestrator.record(job, Retried()).job

    def fetch_assets(self, job_id: str) -> Job:
        """Have the files of a succeeded job stored again; no change while they are pending.

        Raises ``Conflict`` for a job that has not succeeded or has no files.
        """
        return self._orchestrator.record(self._visible.job(job_id), AssetsWanted()).job

    def resolve(self, job_id: str, data: Any) -> Job:
        """Resolve a job in doubt. Raises ``Conflict`` when it is not."""
        asked = parse_resolve(data)
        job = self._visible.job(job_id)
        return self._orchestrator.record(job, Resolved(asked.outcome, asked.task_id)).job

    def dry(self) -> "Enqueuer":
        """An enqueuer for dry runs: it stores no images."""
        return self._over(Unwritten(self._storage), self._visible)

    def _over(self, storage: Storage, visible: Visible) -> "Enqueuer":
        made = copy(self)
        made._storage, made._visible = storage, visible  # noqa: SLF001  # of a copy of itself
        return made

    def afford(self, jobs: Sequence[Job]) -> None:
        """Take the price of those that are new from what the caller may submit today.

        Raises ``TooMuch``.
        """
        if self.caller.limits.budget_per_day is None:
            return
        stored = {job.id for job in self._orchestrator.store.jobs.get_many([j.id for j in jobs])}
        self._pay([job for job in jobs if job.id not in stored])

    def _pay(self, jobs: Sequence[Job]) -> None:
        if self.caller.limits.budget_per_day is None:
            return
        price = sum(self.quote_of([job]).most for job in jobs)
        afford(self._orchestrator.store, self.caller, price, self._orchestrator.clock())

    def check_destination(self, target: Notify | None) -> None:
        """Raise ``InvalidRequest`` for a target that may not be notified."""
        check_own_target(self.caller, target)
        check_destination(target, self._receivers, self._celery)

    def quote_of(self, jobs: Sequence[Job]) -> Quote:
        """What the jobs grow into and cost; they all name the same account, or none."""
        return dry_run.quote(
            jobs, may_run(self._orchestrator, jobs[0].account or None, jobs[0].options.mode)
        )

    def _quote(self, jobs: Sequence[Job]) -> Quote:
        for job in jobs:
            if known := self._orchestrator.store.jobs.get(job.id):
                _check_repeat(job, known)
        return self.quote_of(jobs)

    def _answer_modal(self, asked: JobRequest, *, allow_paths: bool) -> Job:
        job, modal = self.modal_answer(asked, allow_paths=allow_paths)
        if job.status is not Status.AWAITING_MODAL and job.modal == modal:
            return job  # the same answer again
        return self._orchestrator.record(job, ModalAnswered(modal)).job

    def modal_answer(self, asked: JobRequest, *, allow_paths: bool) -> tuple[Job, Modal]:
        """The job whose window the request answers, and the answer."""
        asked = with_tenant(self._visible, asked)
        job = self._named_job(asked.spec.request["job_id"])
        _check_account(asked, job)
        account = account_of(self._orchestrator, job.account)
        request, _ = ingest_request(
            Kind.MODAL, asked.spec.request, (), **self._options(account, paths=allow_paths)
        )
        return job, Modal(prompt=request.get("prompt"), mask=request.get("mask"))

    def _create(self, job: Job) -> tuple[Job, bool]:
        if self._orchestrator.create(job):
            return job, True
        known = self._orchestrator.job(job.id)
        _check_repeat(job, known)
        return known, False

    def _job(
        self, asked: JobRequest, accounts: Sequence[Account], parent: Job | None, job_id: str
    ) -> Job:
        spec = replace(
            asked.spec,
            fingerprint=asked.fingerprint,
            anywhere=len(accounts) > 1,
            created_at=self._orchestrator.clock(),
            pipeline_id=job_id,
            traceparent=self.caller.traceparent,
        )
        if parent:
            spec = replace(
                spec,
                options=spec.options.following(parent.options),
                pipeline_id=parent.spec.pipeline_id,
                parent_id=parent.id,
                batch_id=parent.spec.batch_id,
                traceparent=spec.traceparent or parent.spec.traceparent,
            )
        job = Job(job_id, spec, account=accounts[0].name if len(accounts) == 1 else "")
        return _with_button(job, parent) if job.kind is Kind.ACTION else job

    def _parent(self, asked: JobRequest) -> Job | None:
        job_id = asked.spec.request.get("job_id")
        if job_id is None:
            return None
        parent = self._finished(job_id, field="job_id")
        _check_account(asked, parent)
        return parent

    def _finished(self, job_id: str, field: str | None = None) -> Job:
        parent = self._named_job(job_id) if field else self._visible.job(job_id)
        if parent.status is not Status.SUCCEEDED:
            raise Conflict(f"Only a succeeded job can be followed up; this one is {parent.status}.")
        return parent

    def _named_job(self, job_id: str) -> Job:
        job = self._visible.find(job_id)
        if job is None:
            raise InvalidRequest.of("job_id", f"there is no job {job_id!r}")
        return job

    def _id_of(self, key: str | None) -> str:
        return job_id_of(*self.caller.key("key", key)) if key else uuid4().hex

    def _options(self, *accounts: Account, paths: bool) -> Options:
        """The strictest limits of the accounts: any of them may have to send the images."""
        return Options(
            storage=self._storage,
            max_bytes=min(account.max_picture_bytes for account in accounts),
            allow_paths=paths,
            allowed_hosts=frozenset.intersection(*(a.allowed_hosts for a in accounts)),
            decoder=self._decoder,
        )


def _answers_modal(asked: JobRequest) -> bool:
    return asked.spec.kind is Kind.MODAL and "job_id" in asked.spec.request


def _check_repeat(job: Job, known: Job) -> None:
    if known.spec.fingerprint != job.spec.fingerprint:
        raise Conflict("This idempotency key was used for another request.")


def _check_account(asked: JobRequest, named: Job) -> None:
    if asked.account not in (None, named.account):
        message = f"is {named.account!r} for job {named.id}: leave it out or give that"
        raise InvalidRequest.of("account", message)


def _with_button(job: Job, parent: Job | None) -> Job:
    """Resolve an action's button by name, if the parent's buttons are known."""
    wanted = job.request.get("button")
    if parent is None or wanted is None or not parent.result.buttons:
        return job
    if buttons.is_glob(wanted):
        raise InvalidRequest.of("button", "names one button here; `then` and `press` take a glob")
    found = buttons.find(parent.result.buttons, wanted)
    if not found:
        error = followups.button_not_found(wanted, parent.result.buttons)
        raise ButtonNotFound.of("button", f"{error.message} {error.hint}")
    custom_id = found[0].custom_id
    return changed(
        job.with_request({**job.request, "custom_id": custom_id}),
        modal_prompt=followups.default_prompt(parent, custom_id),
    )
