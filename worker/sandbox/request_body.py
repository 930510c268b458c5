"""Reading a submission's body: fields of the right type, pictures in every accepted form."""

import base64
import re
from collections.abc import Callable
from typing import Any

from worker.sandbox import pictures
from worker.sandbox.models import Refused
from worker.sandbox.pictures import Recipe

_DATA_URL = re.compile(r"data:[\w.+/-]+;base64,", re.ASCII)
#: Finds a picture that this sandbox serves itself, by its URL.
Lookup = Callable[[str], Recipe | None]


class Body:
    """The JSON object of a submission; a field of the wrong type is refused as malformed."""

    def __init__(self, fields: dict[str, Any], lookup: Lookup, *, data_urls_only: bool) -> None:
        self.fields = fields
        self._data_urls_only = data_urls_only
        self._lookup = lookup

    def text(self, *names: str) -> str:
        """The first of these fields that is not empty, else ""; a number counts as its digits."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, bool) or not isinstance(value, str | int | float | None):
                raise Refused("malformed")
            if value not in (None, ""):
                return str(value)
        return ""

    def number(self, name: str) -> int:
        """A whole number; 0 when it is null or missing."""
        try:
            return int(self.text(name) or 0)
        except ValueError:
            raise Refused("malformed") from None

    def picture(self, *names: str) -> Recipe:
        """The picture in the first of these fields that is not empty."""
        value = self.text(*names)
        if not value:
            raise Refused("image_missing")
        return self._picture(value)

    def pictures(self, name: str) -> tuple[Recipe, ...]:
        """A list of pictures; empty when it is null or missing."""
        values = self.fields.get(name) or []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise Refused("malformed")
        return tuple(self._picture(value) for value in values)

    def mask(self) -> bytes:
        """The mask's bytes; any data URL prefix but PNG's spoils them."""
        try:
            return _decoded(self.text("maskBase64").removeprefix("data:image/png;base64,"))
        except ValueError:
            return b"spoilt"

    def _picture(self, value: str) -> Recipe:
        if not self._data_urls_only and re.match(r"https?://", value):
            return self._lookup(value) or pictures.grid("", value)
        prefix = _DATA_URL.match(value)
        if prefix is None and self._data_urls_only:
            raise Refused("image_invalid")
        try:
            return pictures.given(_decoded(value[prefix.end() if prefix else 0 :]))
        except ValueError:
            raise Refused("image_invalid") from None


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
