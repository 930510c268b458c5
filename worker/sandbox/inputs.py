"""Reading a submission's body: fields of the right type, pictures in all accepted spellings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from worker.sandbox import pictures
from worker.sandbox.model import Refused
from worker.sandbox.pictures import Recipe

_DATA_URL = re.compile(r"data:[\w.+/-]+;base64,", re.ASCII)
_PNG_DATA_URL = "data:image/png;base64,"
#: Finds a picture that this sandbox serves itself, by its URL.
Lookup = Callable[[str], Recipe | None]


class Malformed(Exception):
    """A field has a type that the provider's JSON reader does not take."""


class Body:
    """The JSON object of a submission."""

    def __init__(self, fields: dict[str, Any], lookup: Lookup, *, data_urls_only: bool) -> None:
        self.fields = fields
        self._data_urls_only = data_urls_only
        self._lookup = lookup

    def text(self, name: str) -> str:
        """A string; "" when it is null or missing. Numbers are taken as their digits."""
        value = self.fields.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Malformed(name)
        return str(value)

    def number(self, name: str) -> int:
        """A whole number; 0 when it is null or missing."""
        try:
            return int(self.text(name) or 0)
        except ValueError:
            raise Malformed(name) from None

    def truth(self, name: str) -> bool:
        """A boolean; False when it is null or missing."""
        return self.fields.get(name) is True

    def picture(self, *names: str) -> Recipe:
        """The picture in the first of these fields that is not empty."""
        for name in names:
            if value := self.text(name):
                return self._picture(value)
        raise Refused("image_missing")

    def pictures(self, name: str) -> tuple[Recipe, ...]:
        """A list of pictures; empty when it is null or missing."""
        values = self.fields.get(name) or []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise Malformed(name)
        return tuple(self._picture(value) for value in values)

    def mask(self) -> bytes:
        """The mask's bytes: only the PNG prefix is known, any other one spoils the data."""
        value = self.text("maskBase64").removeprefix(_PNG_DATA_URL)
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return b"spoilt"

    def _picture(self, value: str) -> Recipe:
        if not self._data_urls_only and re.match(r"https?://", value):
            return self._lookup(value) or pictures.grid("", value)
        prefix = _DATA_URL.match(value)
        if prefix is None and self._data_urls_only:
            raise Refused("image_invalid")
        try:
            data = base64.b64decode(value[prefix.end() if prefix else 0 :], validate=True)
        except (binascii.Error, ValueError):
            raise Refused("image_invalid") from None
        return pictures.given(data)
