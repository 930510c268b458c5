"""Submissions to a provider far away, over TLS: what kept connections save, and what they risk."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from tests.bench.far import far_away, trusted
from tests.bench.rows import Row
from worker.adapters.http import session
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.payloads import Submission
from worker.domain.account import Account
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome

#: Seconds after which a provider's server closes an idle connection.
_CLOSES_AFTER_S = (1.0, 2.0, 5.0)
#: Submissions a second, at random moments, by so many threads.
_RATE, _THREADS = 8.0, 16

_SUBMISSION = Submission("/mj/submit/imagine", {"prompt": "a cat " * 20})
_BODY = json.dumps({"code": 1, "description": "ok", "result": "1"}).encode()
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


def connections(folder: Path, count: int) -> list[Row]:
    """Each kind of server by turns, with connections that are kept and without."""
    rows = []
    with trusted(folder) as tls:
        for closes_after in _CLOSES_AFTER_S:
            server, kept_s = _Server(closes_after), (0.0, session.MOST_KEPT_S)
            with far_away(server.serve, tls) as port:
                found = [_measure(server, port, count, each) for each in kept_s]
            rows += _rows(closes_after, *found)
    return rows


@dataclass(slots=True)
class _Server:
    """A provider that accepts everything, with a keep-alive of its own."""

    closes_after: float
    handshakes: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.handshakes += 1
        with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
            while True:
                async with asyncio.timeout(self.closes_after):
                    head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(_REPLY)
        writer.close()


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of 100 submissions: handshakes, doubts; the median's milliseconds; CPU of each."""

    handshakes: float
    doubts: float
    took_ms: float
    cpu_ms: float


def _measure(server: _Server, port: int, count: int, kept_s: float) -> _Measured:
    """Submit at random moments, keeping connections for ``kept_s`` seconds at most."""
    random, before = Random(2026), server.handshakes
    moments = [random.uniform(0, count / _RATE) for _ in range(count)]
    with _kept_at_most(kept_s), ThreadPoolExecutor(_THREADS) as threads:
        client = ProviderClient(Account("main", f"https://localhost:{port}"))
        client.submit(Kind.IMAGINE, _SUBMISSION)  # loads what is loaded once
        cpu, began = time.process_time(), time.monotonic()

        def submit(moment: float) -> tuple[Outcome, float]:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            started = time.monotonic()
            return client.submit(Kind.IMAGINE, _SUBMISSION).outcome, time.monotonic() - started

        done = list(threads.map(submit, sorted(moments)))
    doubts = sum(outcome is not Outcome.ACCEPTED for outcome, _ in done)
    return _Measured(
        100 * (server.handshakes - before) / count,
        100 * doubts / count,
        1000 * median(took for _, took in done),
        1000 * (time.process_time() - cpu) / count,
    )


@contextlib.contextmanager
def _kept_at_most(seconds: float) -> Iterator[None]:
    usual, session.MOST_KEPT_S = session.MOST_KEPT_S, seconds
    try:
        yield
    finally:
        session.MOST_KEPT_S = usual


def _rows(closes_after: float, new: _Measured, kept: _Measured) -> list[Row]:
    where = f"server that closes after {closes_after:g} s"
    shown = (
        ("TLS handshakes per 100 submissions", "", new.handshakes, kept.handshakes),
        ("doubts per 100 submissions", "", new.doubts, kept.doubts),
        ("a submission, median", "ms", new.took_ms, kept.took_ms),
        ("CPU of a submission, with its server's", "ms", new.cpu_ms, kept.cpu_ms),
    )
    return [
        Row(what, unit, ours, floor, ours / floor if floor else None, f"{where}; floor: no reuse")
        for what, unit, floor, ours in shown
    ]
