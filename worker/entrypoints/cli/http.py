"""JSON over HTTP to our own processes."""

from collections.abc import Mapping
from typing import Any

import urllib3

from worker.domain.errors import ServiceUnavailable


def call(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    timeout_s: float = 10.0,
) -> tuple[int, Any]:
    """Status and JSON of the answer (None if it is not JSON). Raises ``ServiceUnavailable``."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        # A pool per call: a kept connection may belong to a process that has been restarted.
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, url, json=body, headers=headers, timeout=timeout_s)
            return answer.status, _json(answer)
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise ServiceUnavailable(f"{url} does not answer: {error}") from error


def answers(url: str) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    try:
        return call("GET", url, timeout_s=2.0)[0] == 200
    except ServiceUnavailable:
        return False


def _json(answer: urllib3.BaseHTTPResponse) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
