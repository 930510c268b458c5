"""PURE. Whether callbacks reach us, as far as proofs show it.

A proof is a signed callback of our own. Every web process sends one every few seconds, through the
public URL, over a new connection, as a provider does. It counts once a web process has received and
stored it, and it continues its sender's row only if the sender's last one came back as well. So a
proof that was refused, lost, late or turned away breaks the row, and counting starts again.

What unbroken rows show: no break of the whole way was longer than ``GAP_S`` (and ``ANSWER_S`` more
if connections hung meanwhile), and hardly one longer than ``EVERY_S``. Of a process that fails
behind a balancer: that it does not take its share of callbacks, as it would take its share of the
proofs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

#: Seconds between two proofs of one process.
EVERY_S = 2.0
#: Seconds from sending a proof to its answer; every provider known waits longer (5 s or more).
ANSWER_S = 3.0
#: Longest time between two proofs of a row: a slow one, the pause, and a busy machine.
GAP_S = 5.0
#: A sender that was silent for so many seconds is gone: two slow failures take less.
GONE_S = 2 * GAP_S
#: Seconds by which the clocks of two of our processes may differ.
_SKEW_S = 1.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof's token says. Times are in seconds since the epoch, in whole milliseconds."""

    way: str  #: the public URL, see ``way_of``
    sender: str
    sent_at: float
    after: float | None  #: when the one before was sent, which came back; None: a new row begins

    def too_late(self, now: float) -> bool:
        """Whether it proves nothing: a provider might have hung up on us by now."""
        return not -_SKEW_S <= now - self.sent_at <= ANSWER_S


@dataclass(frozen=True, slots=True)
class Presence:
    """Nothing is known to have been lost from ``since`` to ``until``."""

    since: float
    latest: Mapping[str, float]  #: by sender: when it sent its last proof, or knew that one failed
    trouble: str | None = None  #: why a proof failed last

    @property
    def until(self) -> float:
        """Up to here the row of each sender goes; of later times nothing is known yet."""
        return min(self.latest.values())

    def covers(self, start: float, end: float) -> bool:
        """Whether proofs came back all the while."""
        return self.since <= start and end <= self.until

    def lasts(self, now: float) -> bool:
        """Whether proofs come back now."""
        return self.since < self.until and now - self.until <= GAP_S


def arrived(presence: Presence | None, proof: Proof, now: float) -> Presence | None:
    """What is known after ``proof`` arrived at ``now``; None: it is late or was used before.

    Another sender that says nothing any more is a break: it may have died with a callback in hand.
    """
    known = presence.latest if presence else {}
    if proof.too_late(now) or proof.sent_at <= known.get(proof.sender, 0.0):
        return None
    there = _there(known, now)
    joins = proof.after is not None and there.get(proof.sender) == proof.after
    whole = joins and proof.sent_at - (proof.after or 0.0) <= GAP_S and len(there) == len(known)
    begun = presence.since if presence else 0.0
    return Presence(
        begun if whole else max(begun, proof.sent_at),
        {**there, proof.sender: proof.sent_at},
        presence.trouble if presence else None,
    )


def failed(presence: Presence | None, sender: str, trouble: str, now: float) -> Presence:
    """What is known after a proof of ``sender`` failed, for a reason in words."""
    there = _there(presence.latest, now) if presence else {}
    return Presence(now, {**there, sender: now}, trouble)


def not_proven(presence: Presence | None) -> str:
    """Why proofs do not come back now, in words."""
    if presence is None:
        return "no web process with this HOOKLINE_PUBLIC_URL runs"
    return presence.trouble or "counting has just begun"


def _there(latest: Mapping[str, float], now: float) -> dict[str, float]:
    return {sender: at for sender, at in latest.items() if now - at <= GONE_S}


def way_of(public_url: str | None) -> str:
    """A name for the way through this URL: proofs on one way say nothing of another."""
    return sha256(public_url.encode()).hexdigest()[:12] if public_url else ""
