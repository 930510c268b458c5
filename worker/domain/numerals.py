"""PURE. Numbers in outside text: plain ASCII digits, with a point if need be.

Python's own ``int`` and ``float`` also take ``1_000``, fullwidth digits, ``+5``, ``1e3``, ``inf``
and blanks around them. As a budget or a limit these are slips more often than wishes.
"""

import re

#: The limits keep a number of thousands of digits from being computed with.
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})")


def is_whole(text: str) -> bool:
    """Whether it is a whole number of at most 18 digits."""
    return _WHOLE.fullmatch(text) is not None


def is_decimal(text: str) -> bool:
    """Whether it is a number, with at most 18 digits on either side of the point."""
    return _DECIMAL.fullmatch(text) is not None
