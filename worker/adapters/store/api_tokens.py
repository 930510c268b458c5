"""API tokens: their records by name, and who has the secret with a hash."""

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.api_tokens import ApiToken


class ApiTokenStore(Part):
    """No secrets, only their hashes.

    Every method raises ``StoreUnavailable`` when Redis does not answer.
    """

    def get(self, name: str) -> ApiToken | None:
        """The token of this name, or None."""
        doc = self._ask(self._redis.hget, f"{self._prefix}api_tokens", name)
        return codec.api_tokens.load(doc) if doc else None

    def find(self, digest: str) -> ApiToken | None:
        """The token that has, or had until it expired, a secret with this hash; in one read."""
        doc = self._run("find_token", digest)
        return codec.api_tokens.load(doc) if doc else None

    def all(self) -> list[ApiToken]:
        """All tokens, by name."""
        docs = self._ask(self._redis.hgetall, f"{self._prefix}api_tokens")
        return sorted(map(codec.api_tokens.load, docs.values()), key=lambda token: token.name)

    def save(self, name: str, token: ApiToken | None, known: ApiToken | None) -> bool:
        """Replace ``known`` by ``token``, None: no token of this name; False if the stored one is
        not ``known`` any more.
        """
        before, after = _digests(known), _digests(token)
        hashes = {"gone": sorted(before - after), "new": sorted(after - before)}
        docs = (codec.api_tokens.dump(each) if each else b"" for each in (token, known))
        return bool(self._run("save_token", name, *docs, codec.dump_json(hashes)))

    def spend(self, what: str, amount: int, limit: int, seconds: int) -> bool:
        """Add ``amount`` to the count ``what``, which expires after ``seconds``; False, and no
        change, if it would exceed ``limit``.
        """
        return bool(self._run("spend", f"token_{what}", amount, limit, seconds))

    def spent(self, what: str) -> int:
        """The count ``what`` as it is now."""
        return int(self._ask(self._redis.get, f"{self._prefix}token_{what}") or 0)


def _digests(token: ApiToken | None) -> set[str]:
    return {secret.digest for secret in token.secrets} if token else set()
