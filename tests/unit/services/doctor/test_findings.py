"""What the doctor makes of what was measured."""

from errno import EACCES, ENOSPC

import pytest

from worker.adapters.store.durability import Vitals
from worker.services.doctor import findings

MIB = 1024**2
RANDOM = "mZx3Qv9rT1yKp7LdWc5BnH8sJf2GaE4u"


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (RANDOM, None),
        ("aaaaaaaaaaaaaaaaaaaa", "HOOKLINE_SECRET was not made at random"),
        ("my-hookline-secret-123", "HOOKLINE_SECRET was not made at random"),
    ],
)
def test_a_secret_that_can_be_guessed_is_found(secret: str, words: str | None) -> None:
    found = list(findings.secrets({"HOOKLINE_SECRET": [secret]}))
    assert bool(found) == (words is not None)
    for each in found:
        assert words is not None
        assert words in each.message
        assert "secrets.token_urlsafe" in (each.advice or "")
        assert secret not in f"{each.message}{each.advice}"


def test_one_secret_for_two_purposes_is_found() -> None:
    [found] = findings.secrets({"HOOKLINE_SECRET": [RANDOM], "HOOKLINE_API_TOKEN": [RANDOM]})
    assert "HOOKLINE_API_TOKEN is the same as HOOKLINE_SECRET" in found.message


@pytest.mark.parametrize(
    ("used", "limit", "verdict"),
    [
        (80 * MIB, 0, None),
        (None, 100 * MIB, None),
        (80 * MIB, 100 * MIB, None),
        (91 * MIB, 100 * MIB, "warn"),
        (100 * MIB, 100 * MIB, "fail"),
    ],
)
def test_a_redis_that_fills_up_is_found(used: int | None, limit: int, verdict: str | None) -> None:
    found = list(findings.memory(Vitals(1.0, used, limit)))
    assert [each.verdict for each in found] == ([verdict] if verdict else [])
    assert all("maxmemory" in (each.advice or "") for each in found)


def test_a_slow_redis_is_found() -> None:
    assert findings.latency(Vitals(0.4, None, None)).verdict == "ok"
    slow = findings.latency(Vitals(45.0, None, None))
    assert (slow.verdict, "45.0 ms" in slow.message) == ("warn", True)


@pytest.mark.parametrize(
    ("number", "words", "advice"),
    [
        (ENOSPC, "the disk is full", "Make room"),
        (EACCES, "Permission denied", "Let the user"),
        (None, "Permission denied", "HOOKLINE_STORAGE_URL"),
    ],
)
def test_why_the_storage_cannot_be_used(number: int | None, words: str, advice: str) -> None:
    found = findings.storage_fault("Permission denied", number)
    assert found.verdict == "fail"
    assert words in found.message
    assert advice in (found.advice or "")


def test_links_that_are_not_reached_are_named_by_their_host() -> None:
    well, bad = findings.links({"a.example": [None, None], "b.example": [None, "timed out"]})
    assert (well.verdict, well.message) == ("ok", "2 pictures of a.example reached")
    assert bad.verdict == "warn"
    assert "1 of 2 recent pictures not reached: timed out" in bad.message
    assert "b.example" in (bad.advice or "")


@pytest.mark.parametrize(
    ("answered", "here", "verdict", "advice"),
    [
        (True, True, "fail", "Check HOOKLINE_PUBLIC_URL"),
        (True, False, "fail", "Check HOOKLINE_PUBLIC_URL"),
        (False, True, "fail", "Start `hookline up`"),
        (False, False, "warn", "https://a.example/healthz in a browser"),
    ],
)
def test_a_public_url_that_leads_elsewhere(
    *, answered: bool, here: bool, verdict: str, advice: str
) -> None:
    found = findings.not_called_back(
        "https://a.example", "it said 404", answered=answered, here=here
    )
    assert found.verdict == verdict
    assert "it said 404" in found.message
    assert advice in (found.advice or "")
