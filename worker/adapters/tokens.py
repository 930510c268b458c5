"""State tokens, which authenticate callbacks.

A token is signed and names a job and an attempt, so a late callback of an earlier attempt is
recognised. It is sent twice: as ``state`` in the body and at the end of the hook's URL. Others name
an account, for providers with a single hook, or are proofs of our own (``worker.domain.presence``).

It has about 80 characters of ``[A-Za-z0-9._-]``: some providers rewrite percent-escapes and braces
in URLs, and one refuses a ``state`` above 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from worker.domain.errors import HooklineError
from worker.domain.presence import Proof


class BadToken(HooklineError):
    """The token is invalid."""


@dataclass(frozen=True, slots=True)
class JobToken:
    """One attempt of one job."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class AccountToken:
    """An account: for providers with a single hook for all tasks."""

    account: str


class Tokens:
    """Signs and verifies tokens. ``secrets``: newest first; all verify, the newest signs."""

    def __init__(self, secrets: Sequence[str]) -> None:
        # Derived once, and not with each token: that is half of what one costs.
        keys = [
            Signer(each, salt="hookline.state", digest_method=sha256).derive_key()
            for each in secrets
        ]
        oldest_first = keys[::-1]
        self._signer = Signer(oldest_first, sep=".", key_derivation="none", digest_method=sha256)
        # A job's token comes twice in each of its many callbacks.
        self._verified = lru_cache(maxsize=4096)(self._verify)

    def for_job(self, job_id: str, attempt: int) -> str:
        """The token of one attempt; always the same."""
        return self._sign(f"j.{job_id}.{attempt}")

    def for_account(self, account: str) -> str:
        """The token of the account's hook."""
        return self._sign(f"a.{account}")

    def for_proof(self, proof: Proof) -> str:
        """The token of a proof, which is used once."""
        after = "" if proof.after is None else round(proof.after * 1000)
        return self._sign(f"p.{proof.way}.{proof.sender}.{round(proof.sent_at * 1000)}.{after}")

    def read(self, token: str) -> JobToken | AccountToken | Proof:
        """Verify a token. Raises ``BadToken``."""
        return self._verified(token)

    def job(self, text: str | None) -> JobToken | None:
        """Read a ``state``; None if it is not a valid job token."""
        try:
            named = self.read(text or "")
        except BadToken:
            return None
        return named if isinstance(named, JobToken) else None

    def _verify(self, token: str) -> JobToken | AccountToken | Proof:
        try:
            text = self._signer.unsign(token.encode("ascii")).decode("ascii")
            signature = token.rpartition(".")[2]
            if base64_encode(base64_decode(signature)).decode("ascii") != signature:
                raise BadToken  # another spelling of the same bytes: only one form is valid
            match text.split("."):
                case ["j", job_id, attempt]:
                    return JobToken(job_id, int(attempt))
                case ["a", first, *more]:  # a name may have dots
                    return AccountToken(".".join((first, *more)))
                case ["p", way, sender, sent_at, after]:
                    before = int(after) / 1000 if after else None
                    return Proof(way, sender, int(sent_at) / 1000, before)
        except (BadSignature, ValueError):
            pass
        raise BadToken

    def _sign(self, text: str) -> str:
        return self._signer.sign(text.encode("ascii")).decode("ascii")
