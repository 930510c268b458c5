"""SHELL. The accounts that may run a job."""

from collections.abc import Sequence

from worker.adapters.provider.dialect import ignored
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import JobSpec
from worker.services.orchestrator import Orchestrator


def account_of(orchestrator: Orchestrator, name: str) -> Account:
    """The account of this name. Raises ``InvalidRequest``."""
    accounts = orchestrator.accounts
    if name not in accounts:
        known = ", ".join(accounts) or "none"
        raise InvalidRequest.of("account", f"is not one of the accounts: {known}")
    return accounts[name]


def may_run(orchestrator: Orchestrator, name: str | None, mode: str | None) -> Sequence[Account]:
    """The named account, or all that support the mode. Raises ``InvalidRequest``."""
    if name is not None:
        return (account_of(orchestrator, name),)
    known = orchestrator.accounts.values()
    able = tuple(a for a in known if not (mode and a.modes) or mode in a.modes)
    if not able:
        raise InvalidRequest.of("mode", f"is {mode!r}, which no account takes")
    return able


def check_ignored(orchestrator: Orchestrator, spec: JobSpec, accounts: Sequence[Account]) -> None:
    """Raise ``InvalidRequest`` for a field that every one of the accounts would ignore."""
    found = [
        dict(ignored(dialect, spec.kind, spec.request, spec.options.mode))
        for dialect in (orchestrator.dialect(account.name) for account in accounts)
    ]
    first, *others = found
    problems = [FieldError(*item) for item in first.items() if all(item[0] in o for o in others)]
    if problems:
        raise InvalidRequest(problems)
