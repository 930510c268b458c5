"""A call that is answered like a path that nobody has is a call that the provider lacks."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.provider.unknown_path import (
    Answer,
    is_page,
    lacks_call,
    same_page,
    unknown_path,
)

PATH = "/mj/submit/retexture"
HTML = "text/html; charset=utf-8"
#: new-api's own page, shortened; its front adds a nonce and the time to each copy.
PAGE = (
    '<!doctype html><html lang="zh"><head><meta name="csrf-token" content="{id}">'
    '<title>New API</title><script nonce="{nonce}" src="/assets/index-B2x9KqLw.js"></script></head>'
    '<body><div id="root"></div><!-- served in {ms} ms, request {id} --></body></html>'
)


def page(n: int = 0, text: str = PAGE, status: int = 200, content_type: str = HTML) -> Answer:
    said = text.format(id=f"7f3a{n:012x}", nonce=f"xYz{n}", ms=n)
    return Answer(status, said.encode(), content_type)


def as_json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), "application/json")


MAINTENANCE = page(text="<html><title>Back soon</title><body>We are working on it.</body></html>")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page(), True),
        (Answer(200, b"OK", "text/plain"), True),
        (as_json({"message": "welcome"}), True),
        (page(status=404), False),  # a 404 says it itself
        (page(status=502), False),
        (Answer(200, b"", HTML), False),  # gateways pass on an empty body after accepting
        (Answer(200, b" \n", HTML), False),
        (Answer(204, b"", ""), False),
        (as_json({"code": 1, "result": "1"}), False),
        (as_json({"code": "x"}), False),
        (as_json({"id": "1", "status": "SUCCESS"}), False),
        (as_json({"seed": "1"}), False),
        (as_json([]), False),
        (as_json({}), False),
        (as_json(None), False),
    ],
)
def test_what_is_a_page(answer: Answer, expected: bool) -> None:
    assert is_page(answer) is expected


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_copies_of_a_page_differ_in_nonces_ids_and_times_only(one: int, other: int) -> None:
    assert same_page(page(one), page(other), PATH)


@pytest.mark.parametrize(
    "other",
    [
        MAINTENANCE,
        page(status=404),
        page(content_type="text/plain"),
        page(text=PAGE.replace("New API", "Sign in")),
        page(text=PAGE.replace("</body>", "<p>The upstream is away.</p></body>")),
        Answer(200, b"", HTML),
    ],
)
def test_other_pages_are_no_copies(other: Answer) -> None:
    assert not same_page(page(), other, PATH)


def test_a_page_may_quote_the_path() -> None:
    quoting = [f"<html>Cannot POST {path}</html>".encode() for path in (PATH, unknown_path(PATH))]
    one, other = (Answer(200, said, HTML) for said in quoting)
    assert same_page(one, other, PATH)


def test_the_path_that_nobody_has_is_a_neighbour() -> None:
    assert unknown_path("/mj-fast/mj/submit/retexture").startswith("/mj-fast/mj/submit/hookline-")
    assert unknown_path("/mj/task/1/image-seed").startswith("/mj/task/1/hookline-")


def provider(
    own: Answer, unknown: Answer, *answers: bool
) -> tuple[Callable[[str], Answer], Callable[[], bool]]:
    """A provider's answers: for the path itself, for unknown ones, and whether it is well."""
    well = list(answers or (True, True))
    return (lambda path: own if path == PATH else unknown), (lambda: well.pop(0))


@pytest.mark.parametrize(
    ("first", "own", "unknown", "well", "expected"),
    [
        (page(1), page(2), page(3), (True, True), True),
        # Everything is answered with one page: nothing is known of the call.
        (MAINTENANCE, MAINTENANCE, MAINTENANCE, (False, False), False),
        # The page hid an error; by now the provider is well again, and has the call.
        (page(1), as_json({"code": 4}, 400), page(3), (True, True), False),
        (page(1), page(2), page(3), (True, False), False),  # it comes and goes
        (MAINTENANCE, page(2), page(3), (True, True), False),
        (page(1), page(2), page(3, status=404), (True, True), False),
        (page(1), page(2), as_json({"error": "x"}, 404), (True, True), False),
        (as_json({"code": 1}), page(2), page(3), (True, True), False),
        (Answer(200, b"", HTML), Answer(200, b"", HTML), Answer(200, b"", HTML), (), False),
    ],
)
def test_when_a_page_proves_that_there_is_no_such_call(
    first: Answer, own: Answer, unknown: Answer, well: tuple[bool, ...], expected: bool
) -> None:
    assert lacks_call(PATH, first, *provider(own, unknown, *well)) is expected


@given(st.data())
def test_a_call_that_ever_answers_in_the_protocol_is_not_lacking(data: st.DataObject) -> None:
    """Whatever the pages are, an answer of the call itself outweighs them."""
    pages = st.sampled_from([page(1), page(2), MAINTENANCE, Answer(200, b"hello", "text/plain")])
    said = as_json({"code": data.draw(st.integers(-1, 30)), "description": "x"})
    asked = provider(said, data.draw(pages), True, True)
    assert not lacks_call(PATH, data.draw(pages), *asked)
