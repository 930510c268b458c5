"""SHELL. A person stops an account, or a kind of job, from starting jobs, and lets it start again.

What the provider has taken already goes on; what is ready waits.
"""

from collections.abc import Iterable
from typing import Literal

from worker.domain.errors import NotFound
from worker.domain.job import SUBMITTED_KINDS
from worker.services.orchestrator import Orchestrator

#: What can be paused; each is known by its name.
Pausable = Literal["account", "kind"]


def pause(orchestrator: Orchestrator, of: Pausable, name: str) -> tuple[str, ...]:
    """No job of the account or kind starts from now on; all that is paused then.

    Raises ``NotFound``.
    """
    _check(orchestrator, of, name)
    orchestrator.store.queue.pause(f"{of}:{name}")
    return paused(orchestrator)


def resume(orchestrator: Orchestrator, of: Pausable, name: str) -> tuple[str, ...]:
    """Its jobs start again, at once; an account that was closed or rests is open.

    All that is paused still. Raises ``NotFound``.
    """
    _check(orchestrator, of, name)
    orchestrator.store.queue.resume(f"{of}:{name}")
    now, dispatch = orchestrator.clock(), orchestrator.dispatch
    if of == "account":
        dispatch.reopen(name)
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
        raise NotFound(f"There is no {of} {name!r}; known are {', '.join(names)}.")
