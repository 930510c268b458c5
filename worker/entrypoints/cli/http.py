"""JSON over HTTP to our own processes; directly, unless their public address is asked for."""

from collections.abc import Mapping
from typing import Any

import urllib3

from config.proxies import Proxy
from worker.domain.errors import ServiceUnavailable


def call(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    timeout_s: float = 10.0,
    proxy: Proxy | None = None,
) -> tuple[int, Any]:
    """Status and JSON of the answer (None if it is not JSON). Raises ``ServiceUnavailable``."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        # A pool per call: a kept connection may belong to a process that has been restarted.
        with _pool(proxy) as pool:
            answer = pool.request(method, url, json=body, headers=headers, timeout=timeout_s)
            return answer.status, _json(answer)
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise ServiceUnavailable(f"{url} does not answer: {error}") from error


def answers(url: str, proxy: Proxy | None = None) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    try:
        return call("GET", url, timeout_s=2.0, proxy=proxy)[0] == 200
    except ServiceUnavailable:
        return False


def _pool(proxy: Proxy | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(retries=False)
    return urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, retries=False)


def _json(answer: urllib3.BaseHTTPResponse) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
