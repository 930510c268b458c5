"""SHELL. Proofs that callbacks reach us: signed callbacks of our own, through the public URL.

A proof goes the whole way of a provider's callback: the same path, the same size, a new
connection, and a record in the store by the process that received it. Its token is good for one use
within a few seconds, so a captured one proves nothing.
"""

import json
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from time import time
from typing import Any
from urllib.parse import urlsplit

from config.logger import get_logger
from config.proxies import DIRECT, Proxies
from worker.adapters.http import safe
from worker.adapters.http.deadline import within
from worker.adapters.store.store import Store
from worker.adapters.tokens import Tokens
from worker.domain import presence
from worker.domain.errors import HooklineError
from worker.domain.events import Disposition
from worker.domain.presence import ANSWER_S, Proof, way_of

log = get_logger(__name__)

#: The largest callback seen had 4.5 KB: what stops large ones on their way stops proofs, too.
_PADDING = "." * 4500
_ANSWER_BYTES = 1024
_TURNED_AWAY = "a callback was turned away, as Redis was away or something failed"


class ProofFailed(HooklineError):
    """A proof did not come back."""


class Proofs:
    """Records proofs. ``clock`` returns seconds since the epoch, the same for all processes."""

    def __init__(self, store: Store, tokens: Tokens, clock: Callable[[], float] = time) -> None:
        self.clock = clock
        self.tokens = tokens
        self._store = store.presence

    def too_late(self, proof: Proof) -> bool:
        """Whether the proof counts no more, before its body is read."""
        return proof.too_late(self.clock())

    def receive(self, token: str, proof: Proof, body: Mapping[str, Any]) -> Disposition:
        """Record a proof that came back. Raises ``StoreUnavailable``."""
        if body.get("state") != token:
            return Disposition.FOREIGN
        now = self.clock()
        new = self._store.change(proof.way, partial(presence.arrived, proof=proof, now=now))
        return Disposition.APPLIED if new else Disposition.STALE

    def arrived(self, proof: Proof) -> bool:
        """Whether a proof is stored. Raises ``StoreUnavailable``."""
        known = self._store.get(proof.way)
        return known is not None and known.latest.get(proof.sender) == proof.sent_at

    def failed(self, way: str, sender: str, reason: str) -> None:
        """Record that counting starts again. Raises ``StoreUnavailable``."""
        trouble = f"process {os.getpid()} on {socket.gethostname()}: {reason}"
        now = self.clock()
        self._store.change(way, lambda known: presence.failed(known, sender, trouble, now))


class ProofSender:
    """Sends proofs through ``public_url`` to the callbacks' ``path``."""

    def __init__(
        self, proofs: Proofs, public_url: str, path: str, *, proxies: Proxies = DIRECT
    ) -> None:
        self._proofs = proofs
        self._way = way_of(public_url)
        self._url = f"{public_url}{path}/"
        self._host = urlsplit(public_url).hostname or ""
        self._proxies = proxies

    def send(self, sender: str, after: float | None) -> float:
        """Send one proof, and return when: its successor's ``after``.

        Raises ``ProofFailed`` and others; then the row of ``sender`` is broken.
        """
        proof = Proof(self._way, sender, round(self._proofs.clock(), 3), after)
        try:
            self._post(proof)
        except HooklineError as error:
            self._proofs.failed(self._way, sender, str(error))
            raise
        return proof.sent_at

    def probe(self) -> None:
        """Send one proof on a way of its own, which says nothing of the rows, and find it stored.

        Raises ``ProofFailed``, ``AddressError``, ``ProxyUnavailable`` and ``StoreUnavailable``.
        """
        proof = Proof(token_hex(6), token_hex(6), round(self._proofs.clock(), 3), None)
        self._post(proof)
        if not self._proofs.arrived(proof):
            raise ProofFailed(f"{self._host} took it, but stored it in another Redis than ours")

    def turned_away(self, sender: str) -> None:
        """Record that this process failed to take a callback. Raises ``StoreUnavailable``."""
        self._proofs.failed(self._way, sender, _TURNED_AWAY)

    def _post(self, proof: Proof) -> None:
        token = self._proofs.tokens.for_proof(proof)
        body = json.dumps({"state": token, "status": "PROOF", "padding": _PADDING}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "hookline"}
        with (
            within(ANSWER_S),
            safe.exchange(
                "POST",
                self._url + token,
                allowed_hosts={self._host},
                headers=headers,
                body=body,
                proxies=self._proxies,
            ) as response,
        ):
            said = response.read(_ANSWER_BYTES)
        if response.status != HTTPStatus.OK:
            raise ProofFailed(_refusal(self._host, response.status))
        if _disposition(said) != Disposition.APPLIED:
            raise ProofFailed(f"{self._host} answered in time, but the proof arrived late, or not")


def _disposition(said: bytes) -> object:
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):  # brackets nested a thousand deep
        return None
    return answer.get("status") if isinstance(answer, dict) else None


def _refusal(host: str, status: int) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return f"{host} answered 401: a Hookline with another HOOKLINE_SECRET is there"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return f"{host} answered 503: Redis was away, or a proxy does not reach the web process"
    if 300 <= status < 400:
        return f"{host} answered {status}: a redirect, which providers do not follow"
    return f"{host} answered {status} to a callback"
