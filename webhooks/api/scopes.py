"""The table of what each call needs, under ``/v1`` and of ``/metrics``: the guard, the OpenAPI
document and docs/tokens.md follow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.domain.access import Caller, Scope
from worker.domain.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Need:
    """What a token needs for a call."""

    scope: Scope
    shared: bool = False  #: it is about what tenants share, so the token must have no tenant

    def check(self, caller: Caller) -> None:
        """Raise ``Forbidden`` unless the caller has it; before anything is looked up."""
        if not caller.may(self.scope):
            has = ", ".join(scope for scope in Scope if scope in caller.scopes) or "none"
            raise Forbidden(
                f"This call needs the scope {self.scope}; token {caller.name} has {has}. "
                "Ask the operator for a token that has it."
            )
        if self.shared and caller.tenant is not None:
            raise Forbidden(
                f"This call is about what all tenants share, and token {caller.name} is one "
                "tenant's. Ask the operator to make it."
            )


_READ, _SUBMIT, _OPERATE = Need(Scope.READ), Need(Scope.SUBMIT), Need(Scope.OPERATE)
_SHARED = Need(Scope.OPERATE, shared=True)
_ADMIN = Need(Scope.ADMIN, shared=True)

#: By the name of the call's view.
NEEDS: Mapping[str, Need] = {
    "openapi": _READ,
    # Jobs
    "list_jobs": _READ,
    "show": _READ,
    "show_history": _READ,
    "pipeline": _READ,
    "read_file": _READ,
    "create": _SUBMIT,
    "press": _SUBMIT,
    "cancel": _SUBMIT,
    "retry": _SUBMIT,
    "fetch_assets": _SUBMIT,
    # A tenant cannot know what the provider accepted, and could declare away what it owes.
    "resolve": _SHARED,
    # Batches
    "list_batches": _READ,
    "show_batch": _READ,
    "manifest": _READ,
    "create_batch": _SUBMIT,
    "cancel_batch": _SUBMIT,
    "retry_batch": _SUBMIT,
    "pause_batch": _OPERATE,
    "resume_batch": _OPERATE,
    # Deliveries
    "list_deliveries": _READ,
    "show_delivery": _READ,
    "replay_delivery": _OPERATE,
    # Accounts: a tenant gets the sums of its own money only
    "accounts": _READ,
    "pause_account": _SHARED,
    "resume_account": _SHARED,
    "pause_kind": _SHARED,
    "resume_kind": _SHARED,
    # The Celery door is the operator's
    "list_refused": Need(Scope.READ, shared=True),
    # Of all tenants together
    "show_metrics": Need(Scope.READ, shared=True),
    # Tokens and the audit trail
    "list_tokens": _ADMIN,
    "create_token": _ADMIN,
    "rotate_token": _ADMIN,
    "revoke_token": _ADMIN,
    "list_audit": _ADMIN,
}
