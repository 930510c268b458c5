import signal
from threading import Thread

from worker.adapters.local.stopping import Stop


def test_it_waits_until_it_is_set() -> None:
    stop = Stop()
    assert not stop.wait(0.001)
    assert not stop.is_set()
    Thread(target=stop.set).start()
    assert stop.wait(30)
    assert stop.is_set()
    assert stop.wait(), "and stays so"


def test_a_signal_handler_may_set_it_at_any_step_of_a_wait() -> None:
    """An ``Event`` in its place deadlocks within some hundred signals."""
    stops = [Stop()]
    before = signal.signal(signal.SIGPROF, lambda *_: stops[-1].set())
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        for _ in range(200):
            while not stops[-1].wait(0):
                pass
            stops.append(Stop())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert all(stop.is_set() for stop in stops[:-1])
