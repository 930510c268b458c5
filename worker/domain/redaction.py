"""PURE. State tokens taken out of texts: whoever has one can send callbacks about its job.

A provider may quote what we sent in an error, and a library the URL that it called.
"""

import re

HIDDEN = "[redacted]"

#: As `worker.adapters.tokens` makes them: `j.<job>.<attempt>.<signature>` or
#: `a.<account>.<signature>`.
_TOKEN = re.compile(r"[ja]\.[\w.-]{1,300}?\.[\w-]{43}", re.ASCII)


def without_tokens(text: str) -> str:
    """``text`` with each of our tokens hidden."""
    return _TOKEN.sub(HIDDEN, text)
