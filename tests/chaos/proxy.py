"""A small TCP proxy that breaks connections on purpose, before the provider or before Redis.

It runs in a thread of whoever uses it. A rule is asked about every piece that a client sends, until
it names a fault for that connection; the fault then stays. So a rule may strike a connection by its
number, by chance, or by what is asked ("POST /mj/submit/..."), and may be exchanged at run time.
"""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

_PIECE = 64 * 1024
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#: With these, closing a socket resets its connection.
_AT_ONCE = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What is done to a connection."""

    PASS = "pass"
    DELAY = "delay"  #: each piece of the request is held back for ``seconds``
    DROP = "drop"  #: ``after`` bytes of the request go through, then both ends are closed
    RESET = "reset"  #: nothing goes through, the client's connection is reset
    BLACKHOLE = "blackhole"  #: nothing goes through, and neither end notices
    THROTTLE = "throttle"  #: ``rate`` bytes a second of the answer
    BAD_GATEWAY = "502"  #: nothing goes through, the client is told so by 502
    CUT = "cut"  #: the whole request goes through, the answer is cut after ``after`` bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """A mode with its numbers."""

    mode: Mode = Mode.PASS
    after: int = 0
    seconds: float = 0.0
    rate: int = 0


PASS = Fault()
#: Names the fault for a connection (they are counted from 1), given a piece that its client sent.
Rule = Callable[[int, bytes], Fault]


def always(fault: Fault, start: bytes = b"") -> Rule:
    """``fault`` for every connection that sends a piece with this ``start``."""
    return lambda number, piece: fault if piece.startswith(start) else PASS


def shares(seed: int, faults: Mapping[Fault, float], start: bytes = b"") -> Rule:
    """Each fault for its share of the connections that send a piece with this ``start``."""

    def rule(number: int, piece: bytes) -> Fault:
        if not piece.startswith(start):
            return PASS
        dice = random.Random(f"{seed}:{number}").random()
        for fault, share in faults.items():
            dice -= share
            if dice < 0:
                return fault
        return PASS

    return rule


class Proxy:
    """A listening port of this machine that stands for ``host``:``port``; as a context, it runs."""

    def __init__(self, host: str, port: int, rule: Rule | None = None) -> None:
        self.rule = rule or always(PASS)
        self.struck: Counter[Mode] = Counter()  #: connections that met a fault
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._numbers = iter(range(1, 2**31))
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens meanwhile: connections are refused, so nothing can have been sent."""
        self._do(self._close())
        try:
            yield
        finally:
            self._open()

    def fall_silent(self) -> None:
        """Forget all connections without a word to either end, as a firewall does."""

        async def silence() -> None:
            for link in self._links:
                link.fault = Fault(Mode.BLACKHOLE)

        self._do(silence())

    @contextmanager
    def partitioned(self) -> Iterator[None]:
        """No byte goes either way meanwhile; the connections that there were stay dead."""
        before, self.rule = self.rule, always(Fault(Mode.BLACKHOLE))
        self.fall_silent()
        try:
            yield
        finally:
            self.rule = before

    def _open(self) -> None:
        async def listen() -> asyncio.Server:
            return await asyncio.start_server(self._meet, "127.0.0.1", self.port)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _meet(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        link = _Link(self, next(self._numbers), client, back)
        self._tasks.add(task)
        self._links.add(link)
        try:
            await link.run(*self._target)
        except (OSError, asyncio.CancelledError):
            _reset(back)
        finally:
            self._tasks.discard(task)
            self._links.discard(link)


class _Link:
    """One connection of a client and the one that stands behind it."""

    def __init__(
        self, proxy: Proxy, number: int, client: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        self._proxy, self._number = proxy, number
        self._client, self._back = client, back
        self.fault = PASS

    async def run(self, host: str, port: int) -> None:
        answer, on = await asyncio.open_connection(host, port)
        ways = [asyncio.create_task(self._requests(on)), asyncio.create_task(self._answers(answer))]
        try:
            # An answer that ended, or a fault, ends the link; a request that ended does not.
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
            for way in ways:
                if way.done() and (error := way.exception()):
                    raise error
        except asyncio.CancelledError:
            _reset(on)  # what was sent and not read yet is lost
            raise
        finally:
            for way in ways:
                way.cancel()
            for end in (on, self._back):
                with suppress(OSError):
                    end.close()

    async def _requests(self, on: asyncio.StreamWriter) -> None:
        sent = 0
        while piece := await self._client.read(_PIECE):
            fault = self._judge(piece)
            match fault.mode:
                case Mode.RESET:
                    raise ConnectionResetError
                case Mode.BLACKHOLE:
                    continue
                case Mode.BAD_GATEWAY:
                    self._back.write(_BAD_GATEWAY)
                    await self._back.drain()
                    self._back.close()
                    return
                case Mode.DELAY:
                    await asyncio.sleep(fault.seconds)
                case Mode.DROP:
                    piece = piece[: max(0, fault.after - sent)]
            on.write(piece)
            await on.drain()
            sent += len(piece)
            if fault.mode is Mode.DROP and sent >= fault.after:
                raise ConnectionResetError
        if on.can_write_eof():
            on.write_eof()

    async def _answers(self, answer: asyncio.StreamReader) -> None:
        passed = 0
        while piece := await answer.read(_PIECE):
            fault = self.fault
            if fault.mode is Mode.BLACKHOLE:
                continue
            if fault.mode is Mode.CUT:
                self._back.write(piece[: max(0, fault.after - passed)])
                if passed + len(piece) > fault.after:
                    await self._back.drain()
                    raise ConnectionResetError
            elif fault.mode is Mode.THROTTLE:
                await self._trickle(piece, fault.rate)
            else:
                self._back.write(piece)
            await self._back.drain()
            passed += len(piece)
        self._back.close()

    async def _trickle(self, piece: bytes, rate: int) -> None:
        for start in range(0, len(piece), max(1, rate // 10)):
            self._back.write(piece[start : start + max(1, rate // 10)])
            await self._back.drain()
            await asyncio.sleep(0.1)

    def _judge(self, piece: bytes) -> Fault:
        if self.fault is PASS:
            self.fault = self._proxy.rule(self._number, piece)
            if self.fault is not PASS:
                self._proxy.struck[self.fault.mode] += 1
        return self.fault


def _reset(end: asyncio.StreamWriter) -> None:
    held: socket.socket | None = end.get_extra_info("socket")
    if held is not None:
        with suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    end.transport.abort()
