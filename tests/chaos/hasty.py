"""``python -m tests.chaos.hasty worker ...``: a worker that tells callers with little patience.

What takes a day with the real times takes seconds: how long a receiver has, how long nobody else
sends what somebody claimed, and when what failed is sent again.
"""

from worker.domain import notifications
from worker.entrypoints.cli import main
from worker.services import notify

DEADLINE_S = 1.0
CLAIM_S = 5.0
RETRY_AFTER_S = (0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0)

if __name__ == "__main__":
    notifications.RETRY_AFTER_S = RETRY_AFTER_S  # type: ignore[assignment]  # as many, shorter
    notify.DEADLINE_S, notify.CLAIM_S = DEADLINE_S, CLAIM_S
    main()
