"""SHELL. Creates, rotates and revokes API tokens. A secret is returned once; its hash is kept."""

import secrets
from collections.abc import Callable

from worker.adapters.store.store import Store
from worker.domain.api_tokens import PREFIX, ApiToken, Secret, digest_of, rotated
from worker.domain.errors import Conflict, NotFound
from worker.domain.requests.tokens import NewToken, Rotation

_BYTES = 32


class ApiTokens:
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store.api_tokens
        self._clock = clock

    def create(self, asked: NewToken) -> tuple[ApiToken, str]:
        """A new token, and its secret. Raises ``Conflict`` if the name is taken."""
        now = self._clock()
        text, secret = _new_secret(now, asked.expires_s)
        token = ApiToken(asked.name, asked.granted, now, (secret,), asked.tenant, asked.limits)
        if not self._store.save(token.name, token, None):
            raise Conflict(f"There is a token {token.name!r} already: rotate it, or revoke it.")
        return token, text

    def rotate(self, name: str, asked: Rotation) -> tuple[ApiToken, str]:
        """The token with another secret, and that; the old ones are valid for the grace period.

        Raises ``NotFound``, and ``Conflict`` if too many secrets are still valid.
        """
        while True:
            known, now = self.get(name), self._clock()
            text, secret = _new_secret(now, asked.expires_s)
            token = rotated(known, secret, asked.grace_s, now)
            if self._store.save(name, token, known):
                return token, text

    def revoke(self, name: str) -> ApiToken:
        """Remove the token; all of its secrets are refused from now on. Raises ``NotFound``."""
        while True:
            known = self.get(name)
            if self._store.save(name, None, known):
                return known

    def get(self, name: str) -> ApiToken:
        """The token of this name. Raises ``NotFound``."""
        found = self._store.get(name)
        if found is None:
            raise NotFound(f"There is no token {name!r}.")
        return found

    def all(self) -> list[ApiToken]:
        """All tokens, by name."""
        return self._store.all()


def _new_secret(now: float, expires_s: int | None) -> tuple[str, Secret]:
    text = PREFIX + secrets.token_urlsafe(_BYTES)
    return text, Secret(digest_of(text), now, None if expires_s is None else now + expires_s)
