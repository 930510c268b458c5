"""Many connections at once: where they come from, and how each is held and opened again."""

import argparse
import asyncio
import json
import random
import resource
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

#: Where half of all connections come from; the others come from as many addresses as there are.
ONE = "127.0.0.2"
MANY = tuple(f"127.0.1.{n}" for n in range(1, 251))
#: Seconds until a connection that was closed is opened again: an attacker that spins would measure
#: the speed of this machine only.
_AGAIN_S = (1.0, 3.0)
#: Connections opened in a second at first, for the same reason.
_OPENED_PER_S = 1_000

#: Holds one connection of a number until it is closed.
Hold = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Coroutine[Any, Any, None]]


def options(about: str) -> argparse.ArgumentParser:
    """What every crowd is told."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True, help="so many connections at once")
    parser.add_argument("--seconds", type=float, required=True)
    return parser


class Crowd:
    """Keeps ``count`` connections to ``port``, each held by ``hold``."""

    def __init__(self, port: int, count: int, hold: Hold) -> None:
        self._port, self._count, self._hold = port, count, hold
        self._open = self._most = 0
        self.seen = Counter[str]()

    def run(self, seconds: float) -> None:
        """Hold them so long, then print what came of it."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        asyncio.run(self._all(seconds))
        print(json.dumps({"most at once": self._most, **self.seen}), flush=True)

    async def _all(self, seconds: float) -> None:
        tasks = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, number: int) -> None:
        source = ONE if number % 2 else MANY[number // 2 % len(MANY)]
        await asyncio.sleep(random.uniform(0, self._count / _OPENED_PER_S))
        while True:
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(source, 0)
                )
            except OSError:
                self.seen["refused"] += 1
            else:
                await self._held(reader, writer, number)
            await asyncio.sleep(random.uniform(*_AGAIN_S))

    async def _held(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.seen["opened"] += 1
        self._open += 1
        self._most = max(self._most, self._open)
        try:
            with suppress(OSError):
                await self._hold(reader, writer, number)
                self.seen["closed by the server"] += 1
        finally:
            self._open -= 1
            writer.transport.abort()
