"""Single protections of the product taken away, to prove that a scenario notices.

A worker or web process is changed from outside before it runs; the product has no such switches.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from time import time
from typing import Any

from tests.chaos.points import wrap
from worker.adapters.decoding.decoder import Decoder
from worker.adapters.decoding.values import Media
from worker.adapters.provider import client
from worker.adapters.provider.client import ProviderClient
from worker.adapters.store import Openings
from worker.adapters.store.jobs import Change, JobStore
from worker.domain import lifecycle
from worker.domain.account import callback_stats, task_list
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.account.parent_lag import ParentLag
from worker.domain.account.task_list import Doubt, History, Listing
from worker.domain.errors import StaleVersion
from worker.domain.events import Observed, Policy, Posting, Replied
from worker.domain.job import AttemptOutcome, Job, Status
from worker.domain.lifecycle import asking
from worker.domain.lifecycle.moves import attempt_ended
from worker.domain.presence import Proof
from worker.domain.result import JobError
from worker.services.assets import Assets
from worker.services.dispatch import Dispatch
from worker.services.ledgers import Ledgers
from worker.services.prepare import Preparer
from worker.services.presence import ProofSender
from worker.services.sweep import Sweep


def install(names: Iterable[str]) -> None:
    """Take these protections away. Raises ``KeyError`` for a name that is none."""
    for name in names:
        MUTATIONS[name]()


def _without_lease() -> None:
    """The next sweep queues a job again whose POST may have left, as if its worker were gone."""

    def queued_again(job: Job, error: JobError | None, now: float, policy: Policy) -> Job:
        return replace(
            attempt_ended(job, AttemptOutcome.NOT_SENT), status=Status.QUEUED, due_at=None
        )

    def commit_due_now(real: Callable[..., Any]) -> Callable[..., Any]:
        def commit_all(self: JobStore, changes: Sequence[Change], now: float) -> Any:
            # What the worker itself goes by, its right to send, is left to it.
            due = [
                replace(each, job=replace(each.job, due_at=time())) if _sends(each.job) else each
                for each in changes
            ]
            return real(self, due, now)

        return commit_all

    wrap(asking, "doubted", lambda real: queued_again)
    wrap(JobStore, "commit_all", commit_due_now)


def _without_intent() -> None:
    """That the POST may leave is written down only when it has come back."""
    held = threading.local()

    def commit_later(real: Callable[..., Any]) -> Callable[..., Any]:
        def commit_all(self: JobStore, changes: Sequence[Change], now: float) -> Any:
            if not any(_sends(change.job) for change in changes):
                return real(self, changes, now)
            [change] = changes  # a job that is prepared after its start
            current = self.get(change.job.id)
            if current is None or current.version != change.job.version:
                return [StaleVersion()]
            held.commit = lambda: real(self, changes, now)
            return [Openings()]

        return commit_all

    def post_first(real: Callable[..., Any]) -> Callable[..., Any]:
        def submit(*args: Any, **kwargs: Any) -> Any:
            verdict = real(*args, **kwargs)
            held.commit()
            return verdict

        return submit

    wrap(Preparer, "at_once", lambda real: lambda *_: None)
    wrap(JobStore, "commit_all", commit_later)
    wrap(ProviderClient, "submit", post_first)


def _without_atomic_children() -> None:
    """A success is one commit, and each child that follows from it another."""

    def one_by_one(real: Callable[..., Any]) -> Callable[..., Any]:
        def commit_all(self: JobStore, changes: Sequence[Change], now: float) -> Any:
            done = real(self, [replace(each, children=()) for each in changes], now)
            for change in changes:
                for child in change.children:
                    real(self, [Change(child, change.capacity)], now)
            return done

        return commit_all

    wrap(JobStore, "commit_all", one_by_one)


def _without_sweep() -> None:
    """Nobody looks at what is due."""
    wrap(Sweep, "run", lambda real: lambda self: 0)


def _without_fencing() -> None:
    """A worker sends however late it is, and nobody asks which attempt somebody speaks of."""

    def send_ever(real: Callable[..., Any]) -> Callable[..., Any]:
        def submit(*args: Any, **kwargs: Any) -> Any:
            return real(*args, **{**kwargs, "send_until": inf})

        return submit

    def of_present(real: Callable[..., Any]) -> Callable[..., Any]:
        def decide(job: Job, event: Any, now: float, policy: Policy) -> Any:
            return real(job, replace(event, attempt=job.attempt), now, policy)

        return decide

    wrap(ProviderClient, "submit", send_ever)
    for event in (Posting, Replied, Observed):
        decide = lifecycle._DECIDERS[event]  # noqa: SLF001 - broken on purpose, where it decides
        lifecycle._DECIDERS[event] = of_present(decide)  # noqa: SLF001


def _without_new_links() -> None:
    """A link that is dead stays the one that is tried."""
    wrap(Assets, "_with_fresh_links", lambda real: lambda self, job, error: job)


def _without_looking() -> None:
    """Whatever a download gave counts as a picture, and gets its name."""
    seen = Media("image/png", "png")
    wrap(Decoder, "examined", lambda real: lambda self, file, tiles: nullcontext((seen, ())))


def _without_ledger() -> None:
    """Nobody looks into the gateway's own books for jobs in doubt."""
    wrap(Ledgers, "tasks", lambda real: lambda self, account, since: None)


def _without_free_places() -> None:
    """A job in doubt or overdue keeps its place as long as it is watched."""

    def always(real: Any) -> Any:
        return property(lambda job: real.fget(replace(job, place_freed=False)))

    wrap(Job, "holds_slot", always)


def _without_whole_lists() -> None:
    """What a task list does not show was not accepted, whatever else the list shows."""

    def absent(listing: Listing, history: History, doubt: Doubt) -> bool:
        return listing.read_at >= doubt.posted_at + task_list.AFTER_POST_S

    wrap(task_list, "proves_absence", lambda real: absent)


def _without_unknown_paths() -> None:
    """No page is ever compared with that of a path that nobody has."""
    wrap(client, "lacks_call", lambda real: lambda *args: False)


def _without_stores_first() -> None:
    """Every provider is taken for one that learns of a task late."""
    setattr(callback_stats, "_STORES_FIRST", frozenset[str]())  # noqa: B010 - private on purpose


def _without_pace() -> None:
    """Nothing is learnt from presses."""
    wrap(ParentLag, "after_press", lambda real: lambda self, age_s, refused_age_s: self)


def _without_trial_place() -> None:
    """What tries a resting account needs one of the places that other jobs hold."""
    wrap(CircuitBreaker, "trial", lambda real: lambda self, now: None)


def _without_refused_questions() -> None:
    """Nobody learns that an account refuses to be asked about its tasks."""

    def unheard(real: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any, refused: str | None = None, **kwargs: Any) -> Any:
            return None if refused is not None else real(*args, **kwargs)

        return asked

    wrap(Dispatch, "asked", unheard)


def _without_proofs() -> None:
    """A web process that runs counts as one that callbacks reach."""

    def records(self: ProofSender, proof: Proof) -> None:
        self._proofs.receive("", proof, {"state": ""})

    wrap(ProofSender, "_post", lambda real: records)


def _sends(job: Job) -> bool:
    return job.status is Status.SUBMITTING and job.posting


MUTATIONS: dict[str, Callable[[], None]] = {
    "lease": _without_lease,
    "intent": _without_intent,
    "atomic-children": _without_atomic_children,
    "sweep": _without_sweep,
    "fencing": _without_fencing,
    "new-links": _without_new_links,
    "looking": _without_looking,
    "ledger": _without_ledger,
    "free-places": _without_free_places,
    "whole-lists": _without_whole_lists,
    "unknown-paths": _without_unknown_paths,
    "stores-first": _without_stores_first,
    "pace": _without_pace,
    "trial-place": _without_trial_place,
    "refused-questions": _without_refused_questions,
    "proofs": _without_proofs,
}
