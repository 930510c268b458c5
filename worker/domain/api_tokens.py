"""PURE. API tokens: what is kept of them, and how they are rotated.

A secret is 32 random bytes, so one round of SHA-256 protects it at rest: there is nothing to guess.
"""

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest

from worker.domain.access import Caller, Limits, Scope
from worker.domain.errors import Conflict

#: What every secret starts with, so that scanners recognise one that leaked.
PREFIX = "hookline_"
#: Secrets of one token that may be valid at once.
MOST_SECRETS = 5

_SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


def is_secret(text: str) -> bool:
    """Whether the text has the form of a secret; anything else need not be looked up."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """What is stored of a secret."""
    return sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Secret:
    """One of a token's secrets, as its hash. Times are seconds since the epoch."""

    digest: str
    created_at: float
    expires_at: float | None = None  #: None: never

    @property
    def id(self) -> str:
        """Tells secrets apart for people."""
        return self.digest[:8]

    def valid(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a token may do, and the hashes of its secrets, the newest first."""

    name: str
    scopes: tuple[Scope, ...]
    created_at: float
    secrets: tuple[Secret, ...]
    tenant: str | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def caller(self) -> Caller:
        """Whoever uses it."""
        return Caller(self.name, frozenset(self.scopes), self.tenant, self.limits)

    def accepts(self, digest: str, now: float) -> bool:
        """Whether one of its secrets has this hash and has not expired."""
        return any(
            compare_digest(secret.digest, digest) and secret.valid(now) for secret in self.secrets
        )


def rotated(token: ApiToken, new: Secret, grace_s: float, now: float) -> ApiToken:
    """The token with another secret; the present ones expire after ``grace_s`` at the latest.

    Raises ``Conflict`` if too many of them are still valid.
    """
    end = now + grace_s
    kept = (
        replace(each, expires_at=end if each.expires_at is None else min(each.expires_at, end))
        for each in token.secrets
    )
    valid = tuple(each for each in kept if each.valid(now))
    if len(valid) >= MOST_SECRETS:
        raise Conflict(
            f"Token {token.name} has {len(valid)} secrets that are still valid; wait for the first "
            "to expire, or rotate it with a grace of 0."
        )
    return replace(token, secrets=(new, *valid))
