"""One request of a browser: who makes it, what they may do, and what their form says."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Response, redirect, request

from webhooks.api.scopes import NEEDS, Need
from webhooks.context import Context
from webhooks.front.asking import is_first, want_body
from webhooks.pages import rendering
from webhooks.pages.sharing import Shared
from webhooks.parsing import refuse_large
from worker.adapters.sessions import SESSION_S, Session, Sessions
from worker.bootstrap import Services
from worker.domain.access import SETTINGS, Caller
from worker.domain.errors import Forbidden, HooklineError
from worker.services.desk import Desk

SESSION_COOKIE = "hookline_session"
LANGUAGE_COOKIE = "hookline_language"
#: Carries the session's form token where a page's script calls the API.
FORM_HEADER = "X-Form-Token"
#: The holder of the settings' token.
_OPERATOR = Caller(SETTINGS)


class SignInFirst(HooklineError):
    """This page is for those who are signed in."""


@dataclass(frozen=True)
class Visitors:
    """Finds out who makes a request. ``https_host``: where cookies may only travel by TLS."""

    context: Context
    sessions: Sessions
    api_token: str = field(repr=False)  #: that of the settings
    https_host: str = ""
    shared: Shared = field(default_factory=Shared)

    def signed_in(self) -> tuple[Session, Caller] | None:
        """The session of this request's cookie, and who that is; None once its token is revoked.

        Raises ``StoreUnavailable``.
        """
        session = self.sessions.read(request.cookies.get(SESSION_COOKIE, ""))
        caller = self.holder_of(session.digest) if session else None
        return (session, caller) if session and caller else None

    def holder_of(self, digest: str) -> Caller | None:
        """Who has the API token that a session or a link names; None once it is revoked."""
        return self.context.services.access.caller_of(digest) if digest else _OPERATOR

    def by_page(self) -> Caller | None:
        """Who is signed in at the page that made this call under ``/v1``; None: no page did.

        Other sites cannot send the header, and do not know its value.
        Raises ``Forbidden``, ``TooMuch`` and ``StoreUnavailable``.
        """
        given = request.headers.get(FORM_HEADER)
        if given is None or "Authorization" in request.headers:
            return None
        check_origin()
        found = self.signed_in()
        if found is None:
            return None
        session, caller = found
        if not self.sessions.is_form_token(session, given):
            raise _of_earlier_session()
        if is_first(request.environ):
            self.context.services.access.count(caller)
        return caller

    def visit(self, need: Need, *, counted: bool) -> "Visit":
        """Who makes this request. ``counted``: against the requests per minute of their token.

        Raises ``SignInFirst``, ``Forbidden``, ``TooMuch`` and ``StoreUnavailable``.
        """
        found = self.signed_in()
        if found is None:
            raise SignInFirst
        session, caller = found
        need.check(caller)
        if counted and is_first(request.environ):
            self.context.services.access.count(caller)
        return Visit(self, session, caller)

    def address(self) -> str:
        """Where the browser found us, as others find us, too."""
        return f"{'https' if self._by_tls() else request.scheme}://{request.host}"

    def _by_tls(self) -> bool:
        return bool(self.https_host) and request.host == self.https_host

    def keep(self, answer: Response, name: str, value: str) -> Response:
        """Have the browser keep a cookie; an empty ``value`` removes it."""
        answer.set_cookie(
            name,
            value,
            max_age=SESSION_S if value else 0,
            secure=self._by_tls(),
            httponly=True,
            samesite="Lax",
        )
        return answer


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in, and may open this page."""

    visitors: Visitors
    session: Session
    caller: Caller

    @property
    def services(self) -> Services:
        """Raises ``StoreUnavailable``."""
        return self.visitors.context.services

    @cached_property
    def desk(self) -> Desk:
        """What the caller sees and does."""
        return self.services.desk(self.caller)

    @cached_property
    def form_token(self) -> str:
        """What every form must carry."""
        return self.visitors.sessions.form_token(self.session)

    def may(self, call: str) -> bool:
        """Whether the caller may do what this call under ``/v1`` does."""
        try:
            NEEDS[call].check(self.caller)
        except Forbidden:
            return False
        return True

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """A page of the template."""
        return rendering.page(name, self._with(values), status)

    def part(self, name: str, **values: Any) -> Response:
        """A part of a page that is asked for again and again: 304 while it stays the same."""
        return rendering.unless_known(name, self._with(values))

    def _with(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"visit": self, "here": request.path, **values}


def check_origin() -> None:
    """Refuse what another site has a browser send. Raises ``Forbidden``."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None and urlsplit(origin).netloc != request.host:
        foreign = True
    if foreign:
        raise Forbidden("This form was sent by another site. Open the page here and send it again.")


def read_form(limit: int) -> None:
    """Have the form read, of ``limit`` bytes at most. Raises 413."""
    refuse_large(limit)
    want_body(request.environ, limit)
    request.max_content_length = request.max_form_memory_size = limit


def check_form(visit: Visit) -> None:
    """Raise ``Forbidden`` unless a page of this session sent the form."""
    check_origin()
    given = request.form.get("form_token", "")
    if not visit.visitors.sessions.is_form_token(visit.session, given):
        raise _of_earlier_session()


def _of_earlier_session() -> Forbidden:
    return Forbidden("The form is of an earlier session. Open the page again and repeat it.")


def to_sign_in() -> Response:
    """To the sign-in page, and back here afterwards."""
    if request.headers.get("HX-Request") or request.headers.get("X-Live"):
        return Response(status=401, headers={"HX-Redirect": "/sign-in"})
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return _plain(redirect(f"/sign-in?next={quote(wanted)}", 303))


def back(to: str) -> Response:
    """After a form: to a page of ours; anything else leads to the first page."""
    # Browsers leave tabs and line breaks out before they look where it leads.
    own = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return _plain(redirect(to if own else "/", 303))


def _plain(answer: Any) -> Response:
    made: Response = Response("", answer.status_code, {"Location": answer.location})
    made.headers["Cache-Control"] = "no-store"
    return made
