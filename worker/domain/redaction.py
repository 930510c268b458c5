"""PURE. Removes state tokens from texts: with a token, anyone can send callbacks about its job.

A provider may quote our request in an error message, and a library the URL that it called.
"""

import re

HIDDEN = "[redacted]"

#: As `worker.adapters.tokens` makes them: `j.<job>.<attempt>.<signature>` or
#: `a.<account>.<signature>`.
_TOKEN = re.compile(r"[ja]\.[\w.-]{1,300}?\.[\w-]{43}", re.ASCII)


def without_tokens(text: str) -> str:
    """``text`` with our tokens replaced by ``HIDDEN``."""
    return _TOKEN.sub(HIDDEN, text)
