"""How the accounts stand; pausing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from worker.entrypoints.connection import services

if TYPE_CHECKING:
    from worker.domain.account import Account
    from worker.services.pause import Pausable
    from worker.services.reports.answers import Account as AccountReport
    from worker.services.reports.answers import Accounts


def accounts() -> "list[AccountReport]":
    """How each account stands: its jobs, its money, and how it calls back."""
    return list(overview().items)


def overview() -> "Accounts":
    """All accounts, and what they share."""
    from worker.services.reports.overview import overview  # noqa: PLC0415  # as above

    return overview(services().orchestrator)


def configured() -> "Mapping[str, Account]":
    """The accounts as they are set, by name."""
    return services().orchestrator.accounts


def pause(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start no job of the account or kind from now on; all that is paused then.

    ``pause("account", "main")``, ``pause("kind", "video")``. What runs goes on.
    """
    from worker.services import pause  # noqa: PLC0415  # as above

    return pause.pause(services().orchestrator, of, name)


def resume(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start its jobs again, also those of an account that was closed or rests."""
    from worker.services import pause  # noqa: PLC0415  # as above

    return pause.resume(services().orchestrator, of, name)
