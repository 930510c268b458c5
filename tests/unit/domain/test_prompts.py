"""A prompt is sent the way the provider's bot gives it back."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import a_job
from worker.adapters.provider.payloads import build
from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import Kind
from worker.domain.prompts import as_sent
from worker.domain.requests.requests import parse_request


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("a cat", "a cat"),
        ("a cat\nin the rain", "a cat in the rain"),
        ("a cat\r\n\r\n--ar 3:2", "a cat --ar 3:2"),
        ("a\tcat \t --v 6", "a cat --v 6"),
        ("  a   cat  ", "a cat"),
        ("a\u00a0cat\u2028in\u2029the\u3000rain", "a cat in the rain"),
        ("a\x0bcat\x0cin\x85the\x1frain\x00", "a cat in the rain"),
        ("\ufeffa c\u00ada\u200bt\u2060", "a cat"),
        ("\u200fa \u202acat\u202c", "a cat"),
        ("a family 👨\u200d👩\u200d👧, ☀\ufe0f", "a family 👨\u200d👩\u200d👧, ☀\ufe0f"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("猫、雨の中", "猫、雨の中"),
        ("\n\u200b\t", ""),
    ],
)
def test_line_breaks_and_odd_space_become_single_spaces(written: str, sent: str) -> None:
    assert as_sent(written) == sent


@given(st.text())
def test_what_is_sent_is_one_line_and_settled(written: str) -> None:
    sent = as_sent(written)
    assert as_sent(sent) == sent
    assert sent == sent.strip()
    assert not re.search(r"\s\s|[^\S ]", sent)
    assert not [c for c in sent if unicodedata.category(c) in {"Cc", "Zl", "Zp"}]


@given(st.lists(st.sampled_from("abc-é猫🙂"), min_size=1, max_size=9))
def test_nothing_that_is_seen_is_lost(letters: list[str]) -> None:
    assert as_sent("\r\n".join(letters)) == " ".join(letters)
    assert as_sent("\u200b".join(letters)) == "".join(letters)


@pytest.mark.parametrize(
    "kind", [Kind.IMAGINE, Kind.SHORTEN, Kind.MODAL, Kind.EDITS, Kind.RETEXTURE, Kind.VIDEO]
)
def test_every_kind_sends_it_so(kind: Kind) -> None:
    asked = {"prompt": "a\ncat", "task_id": "7"}
    assert build(kind, asked, state="s").body["prompt"] == "a cat"


def test_a_speed_is_added_to_the_one_line() -> None:
    sent = build(Kind.IMAGINE, {"prompt": "a\ncat"}, state="s", mode="fast", dialect="novicezk")
    assert sent.body["prompt"] == "a cat --fast"


def test_the_record_keeps_what_was_written_and_prompts_sent_alike_exclude_each_other() -> None:
    written = "a cat\n\nin the\u00a0rain"
    asked = parse_request({"kind": "imagine", "prompt": written})
    assert asked.spec.request["prompt"] == written
    jobs = [a_job(request={"prompt": each}) for each in (written, "A cat in\u200b the rain")]
    assert {job.exclusive_prompt for job in jobs} == {"a cat in the rain"}


@pytest.mark.parametrize("prompt", ["\u200b", " \ufeff\n", "\u2060\u00ad"])
def test_a_prompt_that_nobody_sees_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidRequest, match="prompt: must not be empty"):
        parse_request({"kind": "imagine", "prompt": prompt})
