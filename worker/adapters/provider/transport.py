"""SHELL. What a call to a provider is made of: its key, its body, and the response's body."""

import io
import json
from collections.abc import Callable
from time import time

import requests
import urllib3
from requests.auth import AuthBase

from worker.domain.account import Account
from worker.domain.job_spec import JSON

MAX_BODY = 4 * 1024 * 1024  #: bytes read of a response; a task has 5 KB, rarely 50
#: What the HTTP libraries raise; ValueError: a key or address with characters that HTTP cannot
#: carry.
TROUBLE = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
_CHUNK = 64 * 1024


class Key(AuthBase):
    """Adds the account's key in one of three ways.

    As the request's ``auth`` it also prevents an entry of ``~/.netrc`` from replacing the key.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        key = self._account.key
        if key and self._account.auth == "mj-api-secret":
            request.headers["mj-api-secret"] = key
        elif key:
            bearer = self._account.auth == "bearer"
            request.headers["Authorization"] = f"Bearer {key}" if bearer else key
        return request


class Body(io.BytesIO):
    """A body as a file whose position shows how much the connection has read."""

    def __init__(
        self, data: bytes, send_until: float = float("inf"), clock: Callable[[], float] = time
    ) -> None:
        super().__init__(data)
        self._size = len(data)
        self._send_until = send_until
        self._clock = clock
        self.late = False  #: whether it was not sent because of ``send_until``

    @property
    def sent(self) -> bool:
        """Whether all of it may be on its way. A provider cannot accept JSON without its end."""
        return self.tell() >= self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes. Raises ``TimeoutError`` after ``send_until`` if any are left."""
        # The lease's clock continues while a process or its machine is suspended.
        if not self.sent and self._clock() > self._send_until:
            self.late = True
            raise TimeoutError("Too late to send: the lease of this submission is over.")
        return super().read(size)


def written(body: JSON) -> bytes:
    """A body as compact JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


def body_of(response: requests.Response) -> bytes:
    """The response's body, up to ``MAX_BODY``."""
    body = bytearray()
    while len(body) < MAX_BODY:
        chunk = response.raw.read1(_CHUNK, decode_content=True)
        if not chunk:
            break
        body += chunk
    return bytes(body)
