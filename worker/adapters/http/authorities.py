"""SHELL. Which certificate authorities are trusted, by every call alike."""

import os
import ssl
from contextlib import suppress
from functools import cache
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH


def ca_bundle() -> str:
    """The file or folder of certificates: the user's own, as requests and curl name it, or ours."""
    own = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return own or DEFAULT_CA_BUNDLE_PATH


def tls_context() -> ssl.SSLContext:
    """A context that trusts them."""
    return _context(ca_bundle())


def load_authorities() -> None:
    """Load them before they are needed. If that fails, the calls that need them say so."""
    with suppress(OSError):
        tls_context()


@cache  # loading the certificates takes longer than all the rest of a connection
def _context(bundle: str) -> ssl.SSLContext:
    if Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
