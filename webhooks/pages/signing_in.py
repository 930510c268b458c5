"""Signing in with an API token or a link, signing out, the language, and static files."""

from hmac import compare_digest

from flask import Response, request
from werkzeug.exceptions import NotFound

from webhooks.pages import rendering
from webhooks.pages.languages import LANGUAGES
from webhooks.pages.registry import SMALL_FORM, Pages
from webhooks.pages.visits import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    Visitors,
    back,
    check_origin,
    read_form,
)
from worker.adapters.sessions import LINK_S
from worker.domain.api_tokens import digest_of, is_secret

_FOREVER = "public, max-age=31536000, immutable"

pages = Pages()


@pages.get("/sign-in", "")
def sign_in_page(visitors: Visitors) -> Response:
    """The form for an API token; a browser that is signed in is sent on."""
    wanted = request.args.get("next", "/")
    return _form(wanted) if visitors.signed_in() is None else back(wanted)


@pages.post("/sign-in", "")
def sign_in(visitors: Visitors) -> Response:
    """Begin a session with an API token."""
    read_form(SMALL_FORM)
    check_origin()
    secret, wanted = request.form.get("token", "").strip(), request.form.get("next", "/")
    digest = _digest(visitors, secret)
    if digest is None:
        return _form(wanted, refused=True)
    return visitors.keep(back(wanted), SESSION_COOKIE, visitors.sessions.start(digest))


@pages.get("/sign-in/<token>", "")
def sign_in_by_link(visitors: Visitors, token: str) -> Response:
    """Begin a session with a link that `hookline up` printed; it works once."""
    name = visitors.sessions.read_link(token)
    store = visitors.context.services.store
    if name is None or not store.once(f"sign-in:{name}", 2 * LINK_S):
        return _form("/", spent=True)
    return visitors.keep(back("/"), SESSION_COOKIE, visitors.sessions.start(""))


@pages.post("/sign-out", "")
def sign_out(visitors: Visitors) -> Response:
    """End the session in this browser."""
    read_form(SMALL_FORM)
    check_origin()
    return visitors.keep(back("/sign-in"), SESSION_COOKIE, "")


@pages.get("/language/<name>", "")
def language(visitors: Visitors, name: str) -> Response:
    """Choose the pages' language."""
    if name not in LANGUAGES:
        raise NotFound
    return visitors.keep(back(request.args.get("next", "/")), LANGUAGE_COOKIE, name)


@pages.get("/static/<path:path>", "")
def static(_visitors: Visitors, path: str) -> Response:
    """A file that pages name; its name changes with its content."""
    file = rendering.static_files().find(f"/static/{path}")
    if file is None:
        raise NotFound
    headers = {"Cache-Control": _FOREVER}
    return Response(file.path.read_bytes(), 200, headers, content_type=file.type)


def _digest(visitors: Visitors, secret: str) -> str | None:
    """What the session keeps of the secret: empty for that of the settings; None: not valid."""
    if compare_digest(secret.encode(), visitors.api_token.encode()):
        return ""
    if is_secret(secret) and visitors.context.services.access.caller(secret):
        return digest_of(secret)
    return None


def _form(wanted: str, *, refused: bool = False, spent: bool = False) -> Response:
    values = {"wanted": wanted, "refused": refused, "spent": spent, "visit": None}
    return rendering.page("sign_in.html", {**values, "here": "/sign-in"}, 403 if refused else 200)
