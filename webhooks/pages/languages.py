"""The pages' languages: English, which is in the code, and the catalogues in ``translations``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path

from werkzeug.datastructures import LanguageAccept

CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
DOMAIN = "hookline"
#: By the code in ``<html lang>`` and the cookie; each in its own words.
LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_current: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the context texts are in this language."""
    before = _current.set(language)
    try:
        yield
    finally:
        _current.reset(before)


def chosen(cookie: str, accepted: LanguageAccept) -> str:
    """The language of a browser: what its user chose, else what it accepts, else English."""
    if cookie in LANGUAGES:
        return cookie
    best = accepted.best_match(["en", "zh", "zh-CN", "zh-TW", "zh-Hans", "zh-Hant"], "en")
    return best[:2]


def language() -> str:
    """The present one."""
    return _current.get()


def gettext(text: str) -> str:
    """``text`` in the present language."""
    return _catalogue(_current.get()).gettext(text)


def ngettext(one: str, many: str, n: int) -> str:
    """Likewise, by number."""
    return _catalogue(_current.get()).ngettext(one, many, n)


@cache
def _catalogue(name: str) -> NullTranslations:
    return translation(DOMAIN, CATALOGUES, [name], fallback=name == "en")
