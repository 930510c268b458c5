"""``python -m tests.chaos.hasty PROGRAM ... [--without NAME,...]``: a worker or web process with
little patience.

What takes a day with the real times takes seconds: how long a receiver has, how long nobody else
sends what somebody claimed, when what failed is sent again; and how long a provider may still
accept a POST before its task list is believed. ``--without``: protections to take away.
"""

import sys

from tests.chaos import mutations
from worker.domain import notifications
from worker.domain.account import task_list
from worker.entrypoints.cli import main
from worker.services import notify

DEADLINE_S = 1.0
CLAIM_S = 5.0
RETRY_AFTER_S = (0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0)
#: A tenth of the real ones, about.
AFTER_POST_S, AFTER_DOUBT_S, SETTLED_S, PROMPT_S, SKEW_S = 5.0, 3.0, 0.5, 3.0, 0.1
GATEWAY_AFTER_POST_S = 8.0

if __name__ == "__main__":
    notifications.RETRY_AFTER_S = RETRY_AFTER_S  # type: ignore[assignment]  # as many, shorter
    notify.DEADLINE_S, notify.CLAIM_S = DEADLINE_S, CLAIM_S
    task_list.AFTER_POST_S, task_list.AFTER_DOUBT_S = AFTER_POST_S, AFTER_DOUBT_S
    task_list.SETTLED_S, task_list.PROMPT_S, task_list.SKEW_S = SETTLED_S, PROMPT_S, SKEW_S
    task_list.GATEWAY_AFTER_POST_S = GATEWAY_AFTER_POST_S
    if "--without" in sys.argv:
        at = sys.argv.index("--without")
        mutations.install(sys.argv[at + 1].split(","))
        del sys.argv[at : at + 2]
    main()
