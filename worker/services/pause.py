"""SHELL. Pausing an account or a kind of job: ready jobs wait, submitted ones go on."""

from collections.abc import Iterable
from typing import Literal

from worker.domain.errors import NotFound
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.services.orchestrator import Orchestrator

#: What can be paused, by name.
Pausable = Literal["account", "kind"]


def pause(orchestrator: Orchestrator, of: Pausable, name: str) -> tuple[str, ...]:
    """Start no job of the account or kind; return all that is paused. Raises ``NotFound``."""
    _check(orchestrator, of, name)
    orchestrator.store.queue.pause(f"{of}:{name}")
    return paused(orchestrator)


def resume(orchestrator: Orchestrator, of: Pausable, name: str) -> tuple[str, ...]:
    """Start its jobs again, also on a closed or resting account; return what is still paused.

    Raises ``NotFound``.
    """
    _check(orchestrator, of, name)
    orchestrator.store.queue.resume(f"{of}:{name}")
    now, dispatch = orchestrator.clock(), orchestrator.dispatch
    if of == "account":
        dispatch.reopen(name)
        orchestrator.calls.forget(name)
        dispatch.wake_again(name, now)
    else:
        dispatch.wake_all(now)
    return paused(orchestrator)


def paused(orchestrator: Orchestrator) -> tuple[str, ...]:
    """All that is paused, as ``account:main``."""
    return tuple(sorted(orchestrator.store.queue.paused()))


def _check(orchestrator: Orchestrator, of: Pausable, name: str) -> None:
    known: Iterable[str] = orchestrator.accounts if of == "account" else map(str, SUBMITTED_KINDS)
    names = list(known)
    if name not in names:
        raise NotFound(f"There is no {of} {name!r}; choose from {', '.join(names)}.")
