"""Secrets that Hookline generates, for use on one machine."""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path


def plain_secret() -> str:
    """256 random bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def webhook_secret() -> str:
    """A Standard Webhooks signing secret: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, generated first if it is missing; only its owner can read the file.

    Processes that start at the same moment agree: the finished file is hard-linked, which either
    succeeds or finds another process's. Raises `OSError` if the folder cannot be written.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(make() + "\n")
            Path(path).hardlink_to(written)
        except FileExistsError:
            pass  # another process was first: read what it made
        finally:
            Path(written).unlink()
    return path.read_text(encoding="ascii").strip()
