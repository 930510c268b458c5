"""Verifies notifications: Standard Webhooks, https://www.standardwebhooks.com."""

import binascii
import hmac
import json
import time
from base64 import b64decode
from collections.abc import Iterable
from typing import Protocol

from hookline_client.errors import InvalidSignature
from hookline_client.types import Notification

_PREFIX, _SCHEME = "whsec_", "v1"


class Headers(Protocol):
    """A request's headers as frameworks have them: Flask, Django, Starlette, or a dict."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names and values."""


def verify(
    body: bytes, headers: Headers, *secrets: str, tolerance_s: float = 300.0
) -> Notification:
    """The notification in `body`, the raw bytes of the request.

    `secrets`: the `whsec_...` of `.hookline/notify-secret` or `HOOKLINE_NOTIFY_SECRET`; several
    while it is rotated. Notifications may come twice: ignore a `webhook-id` that you have seen.

    Raises `InvalidSignature` unless one of them signed it at most `tolerance_s` seconds ago.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        ident, sent_at = given["webhook-id"], int(given["webhook-timestamp"])
        signatures = given["webhook-signature"].split()
    except (KeyError, ValueError):
        raise InvalidSignature("The request has not the headers of a notification.") from None
    signed = f"{ident}.{sent_at}.".encode() + body
    if not any(_signed_by(secret, signed, signatures) for secret in secrets):
        raise InvalidSignature("None of the secrets signed this body.")
    if abs(time.time() - sent_at) > tolerance_s:
        raise InvalidSignature(f"It was sent more than {tolerance_s:g} s ago, or in the future.")
    event: Notification = json.loads(body)
    return event


def _signed_by(secret: str, signed: bytes, signatures: Iterable[str]) -> bool:
    expected = hmac.digest(_key(secret), signed, "sha256")
    found = (each.partition(",") for each in signatures)
    return any(
        hmac.compare_digest(expected, _decoded(value))
        for scheme, _, value in found
        if scheme == _SCHEME
    )


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("A secret is `whsec_` and base64: see .hookline/notify-secret.")
    return key


def _decoded(value: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return b""
