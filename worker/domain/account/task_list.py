"""PURE. When a provider's task list proves that it did not accept a submission.

That a list shows a task proves that it was accepted. That it does not is worth little: lists are
short, lag behind, forget, or are another server's, and a provider may still be busy with a POST
whose connection is gone. So a list is only believed about a POST if it shows our own tasks from
before it and from after it without a gap, and has done so for an hour. Only our own clock counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

#: A provider may accept a POST so long after it was sent (gateways wait 60 s for their upstream,
#: and some proxies translate the prompt first), and so long after its connection was over.
AFTER_POST_S = 60.0
AFTER_DOUBT_S = 30.0
#: A list may lack tasks that were accepted so recently.
SETTLED_S = 5.0
#: A list that shows a task at this age is prompt.
PROMPT_S = 30.0
#: How long it counts that a list lacked a task, or was prompt.
MEMORY_S = 3600.0
#: Our tasks that it must show.
ENOUGH = 8
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
    """One reading of the list. ``known``: our newest accepted tasks, read after it."""

    read_at: float  #: when the reading began
    rows: Sequence[Row]
    known: Sequence[Accepted]

    @property
    def lacks(self) -> bool:
        """Whether it lacks a task that it should show.

        It may be short, but not have gaps: it shows all of ours that were submitted after the
        oldest that it shows.
        """
        listed = {row.task_id for row in self.rows}
        settled = [task for task in self.known if task.accepted_at <= self.read_at - SETTLED_S]
        oldest = min((t.accepted_at for t in settled if t.task_id in listed), default=None)
        if oldest is None:
            return bool(settled)
        return any(t.posted_at > oldest and t.task_id not in listed for t in settled)

    @property
    def prompt(self) -> bool:
        """Whether it shows a task of ours soon after it was submitted."""
        return any(task.posted_at >= self.read_at - PROMPT_S for task in self.shown)

    @property
    def shown(self) -> list[Accepted]:
        """The known tasks that it shows under our own ``state``."""
        readable = {row.task_id for row in self.rows if row.ours}
        return [task for task in self.known if task.task_id in readable]

    @property
    def hides(self) -> bool:
        """Whether one of its rows might be any job's, as it has no ``state``."""
        known = {task.task_id for task in self.known}
        return any(not row.stated and row.task_id not in known for row in self.rows)


@dataclass(frozen=True, slots=True)
class History:
    """What earlier readings of the account's list were like. Times as in ``Accepted``."""

    lacked_at: float | None = None  #: when it last lacked a task
    prompt_at: float | None = None  #: when it last was prompt


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

    - The provider had time: 60 s since the POST left, and 30 s since its connection was over.
    - The list has no gap, and had none for an hour; it hides nothing.
    - It shows eight tasks of ours, one of them of this sort, and one accepted before the POST left.
    - It is newer than the doubt: it shows a task whose POST left later. Where none did, it must
      have been prompt within the hour, and callbacks must say the same by their silence.
    """
    if listing.read_at < max(doubt.posted_at + AFTER_POST_S, doubt.since + AFTER_DOUBT_S):
        return False
    if listing.lacks or listing.hides or _recent(history.lacked_at, listing):
        return False
    shown = listing.shown
    before = any(task.accepted_at < doubt.posted_at - SKEW_S for task in shown)
    same_sort = any(task.sort == doubt.sort for task in shown)
    if len(shown) < ENOUGH or not before or not same_sort:
        return False
    after = any(task.posted_at > doubt.since + SKEW_S for task in shown)
    prompt = listing.prompt or _recent(history.prompt_at, listing)
    return after or (prompt and doubt.unheard)


def after(history: History, listing: Listing) -> History:
    """The history after another reading; mostly the same one."""
    if listing.lacks:
        return replace(history, lacked_at=listing.read_at)
    stale = (history.prompt_at or 0.0) < listing.read_at - MEMORY_S / 2
    return replace(history, prompt_at=listing.read_at) if listing.prompt and stale else history


def _recent(moment: float | None, listing: Listing) -> bool:
    return moment is not None and moment > listing.read_at - MEMORY_S
