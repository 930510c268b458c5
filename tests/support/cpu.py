"""What a call costs in CPU, on a machine that others use as well."""

import sys
import time
from collections.abc import Callable

#: A megabyte of outside text may cost this much.
SECONDS_PER_MB = 0.1


def seconds_of(call: Callable[[], object]) -> float:
    """CPU seconds of this thread for one ``call``."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def assert_cheap(call: Callable[[], object], size: int) -> None:
    """Fail if ``call``, which reads ``size`` bytes, costs more than its share in three tries.

    A megabyte is the least that is reckoned with: less is over too soon to be measured.
    """
    allowed = SECONDS_PER_MB * max(1.0, size / 1e6)
    if sys.gettrace():  # coverage counts each line, which costs several times the call itself
        allowed *= 6
    spent = min(seconds_of(call) for _ in range(3))
    assert spent <= allowed, f"{spent:.3f} s for {size:,} bytes"
