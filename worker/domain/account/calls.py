"""PURE. Which calls of the protocol an account's provider has, as far as its answers showed.

A call is named by its path below ``/mj``, such as ``submit/retexture``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: A call that a provider lacks is tried again after this many seconds: it may have been updated.
TRIED_AGAIN_S = 86_400.0
#: Jobs in a row whose seed was refused after which an account counts as having none.
SEEDLESS_JOBS = 2

LIST: Final = "task/list"
BY_IDS: Final = "task/list-by-condition"
SEED: Final = "task/image-seed"


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of one account's calls; of others nothing is."""

    taken: frozenset[str] = frozenset()  #: those that took a job, ever
    lacking: Mapping[str, float] = field(default_factory=dict)  #: and since when that is known

    def lacks(self, call: str, now: float) -> bool:
        """Whether the provider lacks the call, and it is too early to try it again."""
        since = self.lacking.get(call)
        return since is not None and now < since + TRIED_AGAIN_S

    def all_lacking(self, now: float) -> tuple[str, ...]:
        """Those that it lacks, by name."""
        return tuple(sorted(call for call in self.lacking if self.lacks(call, now)))


def call_of(path: str) -> str:
    """The call's name, of its path with or without a mode: ``/mj-fast/mj/submit/imagine``."""
    return path.rpartition("/mj/")[2]
