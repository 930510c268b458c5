"""``python -m tests.chaos.attackers.silent``: connections that say nothing more, held for long."""

import asyncio

from tests.chaos.attackers.crowd import Crowd, options

_OPENINGS = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),  # a ClientHello's beginning
    b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n",
)


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    writer.write(_OPENINGS[number // 2 % len(_OPENINGS)])
    while await reader.read(65536):
        pass


if __name__ == "__main__":
    asked = options(__doc__).parse_args()
    Crowd(asked.port, asked.count, _hold).run(asked.seconds)
