"""PURE. Who asks, and what they may see and do.

A token has scopes, and perhaps a tenant. What belongs to another tenant does not exist for its
holder: every lookup of something that a caller names goes through ``worker.services.visible``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from worker.domain.job import Job
from worker.domain.money import Amount


class Scope(StrEnum):
    """What a token may be used for; ``webhooks.api.scopes`` says which calls each one opens."""

    READ = "read"  #: see jobs, batches, deliveries and sums
    SUBMIT = "submit"  #: start jobs, and cancel, retry and fetch them
    OPERATE = "operate"  #: pause and resume, resolve doubts, replay deliveries
    ADMIN = "admin"  #: tokens and the audit trail; includes all other scopes


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one token may be used; None: without limit."""

    requests_per_minute: int | None = None
    #: What the jobs submitted on one day (UTC) may cost by the price lists, ``then`` included.
    budget_per_day: Amount | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is behind a request."""

    name: str  #: the actor in the audit trail
    scopes: frozenset[Scope] = frozenset({Scope.ADMIN})
    tenant: str | None = None  #: sees and pays only as this one; None: the operator, for all
    limits: Limits = Limits()
    traceparent: str | None = None  #: the trace of its own that this request is part of

    def may(self, scope: Scope) -> bool:
        """Whether its scopes include this one."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, tenant: str) -> bool:
        """Whether it sees what belongs to ``tenant``; an empty one is the operator's own."""
        return self.tenant is None or self.tenant == tenant

    def seen(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Those of the jobs that it sees."""
        return tuple(job for job in jobs if self.sees(job.options.tenant))

    def key(self, kind: str, key: str) -> tuple[str, ...]:
        """The parts of the id that a key stands for; each tenant has keys of its own."""
        return (kind, key) if self.tenant is None else (f"{kind} of a tenant", self.tenant, key)


#: Names of callers that are no tokens, so no token may have them.
SETTINGS, COMMAND_LINE, PYTHON, CELERY = "HOOKLINE_API_TOKEN", "cli", "python", "celery"
RESERVED = frozenset({SETTINGS, COMMAND_LINE, PYTHON, CELERY})

#: Whoever has the machine's settings: the command line, Python, and our own processes.
OPERATOR = Caller(PYTHON)


def acting_for(tenant: str) -> Caller:
    """One that sees what the tenant sees; for the operator's own things, everything."""
    return Caller("", frozenset(), tenant or None)
