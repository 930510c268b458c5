"""One table of error codes, and the documentation says the same."""

import re

import pytest

from tests.support.processes import ROOT
from worker.domain.error_codes import RETRY_ON, TASK_CODES, ErrorCode, Family, job_error


def test_the_page_on_results_names_every_code_of_files() -> None:
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert {code.value for code in ErrorCode if code.family is Family.FILES} <= named


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_survives_as_text(code: ErrorCode) -> None:
    error = job_error(code, "words")
    assert (error.code, type(error.code)) == (code, str)
    assert (error.hint, error.retryable) == (code.hint, code.retryable)


def test_what_can_be_retried_is_retryable() -> None:
    assert all(TASK_CODES[code].retryable for code in RETRY_ON)


def test_a_closer_hint_takes_the_place_of_the_tables() -> None:
    assert job_error(ErrorCode.LOST, "words", "look there").hint == "look there"


def test_long_words_are_cut() -> None:
    assert len(job_error(ErrorCode.FAILED, "x" * 5000).message) == 1000
