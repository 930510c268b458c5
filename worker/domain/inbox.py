"""PURE. The inbox: what providers called back, and what became of it.

Only what came with a valid token of ours is kept, so that strangers cannot fill it. A callback that
changed a job has an entry of its own; of those that say the same as others about one task there is
one entry, with the newest and their number.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from worker.domain.events import Disposition
from worker.domain.redaction import HIDDEN, beginning, without_tokens

#: Of each verdict: how many are kept, how many bytes of them, and for how many seconds.
KEPT, KEPT_BYTES, KEPT_S = 2000, 8 * 1024 * 1024, 7 * 86_400.0

#: Bytes of a body that are kept; the largest seen so far had 4.5 KB.
LONGEST_BODY = 8 * 1024


class CallbackVerdict(StrEnum):
    """What became of a callback."""

    APPLIED = "applied"  #: it changed its job
    UNCHANGED = "unchanged"  #: it said nothing new
    STALE = "stale"  #: it is about an earlier attempt, or older than what is known
    FOREIGN = "foreign"  #: it is about a task of no job, or of another job than its token's
    REFUSED = "refused"  #: it was answered with an error, see ``why``


VERDICTS = {
    Disposition.APPLIED: CallbackVerdict.APPLIED,
    Disposition.DUPLICATE: CallbackVerdict.UNCHANGED,
    Disposition.STALE: CallbackVerdict.STALE,
    Disposition.FOREIGN: CallbackVerdict.FOREIGN,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """That a person bound a callback to a job, and what that changed."""

    job: str
    by: str
    at: float  #: seconds since the epoch
    outcome: Disposition


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that was received. Of several alike it is the newest."""

    id: str
    at: float  #: seconds since the epoch
    verdict: CallbackVerdict
    why: str = ""  #: why it was refused
    account: str = ""  #: if its token names one
    job: str | None = None  #: the one that its tokens name
    attempt: int | None = None
    body: str = ""  #: without tokens, and cut; empty if it was not read
    cut: bool = False
    count: int = 1  #: how many alike came
    bound: Bound | None = None

    @property
    def bindable(self) -> bool:
        """Whether it may be bound to a job: it is stray, and its body is complete."""
        return self.verdict is CallbackVerdict.FOREIGN and bool(self.body) and not self.cut


def kept_body(body: bytes, token: str) -> tuple[str, bool]:
    """The body as it is kept, and whether it was cut; ``token``: the one that it came with."""
    text = body.decode(errors="replace")
    kept = beginning(text, LONGEST_BODY)
    # Nearly always this is the only one, and looking for any takes long.
    return without_tokens(kept.replace(token, HIDDEN)), len(kept) < len(text)


def id_of(*parts: object) -> str:
    """The id that all callbacks alike share."""
    return sha256("|".join(map(str, parts)).encode(errors="replace")).hexdigest()[:32]
