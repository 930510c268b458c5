"""SHELL. Listings of jobs, deliveries, callbacks, refused requests and the audit trail."""

from worker.adapters.store import (
    CallbackPage,
    ChangePage,
    Filter,
    NotificationPage,
    Page,
    RefusalPage,
)
from worker.adapters.store.store import Store
from worker.domain.audit import Wanted
from worker.domain.requests.queries import (
    AuditQuery,
    DeliveriesQuery,
    InboxQuery,
    JobsQuery,
    RefusedQuery,
)
from worker.services.visible import Visible


def list_jobs(visible: Visible, query: JobsQuery) -> Page:
    """A page of jobs, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return visible.jobs(wanted_by(query), query.limit, query.cursor)


def wanted_by(query: JobsQuery) -> Filter:
    """Which jobs the query wants."""
    return Filter(
        status=query.status,
        kind=query.kind,
        account=query.account,
        batch_id=query.batch,
        tenant=query.tenant,
        metadata=(_pair(query.metadata),) if query.metadata else (),
        text=query.prompt,
        roots=query.roots,
        double_payments=query.double_payments,
    )


def _pair(metadata: str) -> tuple[str, str]:
    name, _, value = metadata.partition("=")
    return name, value


def list_deliveries(visible: Visible, query: DeliveriesQuery) -> NotificationPage:
    """A page of notifications, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return visible.deliveries(query.state, query.limit, query.cursor)


def list_refused(store: Store, query: RefusedQuery) -> RefusalPage:
    """A page of refused requests, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return store.refusals.page(query.limit, query.cursor)


def list_inbox(store: Store, query: InboxQuery) -> CallbackPage:
    """A page of the inbox, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return store.inbox.page(query.verdict, query.limit, query.cursor)


def list_changes(store: Store, query: AuditQuery) -> ChangePage:
    """A page of the audit trail, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    wanted = Wanted(query.actor, query.job, query.account)
    return store.audit.page(wanted, query.limit, query.cursor)
