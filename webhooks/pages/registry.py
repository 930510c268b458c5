"""How a page is declared: a decorator gives it its path, and the call under ``/v1`` whose scope it
needs. A view takes the visit and the path's parameters; it returns the answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, Response, request
from werkzeug.routing import Rule

from webhooks.api.scopes import NEEDS
from webhooks.pages import failures, languages
from webhooks.pages.visits import (
    LANGUAGE_COOKIE,
    SignInFirst,
    Visitors,
    check_form,
    read_form,
    to_sign_in,
)

#: Bytes of a form without pictures.
SMALL_FORM = 256 * 1024

View = TypeVar("View", bound=Callable[..., Response])


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or the target of a form."""

    method: str
    rule: str
    view: Callable[..., Response]
    like: str  #: the call under ``/v1`` whose scope it needs; empty: open to everybody
    counted: bool = True  #: as a request of its token; pictures and polls are not
    limit: int = SMALL_FORM  #: bytes of the form
    programs: Callable[[], Response] | None = None  #: answers what does not ask for HTML

    @property
    def endpoint(self) -> str:
        """Its name in Flask; those of calls have no dot."""
        return f"pages.{self.view.__name__}"

    def answer(self, visitors: Visitors, **path: str) -> Response:
        """Check who asks and what they send, then answer."""
        if self.programs and not _asks_for_html():
            return self.programs()
        if not self.like:
            return self.view(visitors, **path)
        visit = visitors.visit(NEEDS[self.like], counted=self.counted)
        if self.method == "POST":
            read_form(self.limit)
            check_form(visit)
        return self.view(visit, **path)


class Pages:
    """The pages of one module, in order."""

    def __init__(self) -> None:
        self._pages = list[Page]()

    def __iter__(self) -> Iterator[Page]:
        return iter(self._pages)

    def get(
        self,
        rule: str,
        like: str,
        *,
        counted: bool = True,
        programs: Callable[[], Response] | None = None,
    ) -> Callable[[View], View]:
        """Decorator: a page; ``programs`` answers what does not ask for HTML."""
        return self._declare("GET", rule, like, counted=counted, programs=programs)

    def post(
        self, rule: str, like: str, *, counted: bool = True, limit: int = SMALL_FORM
    ) -> Callable[[View], View]:
        """Decorator: the target of a form of ``limit`` bytes at most."""
        return self._declare("POST", rule, like, counted=counted, limit=limit)

    def _declare(self, method: str, rule: str, like: str, **more: Any) -> Callable[[View], View]:
        def declare(view: View) -> View:
            self._pages.append(Page(method, rule, view, like, **more))
            return view

        return declare


def _asks_for_html() -> bool:
    return "HX-Request" in request.headers or "text/html" in request.headers.get("Accept", "")


def rules(pages: Iterable[Page]) -> list[Rule]:
    """The pages' routes."""
    return [Rule(each.rule, endpoint=each.endpoint, methods=[each.method]) for each in pages]


def add_pages(app: Flask, pages: Iterable[Page], visitors: Visitors) -> None:
    """Register the views in ``app``."""
    for page in pages:
        app.view_functions[page.endpoint] = _bound(page, visitors)


def _bound(page: Page, visitors: Visitors) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        cookie = request.cookies.get(LANGUAGE_COOKIE, "")
        with languages.speaking(languages.chosen(cookie, request.accept_languages)):
            try:
                return page.answer(visitors, **path)
            except SignInFirst:
                return to_sign_in()
            except Exception as error:  # noqa: BLE001  # `facts_of` logs what is not expected
                return failures.shown(error)

    return view
