"""A small HTTP client for our own processes: JSON in, JSON out."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from worker.domain.errors import ServiceUnavailable


def call(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    timeout_s: float = 10.0,
) -> tuple[int, Any]:
    """Status and JSON of the answer (None where it is none). Raises ``ServiceUnavailable``."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, _json(answer.read())
    except (OSError, HTTPException) as error:
        raise ServiceUnavailable(f"{url} does not answer: {error}") from error
    finally:
        connection.close()


def answers(url: str) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    try:
        return call("GET", url, timeout_s=2.0)[0] == 200
    except ServiceUnavailable:
        return False


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
