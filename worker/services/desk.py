"""SHELL. What one caller sees and does, behind HTTP, Python and the command line.

Changes are written to the audit trail here and nowhere else, right before they are made; one that
is refused is taken back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from worker.adapters.store import Batch
from worker.domain.access import Caller
from worker.domain.api_tokens import ApiToken
from worker.domain.audit import AuditAction, Change
from worker.domain.errors import HooklineError, ServiceUnavailable
from worker.domain.inbox import Callback
from worker.domain.job import Job
from worker.domain.notifications import Notification
from worker.domain.requests.requests import parse_resolve
from worker.domain.requests.tokens import NewToken, Rotation
from worker.domain.times import rfc3339
from worker.services import pause
from worker.services.api_tokens import ApiTokens
from worker.services.batches import Batches
from worker.services.enqueue import Enqueuer
from worker.services.inbox import Inbox
from worker.services.notify import Deliveries
from worker.services.orchestrator import Orchestrator
from worker.services.pause import Pausable
from worker.services.visible import Visible


@dataclass(frozen=True, slots=True)
class Desk:
    """The services as ``caller`` may use them. Methods raise as the services' own."""

    caller: Caller
    orchestrator: Orchestrator
    visible: Visible
    enqueuer: Enqueuer
    batches: Batches
    deliveries: Deliveries
    inbox: Inbox
    tokens: ApiTokens

    def cancel(self, job_id: str) -> Job:
        """Cancel the job. Raises ``Conflict`` when it is terminal."""
        return self._of_job(AuditAction.CANCEL, job_id, self.enqueuer.cancel)

    def retry(self, job_id: str) -> Job:
        """Try the job again. Raises ``Conflict`` unless it failed, was cancelled or timed out."""
        return self._of_job(AuditAction.RETRY, job_id, self.enqueuer.retry)

    def fetch_assets(self, job_id: str) -> Job:
        """Have the files of a succeeded job stored again."""
        return self._of_job(AuditAction.FETCH, job_id, self.enqueuer.fetch_assets)

    def resolve(self, job_id: str, data: Any) -> Job:
        """Resolve a job in doubt. Raises ``Conflict`` when it is not."""
        asked = parse_resolve(data)
        said = f"{asked.outcome} {asked.task_id}" if asked.task_id else asked.outcome
        return self._of_job(
            AuditAction.RESOLVE, job_id, lambda each: self.enqueuer.resolve(each, data), detail=said
        )

    def bind(self, callback_id: str, job_id: str) -> Callback:
        """Bind a stray callback to the job. Raises ``Conflict`` if that cannot be."""
        callback = self.inbox.find(callback_id)
        job = self.visible.job(job_id)
        account, subject = job.account or None, callback.id
        with self._audited(AuditAction.BIND, job=job.id, account=account, subject=subject):
            return self.inbox.bind(callback, job.id, self.caller.name)

    def share(self, pipeline_id: str, until: float) -> None:
        """Show the pipeline to anybody who has the link, until then. Raises ``NotFound``."""
        root, *_ = self.visible.pipeline(pipeline_id).jobs
        with self._audited(AuditAction.SHARE, job=root.id, detail=f"until {rfc3339(until)}"):
            pass

    def cancel_batch(self, batch: Batch) -> int:
        """Cancel all of its jobs that are not over; how many."""
        with self._audited(AuditAction.CANCEL, many=True, batch=batch.id):
            return sum(1 for _ in self.batches.cancel(batch))

    def retry_batch(self, batch: Batch) -> int:
        """Retry its jobs that failed or timed out; how many."""
        with self._audited(AuditAction.RETRY, many=True, batch=batch.id):
            return sum(1 for _ in self.batches.retry_failed(batch))

    def pause_batch(self, batch: Batch) -> None:
        """Start none of its jobs; submitted ones go on."""
        with self._audited(AuditAction.PAUSE, batch=batch.id):
            self.batches.pause(batch)

    def resume_batch(self, batch: Batch) -> None:
        """Start its jobs again."""
        with self._audited(AuditAction.RESUME, batch=batch.id):
            self.batches.resume(batch)

    def pause(self, of: Pausable, name: str) -> tuple[str, ...]:
        """Start no job of the account or kind; return all that is paused."""
        with self._audited(AuditAction.PAUSE, **_paused(of, name)):
            return pause.pause(self.orchestrator, of, name)

    def resume(self, of: Pausable, name: str) -> tuple[str, ...]:
        """Start its jobs again; return what is still paused."""
        with self._audited(AuditAction.RESUME, **_paused(of, name)):
            return pause.resume(self.orchestrator, of, name)

    def replay(self, notification_id: str) -> Notification:
        """Send the notification again, even if it was delivered or is dead."""
        with self._audited(AuditAction.REPLAY, subject=self.visible.delivery(notification_id).id):
            return self.deliveries.replay(notification_id)

    def create_token(self, asked: NewToken) -> tuple[ApiToken, str]:
        """A new token, and its secret."""
        what = f"{','.join(asked.granted)}{f' of {asked.tenant}' if asked.tenant else ''}"
        with self._audited(AuditAction.CREATE, subject=asked.name, detail=what):
            return self.tokens.create(asked)

    def rotate_token(self, name: str, asked: Rotation) -> tuple[ApiToken, str]:
        """The token with another secret, and that."""
        with self._audited(AuditAction.ROTATE, subject=self.tokens.get(name).name):
            return self.tokens.rotate(name, asked)

    def revoke_token(self, name: str) -> ApiToken:
        """Remove the token."""
        with self._audited(AuditAction.REVOKE, subject=self.tokens.get(name).name):
            return self.tokens.revoke(name)

    def _of_job(
        self,
        action: AuditAction,
        job_id: str,
        change: Callable[[str], Job],
        detail: str | None = None,
    ) -> Job:
        job = self.visible.job(job_id)
        batch, account = job.spec.batch_id, job.account or None
        with self._audited(action, job=job.id, batch=batch, account=account, detail=detail):
            return change(job.id)

    @contextmanager
    def _audited(self, action: AuditAction, *, many: bool = False, **about: Any) -> Iterator[None]:
        """Write the change to the trail, then make it; whether it was made may remain unknown.

        ``many``: of many jobs, some of which may have changed when an error comes.
        """
        store, now = self.orchestrator.store.audit, self.orchestrator.clock()
        kept = store.append(
            Change(self.caller.name, action, now, tenant=self.caller.tenant, **about)
        )
        try:
            yield
        except HooklineError as error:
            if not many and not isinstance(error, ServiceUnavailable):
                with suppress(ServiceUnavailable):
                    store.remove(kept)
            raise


def _paused(of: Pausable, name: str) -> dict[str, Any]:
    return {"account": name} if of == "account" else {"subject": f"{of} {name}"}
