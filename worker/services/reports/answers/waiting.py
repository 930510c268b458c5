"""PURE. What holds a job up, as an answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from worker.services.reports.answers.base import Time


class Reason(StrEnum):
    """What holds a job up; more may be added. docs/reliability.md says what each one means."""

    # It is queued,
    NEXT = "next"  #: and nothing keeps it: a worker takes it in a moment
    SLOTS = "slots"
    PACE = "pace"
    PROMPT = "prompt"
    BUDGET = "budget"
    MODE = "mode"
    PAUSED = "paused"
    CLOSED = "closed"
    BLIND = "blind"  #: the account refuses questions about tasks; of a job at the provider, too
    RESTING = "resting"
    ACCOUNT = "account"  #: which was removed from the settings
    BACKOFF = "backoff"
    SIBLINGS = "siblings"
    FUNCTION = "function"
    # or on its way to the provider, or there,
    SUBMIT = "submit"  #: which takes long to prepare, or to be answered
    SILENT = "silent"
    UNANSWERED = "unanswered"  #: the provider answers no questions about tasks
    MISSING = "missing"  #: the provider does not know its task
    WINDOW = "window"
    IN_DOUBT = "in_doubt"
    HELD = "held"  #: in doubt, and the doubt's window is over
    OVERDUE = "overdue"
    # or it succeeded.
    FILES = "files"
    SEED = "seed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What holds a job up, until when, and what a person can do."""

    reason: Reason
    message: str  #: in words, with all that follows
    until: Annotated[Time | None, Field(description="when it changes by itself, if known")] = None
    commands: Annotated[tuple[str, ...], Field(description="what a person may type to end it")] = ()
