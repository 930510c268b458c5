"""PURE. When a provider's task list proves that it did not accept a submission.

That a list shows a task proves that it was accepted. That it does not is worth little: lists are
short, lag behind, forget, or are another server's, and a provider may still be busy with a POST
whose connection is gone. So a list is only believed about a POST if it shows our own tasks from
before it and from after it without a gap, and has done so for an hour. Only our own clock counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: A provider may accept a POST so long after it was sent (proxies that have a list accept at once,
#: but some have the prompt translated first, which takes 30 s at most), and so long after its
#: connection was over.
AFTER_POST_S = 45.0
AFTER_DOUBT_S = 30.0
#: A gateway adds a task to its list when its provider has answered, which it waits 60 s for.
GATEWAY_AFTER_POST_S = 75.0
#: A list may lack tasks that were accepted so recently.
SETTLED_S = 5.0
#: A list that shows a task at this age is prompt.
PROMPT_S = 30.0
#: How long it counts that a list lacked a task, or was prompt.
MEMORY_S = 3600.0
#: Our tasks that it must show.
ENOUGH = 8
#: How many accepted tasks are known of an account (``lua/commit.lua`` forgets older ones): as many
#: as are read of a gateway's list.
KEPT = 500
#: No provider restarts faster.
_RESTART_S = 1.0
#: The clocks of our machines differ by less.
SKEW_S = 2.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A task of ours that was accepted. Times are ours, in seconds since the epoch."""

    task_id: str
    sort: str  #: of its job, see ``callback_stats.sort_of``
    posted_at: float  #: when its POST left
    accepted_at: float  #: when we learnt that it was accepted


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the list shows it."""

    task_id: str
    ours: bool  #: its ``state`` is a token of ours
    stated: bool = True  #: it has a ``state``


@dataclass(frozen=True, slots=True)
class Listing:
    """One reading of the list. ``known``: our newest accepted tasks, read after it.

    A gateway's rows are in the order in which it wrote them down, the newest first.
    """

    read_at: float  #: when the reading began
    rows: Sequence[Row]
    known: Sequence[Accepted]
    by_gateway: bool = False  #: whether a gateway made the list

    @property
    def lacks(self) -> bool:
        """Whether it lacks a task that it should show.

        It may be short, but not have gaps: it shows all of ours that were submitted after the
        oldest that it shows.
        """
        listed, settled = {row.task_id for row in self.rows}, self.settled
        oldest = min((t.accepted_at for t in settled if t.task_id in listed), default=None)
        if oldest is None:
            return bool(settled)
        return any(t.posted_at > oldest and t.task_id not in listed for t in settled)

    @property
    def settled(self) -> list[Accepted]:
        """The known tasks that it should show, but for a short list's older ones."""
        return [task for task in self.known if task.accepted_at <= self.read_at - SETTLED_S]

    @property
    def prompt(self) -> bool:
        """Whether it shows a task of ours soon after it was submitted."""
        return any(task.posted_at >= self.read_at - PROMPT_S for task in self.shown)

    @property
    def shown(self) -> list[Accepted]:
        """The known tasks that it shows under our own ``state``."""
        readable = {row.task_id for row in self.rows if row.ours}
        return [task for task in self.known if task.task_id in readable]

    def hides(self, written_by: float) -> bool:
        """Whether a row without a ``state`` might be a task that was written down by then.

        Above a task of ours that was submitted later, a gateway's rows are later as well.
        """
        posted = {task.task_id: task.posted_at for task in self.known}
        rows: Sequence[Row] = self.rows
        if self.by_gateway:
            later = [n for n, row in enumerate(rows) if posted.get(row.task_id, 0.0) > written_by]
            rows = rows[max(later, default=0) :]
        return any(not row.stated and row.task_id not in posted for row in rows)


@dataclass(frozen=True, slots=True)
class History:
    """What the readings of an account's list were like so far. Times as in ``Accepted``, 0: never.

    A list that has grown was not full before: ``room_at`` is the last reading that had fewer rows
    than a later one. It starts over when the list shrinks.
    """

    lacked_at: float = 0.0  #: when it last lacked a task
    prompt_at: float = 0.0  #: when it last was prompt
    rows: int = 0  #: of the last reading
    rows_at: float = 0.0  #: when that was
    room_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A POST without an outcome."""

    attempt: int
    sort: str
    posted_at: float
    since: float  #: when its connection was over at the latest
    unheard: bool = False  #: callbacks would have told of its task by now (``Policy.unheard``)


def proves_absence(listing: Listing, history: History, doubt: Doubt) -> bool:
    """Whether the submission of ``doubt``, which the listing does not show, was not accepted.

    - The provider had time: 45 s since the POST left (a gateway 75 s), and 30 s since its
      connection was over.
    - The list has no gap, and had none for an hour; it hides nothing.
    - It shows eight tasks of ours, one of them of this sort, and reaches back to the POST.
    - It is newer than the doubt: it shows a task whose POST left later. Where none did, it must
      have been prompt within the hour, and callbacks must say the same by their silence.
    """
    after_post_s = GATEWAY_AFTER_POST_S if listing.by_gateway else AFTER_POST_S
    written_by = max(doubt.posted_at + after_post_s, doubt.since + AFTER_DOUBT_S)
    if listing.read_at < written_by or listing.hides(written_by + SKEW_S):
        return False
    seen, shown = after(history, listing), listing.shown
    if _recent(seen.lacked_at, listing) or len(shown) < ENOUGH:
        return False
    same_sort = any(task.sort == doubt.sort for task in shown)
    newer = any(task.posted_at > doubt.since + SKEW_S for task in shown)
    said_twice = doubt.unheard and _recent(seen.prompt_at, listing)
    return same_sort and _reaches_back(listing, seen, doubt) and (newer or said_twice)


def _reaches_back(listing: Listing, seen: History, doubt: Doubt) -> bool:
    """Whether the list would still show a task that was accepted when ``doubt`` began.

    It shows one that was accepted before the POST left. Of the first ones of an account there is
    none: then it must show all tasks that the account ever had, one of them accepted before the
    provider can have crashed over the POST and restarted, and have had room after the doubt began.
    """
    if any(task.accepted_at < doubt.posted_at - SKEW_S for task in listing.shown):
        return True
    all_shown = len(listing.known) < KEPT and len(listing.shown) >= len(listing.settled)
    survived = any(task.accepted_at <= doubt.posted_at + _RESTART_S for task in listing.shown)
    return all_shown and survived and seen.room_at >= doubt.since + SETTLED_S


def after(history: History, listing: Listing) -> History:
    """The history after another reading."""
    rows, room_at = len(listing.rows), history.room_at
    if rows != history.rows:
        room_at = history.rows_at if rows > history.rows else 0.0
    return History(
        lacked_at=listing.read_at if listing.lacks else history.lacked_at,
        prompt_at=listing.read_at if listing.prompt else history.prompt_at,
        rows=rows,
        rows_at=listing.read_at,
        room_at=room_at,
    )


def _recent(moment: float, listing: Listing) -> bool:
    return moment > listing.read_at - MEMORY_S
