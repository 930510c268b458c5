"""A lack of room is counted, logged now and then, and told to who must know."""

import pytest
from structlog.testing import capture_logs

from webhooks.front.saturation import Saturation


def test_who_must_know_is_told_each_time_and_the_log_now_and_then() -> None:
    told: list[None] = []
    now = [100.0]
    saturation = Saturation(lambda: told.append(None), lambda: now[0])
    with capture_logs() as logs:
        saturation.refused("203.0.113.7", 7)
        saturation.refused("203.0.113.7", 7)
        saturation.dropped("203.0.113.8", 7, for_itself=False)
        now[0] += 10
        saturation.dropped(None, 8, for_itself=False)
    assert len(told) == 4
    assert [(each["event"], each["connections"]) for each in logs] == [
        ("web.saturated", 7),
        ("web.saturated", 8),
    ]
    assert (logs[0]["refused"], logs[0]["caller"]) == (1, "203.0.113.7")
    assert (logs[1]["refused"], logs[1]["dropped"], logs[1]["caller"]) == (1, 2, "local")


def test_a_peer_that_drops_its_own_loses_nothing() -> None:
    saturation = Saturation(lambda: pytest.fail("told"))
    saturation.dropped("203.0.113.7", 7, for_itself=True)
    assert saturation.counts == {"dropped": 1}
