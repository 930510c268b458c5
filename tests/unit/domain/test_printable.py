"""Outside text as it may be shown."""

import pytest

from tests.support.cpu import assert_cheap
from worker.domain.printable import cell, clean, clean_line


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a cat", "a cat"),
        ("提交失败 1️⃣ 👩‍🚀\u3000é", "提交失败 1️⃣ 👩‍🚀\u3000é"),  # joiners and selectors stay
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("two\r\nlines", "two\r\nlines"),
        ("over\rwritten", "over\nwritten"),
        ("\x1b]0;title\x07x", "]0;titlex"),  # OSC
        ("\x1b[2J\x1b[31mred", "[2J[31mred"),  # CSI
        ("\x9b2Jx\x9d0;t\x9cy", "2Jx0;ty"),  # C1
        ("a\x00b\x08c\x7fd", "abcd"),
        ("abc\u202ecba\u202c", "abccba"),  # marks of direction
        ("\u2066a\u2069\u061cb\u200ec", "abc"),
        ("pay\u200bpal\u00ad\ufeff\u2060", "paypal"),  # zero width
        ("a\U000e0041\U000e007fb", "ab"),  # tags
        ("one\u2028two\x85three\x0bfour\x0cfive", "one\ntwo\nthree\nfour\nfive"),
        ("half \ud83d", "half ?"),
    ],
)
def test_what_is_unseen_and_has_an_effect_is_left_out(said: str, shown: str) -> None:
    assert clean(said) == shown
    assert clean(shown) == shown


def test_a_line_is_one() -> None:
    assert clean_line("  a\r\nb\x1b\t c\u2028") == "a b c"


@pytest.mark.parametrize("start", "=+-@\t\r\n＝＋－＠")
def test_a_spreadsheet_takes_no_cell_for_a_formula(start: str) -> None:
    assert cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_other_cells_stay_as_they_are() -> None:
    for text in ("", "a = b", "1-2", "'=1", " =1"):
        assert cell(text) == text


@pytest.mark.parametrize(
    "unit", ["a", "\x1b", "\r", "\r\n", "\u202e", "\x1b[31m", "\ud800", "猫\n"]
)
def test_a_megabyte_is_cheap(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert_cheap(lambda: clean(text), 1_000_000)
