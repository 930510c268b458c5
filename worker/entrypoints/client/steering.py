"""The state of the accounts; pausing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from worker.entrypoints.connection import desk, services

if TYPE_CHECKING:
    from worker.domain.account import Account
    from worker.services.pause import Pausable
    from worker.services.reports.answers import Account as AccountReport
    from worker.services.reports.answers import Accounts


def accounts() -> "list[AccountReport]":
    """The state of each account: its jobs, its money, and how it calls back."""
    return list(overview().items)


def overview() -> "Accounts":
    """All accounts, and what they share."""
    from worker.services.reports.overview import overview  # noqa: PLC0415  # on first use

    return overview(services().orchestrator)


def worker_problems() -> list[str]:
    """What running workers were started with that differs from the settings here; in sentences."""
    return services().roster.problems()


def configured() -> "Mapping[str, Account]":
    """The configured accounts, by name."""
    return services().accounts


def pause(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start no job of an account or kind: ``pause("kind", "video")``. Return all that is paused."""
    return desk().pause(of, name)


def resume(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start its jobs again, also on a closed or resting account; return what is still paused."""
    return desk().resume(of, name)
