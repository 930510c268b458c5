"""The history of a job: what happened to it, for people who want to know why it is as it is."""

from worker.domain.history.entries import BODY, Entry, What, entries_of
from worker.domain.history.moments import History, Moments, history_of, moments_of
from worker.domain.history.stages import Stage, StageName, stages
from worker.domain.history.words import in_words

__all__ = [
    "BODY",
    "Entry",
    "History",
    "Moments",
    "Stage",
    "StageName",
    "What",
    "entries_of",
    "history_of",
    "in_words",
    "moments_of",
    "stages",
]
