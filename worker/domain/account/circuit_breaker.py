"""PURE. Whether and how much an account is used, learnt from its replies.

An account that fails repeatedly **rests**; one whose key, permission or credit is refused is
**closed**, which is a rest with a reason. After each rest a single job tries it, in a place of its
own. An account that refuses to be asked about its tasks is **blind**: nothing new starts there. One
that is full despite free slots gets a lower **limit** for a while.

"Closed" means that the account takes no jobs, unlike a closed electrical circuit.
"""

from dataclasses import dataclass, replace

from worker.domain.error_codes import ErrorCode
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.result import JobError

#: Failures in a row after which an account rests, and for how long: 30, 60, 120 ... seconds.
FAILURES = 5
REST_S = 30.0
LONGEST_REST_S = 600.0
#: A lowered limit is raised by one slot each time this many seconds have passed.
SLOT_BACK_S = 2.0
#: An account that answered no question for this long rests after a single failure, and is tried as
#: soon as it answers. Less proves nothing: some providers break now and then.
AWAY_S = 2.5
#: What to do about an account that refuses to be asked.
BLIND_HINT = (
    "Check that the key is valid, its quota is not used up, and its list of models is not limited: "
    "a question about a task names no model."
)
#: Weight of one submission in the error rate, which thus covers about the last 20.
_WEIGHT = 1 / 20

#: How the words of a failure begin whose submit could not be sent.
_UNREACHED = f"{ErrorCode.UNREACHABLE}:"
#: The provider has no free slot for us.
_FULL = frozenset({ErrorCode.QUEUE_FULL, ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED})
#: The fault of the job or its timing, not of the account.
_NOT_ITS_FAULT = frozenset(
    {
        ErrorCode.MODERATED,
        ErrorCode.BAD_PARAMETER,
        ErrorCode.UNKNOWN_ACTION,
        ErrorCode.NOT_FOUND,
        ErrorCode.PARENT_NOT_READY,
    }
)
#: What is no failure of the account. A job that was not prepared was not sent.
_NO_FAILURE = _NOT_ITS_FAULT | _FULL | {ErrorCode.NOT_PREPARED}


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """The breaker of one account. Times are seconds since the epoch."""

    closed: str | None = None  #: why it is closed: error code and provider's message
    closed_at: float | None = None
    settings: str = ""  #: hash of the account's settings when it was closed; new ones open it
    failures: int = 0  #: in a row
    rests: int = 0  #: in a row
    rest_until: float | None = None
    limit: int | None = None  #: lowered number of concurrent jobs
    limited_at: float = 0.0
    error_rate: float = 0.0  #: moving average of failed submissions, 0-1
    rested_at: float | None = None  #: when the present rest began
    trouble: str = ""  #: the last failure, as `closed`
    accepted: bool = False  #: whether it ever accepted a submission
    blind: str | None = None  #: why it refuses to be asked: the provider's words
    away: str | None = None  #: why it does not answer questions
    unseen_since: float | None = None  #: since when it is blind or away
    seen_at: float | None = None  #: when it last began to answer again
    failed_at: float | None = None  #: the last failure

    @property
    def tries_at(self) -> float | None:
        """When a single job tries it again; None: it takes jobs.

        As long as no question is answered, a submission would fail, or end in doubt.
        """
        # Records from before closed accounts tried again know no rest.
        until = self.closed_at if self.closed and self.rest_until is None else self.rest_until
        if until is None or self.away is None or self.rested_at is None:
            return until
        return max(until, self.rested_at + LONGEST_REST_S)

    @property
    def rest(self) -> float:
        """Identifies the present rest."""
        return self.rested_at or self.closed_at or 0.0

    @property
    def unseen(self) -> bool:
        """Whether its tasks cannot be asked about."""
        return self.unseen_since is not None

    @property
    def unreached(self) -> bool:
        """Whether it rests as it was not reached, which an answer disproves: perhaps only the
        worker that tried it was cut off.
        """
        return self.rest_until is not None and self.trouble.startswith(_UNREACHED)

    @property
    def in_trouble(self) -> bool:
        """Whether anything failed last."""
        return self.failures > 0 or self.tries_at is not None or self.unseen

    def trial(self, now: float) -> float | None:
        """The rest after which a single job may try the account now; None: not now."""
        due = self.tries_at is not None and now >= self.tries_at
        return self.rest if due and self.blind is None else None

    def slots(self, most: int, now: float) -> int:
        """How many of ``most`` slots may be used; in a trial, whether it may use one."""
        if self.blind is not None:
            return 0
        if self.tries_at is not None:
            return min(most, 1) if now >= self.tries_at else 0
        return self.believed(most, now) or most

    def believed(self, most: int, now: float) -> int | None:
        """The lowered limit, while it is below ``most``."""
        if self.limit is None:
            return None
        regained = int(max(0.0, now - self.limited_at) / SLOT_BACK_S)
        return self.limit + regained if self.limit + regained < most else None


def after(
    breaker: CircuitBreaker,
    verdict: Verdict,
    running: int,
    now: float,
    *,
    started_at: float | None = None,
    accepted_at: float | None = None,
    settings: str = "",
) -> CircuitBreaker:
    """The breaker after a reply to a submission; unchanged (equal) after most of them.

    ``running``: jobs with a slot, including this one. ``started_at``: when a worker took the job;
    None: now. Failures of jobs taken before the present rest are part of what caused it. Any other
    answer ends the rest, whatever it says about the job.

    ``accepted_at``: when the POST left that was accepted last, of any worker. A failure of one that
    left before says nothing of the account: the worker's host may be cut off.
    """
    error = verdict.error
    if error and error.code == ErrorCode.NOT_PREPARED:
        return breaker  # it was not asked
    if is_full(verdict):
        return replace(_working(breaker), limit=max(1, running - 1), limited_at=now)
    if error and error.code in _NOT_ITS_FAULT:
        return _working(breaker)
    if is_failure(verdict):
        began = started_at or now
        before = breaker.rested_at is not None and began <= breaker.rested_at
        overtaken = not verdict.account_trouble and began < (accepted_at or 0.0)
        if before or overtaken:
            return _rate(breaker, 1)
        return _failed(breaker, verdict, now, accepted_at, settings)
    breaker = replace(_rate(_working(breaker), 0), failures=0, trouble="")
    return replace(breaker, accepted=breaker.accepted or error is None)


def asked(
    breaker: CircuitBreaker,
    now: float,
    *,
    refused: str | None = None,
    away: str | None = None,
    accepted_at: float | None = None,
) -> CircuitBreaker:
    """The breaker after a question about tasks; unchanged (equal) after most of them.

    ``refused``: it refuses us, in its words; ``away``: it did not answer; neither: it answered.
    ``accepted_at``: as in ``after``.
    """
    if refused is not None or away is not None:
        breaker = replace(
            breaker,  # with the first words: later ones may differ by a number only
            blind=refused and (breaker.blind or refused),
            away=away and (breaker.away or away),
            unseen_since=now if breaker.unseen_since is None else breaker.unseen_since,
        )
        may_rest = breaker.failures > 0 and breaker.tries_at is None
        rests = may_rest and _is_away(breaker, now, accepted_at)
        return _rested(breaker, now) if rests else breaker
    if breaker.unseen_since is None:
        return _tried_soon(breaker, now) if breaker.unreached else breaker
    disproved = breaker.unreached or now - breaker.unseen_since >= AWAY_S
    breaker = replace(breaker, blind=None, away=None, unseen_since=None, seen_at=now)
    return _tried_soon(breaker, now) if disproved else breaker


def stuck(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    """The breaker of an account that has no place free and ready jobs.

    If its last submission failed, and that was a rest's time ago, doubts may have taken all its
    places before it failed often enough to rest. Then nothing is lost by a rest that is over.
    """
    long_ago = breaker.failed_at is not None and now >= breaker.failed_at + REST_S
    if not breaker.failures or not long_ago or breaker.tries_at is not None:
        return breaker
    return replace(_rested(breaker, now), rest_until=now)


def is_failure(verdict: Verdict) -> bool:
    """Whether the account may be to blame for the reply."""
    if verdict.error and verdict.error.code in _NO_FAILURE:
        return False
    return verdict.account_trouble or verdict.outcome in (Outcome.TRY_LATER, Outcome.IN_DOUBT)


def is_full(verdict: Verdict) -> bool:
    """Whether the provider takes no more concurrent jobs."""
    return verdict.error is not None and verdict.error.code in _FULL


def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    """Opened by a person. Whether its tasks can be asked about shows the next question."""
    return CircuitBreaker(
        error_rate=breaker.error_rate,
        accepted=breaker.accepted,
        unseen_since=breaker.unseen_since,
        seen_at=breaker.seen_at,
    )


def _working(breaker: CircuitBreaker) -> CircuitBreaker:
    """Not resting any more."""
    if breaker.tries_at is None:
        return breaker
    return replace(
        breaker, closed=None, closed_at=None, settings="", trouble="",
        failures=0, rests=0, rest_until=None, rested_at=None,
    )  # fmt: skip


def _failed(
    breaker: CircuitBreaker,
    verdict: Verdict,
    now: float,
    accepted_at: float | None,
    settings: str,
) -> CircuitBreaker:
    breaker = replace(
        _rate(breaker, 1),
        failures=breaker.failures + 1,
        failed_at=now,
        trouble=_words(verdict.error),
    )
    if verdict.account_trouble:
        closed_at = breaker.closed_at if breaker.closed else now
        breaker = replace(breaker, closed=breaker.trouble, closed_at=closed_at, settings=settings)
    elif not (
        breaker.failures >= FAILURES
        or breaker.tries_at is not None
        or _is_away(breaker, now, accepted_at)
    ):
        return breaker
    else:  # what it was closed for is over, or hidden by other trouble
        breaker = replace(breaker, closed=None, closed_at=None, settings="")
    return _rested(breaker, now)


def _rested(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    rest = min(LONGEST_REST_S, REST_S * 2.0 ** min(breaker.rests, 10))
    return replace(
        breaker, failures=0, rests=breaker.rests + 1, rested_at=now, rest_until=now + rest
    )


def _tried_soon(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    if breaker.rest_until is None:
        return breaker
    return replace(breaker, rest_until=min(breaker.rest_until, now))


def _is_away(breaker: CircuitBreaker, now: float, accepted_at: float | None) -> bool:
    """Whether it answers no questions and accepts nothing, and that is no accident."""
    if breaker.away is None or breaker.unseen_since is None:
        return False
    return now - max(breaker.unseen_since, accepted_at or 0.0) >= AWAY_S


def _words(error: JobError | None) -> str:
    return f"{error.code}: {error.message.rstrip('.')}" if error else ""


def _rate(breaker: CircuitBreaker, failed: int) -> CircuitBreaker:
    rate = breaker.error_rate + (failed - breaker.error_rate) * _WEIGHT
    return replace(breaker, error_rate=round(rate, 4))
