"""SHELL. Prepares a job's POST: its images, what it acts on, its payload.

Everything is refused here that would be paid for in vain.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.logger import get_logger
from config.proxies import DIRECT, Proxies
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.provider import payloads
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.dialect import ignored
from worker.adapters.storage import inputs
from worker.adapters.storage.pictures import Picture, check_mask, to_data_url
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain import buttons, followups
from worker.domain.account import Account
from worker.domain.account.calls import call_of
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import (
    HooklineError,
    PictureError,
    ProviderRefused,
    ProviderUnavailable,
)
from worker.domain.events import Posting
from worker.domain.job import Job, Window, changed
from worker.domain.job_spec import JSON, Kind
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.requests.fields import picture_fields
from worker.domain.result import JobError
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)


class Refused(Exception):
    """The POST cannot be made; ``verdict`` says why."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Prepared:
    """A POST that is ready to be sent."""

    kind: Kind  #: of the call, which may differ from the job's
    submission: payloads.Submission
    posting: Posting  #: the intent, to be recorded first


@dataclass(frozen=True, slots=True)
class _Target:
    """What an action, change, modal or extension acts on."""

    task_id: str | None = None
    custom_id: str | None = None
    change: buttons.Change | None = None
    modal_prompt: str | None = None


class Preparer:
    """``hook_url``: the callback URL up to the token; None without a public URL."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        tokens: Tokens,
        storage: Storage,
        hook_url: str | None,
        *,
        proxies: Proxies = DIRECT,
        decoder: Decoder = DECODER,
    ) -> None:
        self._orchestrator = orchestrator
        self._decoder = decoder
        self._proxies = proxies
        self._tokens = tokens
        self._storage = storage
        self._hook_url = hook_url

    def prepare(self, job: Job, parent: Job | None, client: ProviderClient) -> Prepared:
        """The job's next POST. ``parent``: the job whose task it acts on, if we have its record.

        Raises ``Refused``, and ``HooklineError`` if an image, the storage or the provider fails;
        ``verdict_of`` says what either means for the job.
        """
        # First, so that everything else uses the copies that the record names.
        fetched = self._fetched(job)
        job = changed(job, fetched={**job.fetched, **fetched})
        target = self._target(job, parent, client)
        kind, submission = self._built(job, target)
        posting = Posting(job.attempt, target.custom_id, target.modal_prompt, fetched)
        return Prepared(kind, submission, posting)

    def at_once(self, job: Job, parent: Job | None, client: ProviderClient) -> Prepared | None:
        """The job's next POST; None if anything has to be fetched for it, or it is refused."""
        needs_pictures = any(_picture_refs(job.kind, job.request)) or job.modal is not None
        given = job.kind is not Kind.ACTION or "custom_id" in job.request
        if needs_pictures or not (given or (parent and parent.result.buttons)):
            return None
        try:
            return self.prepare(job, parent, client)
        except Refused:
            return None

    def _fetched(self, job: Job) -> dict[str, str]:
        """Store the images that are given as URLs; our references by URL."""
        account = self._orchestrator.accounts[job.account]
        refs = [ref for ref, _ in _picture_refs(job.kind, job.request)]
        if job.modal and job.modal.mask:
            refs.append(job.modal.mask)
        return {
            ref: kept
            for ref in dict.fromkeys(refs)
            if ref not in job.fetched and (kept := self._kept(ref, account)) != ref
        }

    def _kept(self, ref: str, account: Account) -> str:
        return inputs.keep(
            ref,
            storage=self._storage,
            account=account,
            decoder=self._decoder,
            proxies=self._proxies,
        )

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
                raise Refused(Verdict(Outcome.NOT_YET, error=_PARENT_UNKNOWN))
            if not snapshot.status.terminal:
                raise Refused(Verdict(Outcome.NOT_YET, error=_PARENT_NOT_READY))
            known = snapshot.result.buttons or ()
        if found := buttons.find(known, wanted):
            custom_id = found[0].custom_id
            prompt = followups.default_prompt(parent, custom_id) if parent else None
            return _Target(task_id, custom_id, modal_prompt=prompt)
        change = buttons.change_for(wanted)
        if change and not known:  # some providers hide buttons that `change` can press
            return _Target(task_id, change=change)
        error = followups.button_not_found(wanted, known)
        raise Refused(Verdict(Outcome.PERMANENT, error=error))

    def _check_mask(self, job: Job, parent: Job, mask_ref: str) -> None:
        """A mask of the wrong size would be paid for and then fail."""
        if parent.result.image_url is None:
            return
        mask = self._loaded(job, mask_ref, mask=True)
        try:
            picture = self._loaded(job, parent.result.image_url)
        except PictureError as error:
            log.warning("mask.not_checked", error=str(error))
            return
        try:
            check_mask(mask, picture.size)
        except PictureError as error:
            raise Refused(permanent(ErrorCode.BAD_MASK, f"modal.mask: {error}")) from error

    def _built(self, job: Job, target: _Target) -> tuple[Kind, payloads.Submission]:
        """The kind of call and its payload: images read, and the callback token included."""
        token = self._tokens.for_job(job.id, job.attempt)
        kind, request = _call(job, target)
        dialect = self._orchestrator.dialect(job.account)
        for name, problem in ignored(dialect, kind, request):  # the account may be another's choice
            message = f"{name}: {problem} (account {job.account})"
            raise Refused(permanent(ErrorCode.BAD_PARAMETER, message))
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
            raise Refused(_known_to_lack(submission.path, job.account))
        return kind, submission

    def _loaded(self, job: Job, ref: str, *, mask: bool = False) -> Picture:
        return inputs.load(
            job.fetched.get(ref, ref),
            storage=self._storage,
            account=self._orchestrator.accounts[job.account],
            decoder=self._decoder,
            mask=mask,
            proxies=self._proxies,
        )


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


def verdict_of(error: Exception) -> Verdict:
    """Treat a POST that cannot be prepared as refused, for now or for good."""
    if isinstance(error, Refused):
        return error.verdict
    if isinstance(error, ProviderRefused):
        refusal = job_error(ErrorCode.UNAUTHORIZED, str(error))
        return Verdict(Outcome.TRY_LATER, error=refusal, account_trouble=True)
    if isinstance(error, ProviderUnavailable):
        return Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNAVAILABLE, str(error)))
    retryable = isinstance(error, HooklineError) and error.retryable
    code = ErrorCode.BAD_PICTURE if isinstance(error, PictureError) else ErrorCode.NOT_PREPARED
    if retryable:
        hint = _PICTURE_AWAY if code is ErrorCode.BAD_PICTURE else None
        return Verdict(Outcome.TRY_LATER, error=JobError(code, str(error), hint, retryable=True))
    return permanent(code, str(error))


def permanent(code: ErrorCode, message: str) -> Verdict:
    """A refusal for good, made by us."""
    return Verdict(Outcome.PERMANENT, error=JobError(code, message))


def _known_to_lack(path: str, account: str) -> Verdict:
    message = f"The provider has no POST {path}: it answered it as it answers unknown paths."
    hint = (
        "Nothing was sent. Use an account whose provider has this call; it is tried here again a "
        f"day after it was missed, or at once after `hookline resume --account {account}`."
    )
    return Verdict(Outcome.PERMANENT, error=job_error(ErrorCode.NO_ENDPOINT, message, hint))


_PICTURE_AWAY = (
    "Nothing was sent. Look at the picture's URL, or submit the picture itself; `hookline retry` "
    "tries the URL again."
)
_PARENT_NOT_READY = job_error(
    ErrorCode.PARENT_NOT_READY, "The provider does not show the parent task as finished yet."
)
_PARENT_UNKNOWN = job_error(ErrorCode.NOT_FOUND, "The provider does not know the parent task.")
