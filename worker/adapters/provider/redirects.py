"""PURE. Redirects of a provider. None is followed: the key would go to another address, and a POST
would become a GET, or be a second one.
"""

import string
from urllib.parse import quote, unquote, urlsplit

#: These say "ask there instead", so nothing was done here. The others do not: 303 is an answer to a
#: POST that was carried out.
ELSEWHERE = frozenset({301, 302, 307, 308})
_LONGEST_HOST = 253  #: RFC 1035, 2.3.4
_LONGEST = 200  #: characters of a path; a longer one is left out, since half a key is a secret too


def redirect_words(status: int, location: str) -> str:
    """What to say of a redirect with this ``Location``."""
    return f"The provider redirects to {_place(location)} (HTTP {status})"


def _place(location: str) -> str:
    """The address without login, query and fragment, where secrets may be."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an unreadable address"
    if parts.scheme not in ("http", "https", "") or len(host) > _LONGEST_HOST:
        return "an unreadable address"
    host = f"[{host}]" if ":" in host else quote(host)
    origin = f"//{host}{f':{port}' if port else ''}" if host else ""
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    # Decoded, so that the redactor recognizes a key, and quoted, so that nothing steers a terminal.
    # Cut first: a percent-encoded character takes three.
    path = quote(unquote(parts.path[: 3 * _LONGEST + 3]), safe=string.punctuation)
    return f"{scheme}{origin}{path if len(path) <= _LONGEST else '/...'}" or "nowhere"
