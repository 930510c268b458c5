"""SHELL. Listings of jobs, deliveries and refused requests."""

from worker.adapters.store import Filter, NotificationPage, Page, RefusalPage
from worker.adapters.store.store import Store
from worker.domain.requests.queries import DeliveriesQuery, JobsQuery, RefusedQuery


def list_jobs(store: Store, query: JobsQuery) -> Page:
    """A page of jobs, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    wanted = Filter(
        status=query.status,
        kind=query.kind,
        account=query.account,
        batch_id=query.batch,
        double_payments=query.double_payments,
    )
    return store.jobs.page(wanted, query.limit, query.cursor)


def list_deliveries(store: Store, query: DeliveriesQuery) -> NotificationPage:
    """A page of notifications, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return store.outbox.page(query.state, query.limit, query.cursor)


def list_refused(store: Store, query: RefusedQuery) -> RefusalPage:
    """A page of refused requests, newest first. Raises ``InvalidRequest`` for a bad cursor."""
    return store.refusals.page(query.limit, query.cursor)
