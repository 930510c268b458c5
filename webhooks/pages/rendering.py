"""Templates -> answers, with the headers that every page has."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from flask import Response, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from webhooks.pages import languages, words
from webhooks.pages.static_files import StaticFiles

#: A page runs and shows what comes from this host only, is in no frame, and has nothing inline.
#: ``data:`` are the arrows that the stylesheet draws, ``blob:`` pictures chosen to be submitted.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Accept-Language",
}
HTML = "text/html; charset=utf-8"


def page(name: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """The template as an answer."""
    return Response(text(name, values), status, HEADERS, content_type=HTML)


def unless_known(name: str, values: Mapping[str, Any]) -> Response:
    """Likewise, or 304 if the browser has the same."""
    made = page(name, values)
    made.set_etag(sha256(made.get_data()).hexdigest()[:20], weak=True)
    made.make_conditional(request)
    return made


def text(name: str, values: Mapping[str, Any]) -> str:
    """The template as HTML."""
    return _environment().get_template(name).render(values)


@cache
def static_files() -> StaticFiles:
    """The files that pages name."""
    return StaticFiles()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("webhooks"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        languages.gettext, languages.ngettext, newstyle=True
    )
    files = static_files()
    made.globals |= {
        "static": files.url,
        "icon": cache(lambda name: Markup(files.icon(name))),  # noqa: S704  # our own files
        "languages": languages.LANGUAGES,
        "language": languages.language,
    }
    made.filters |= words.FILTERS
    return made
