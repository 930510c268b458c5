"""``python -m tests.chaos.restless worker ...``: a worker whose accounts rest for seconds.

What takes minutes with the real times takes seconds. Otherwise it is ``tests.chaos.broken``.
"""

from tests.chaos import broken
from worker.domain.account import circuit_breaker
from worker.services import sweep

REST_S = 2.0
AWAY_S = 0.8
CHECK_EVERY_S = 0.5
WAKE_AGAIN_S = 0.5

if __name__ == "__main__":
    circuit_breaker.REST_S, circuit_breaker.AWAY_S = REST_S, AWAY_S
    sweep.CHECK_EVERY_S, sweep.WAKE_AGAIN_S = CHECK_EVERY_S, WAKE_AGAIN_S
    broken.main()
