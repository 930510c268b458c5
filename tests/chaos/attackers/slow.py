"""``python -m tests.chaos.attackers.slow``: bodies that come one byte a second, by valid tokens."""

import asyncio

from tests.chaos.attackers.crowd import Crowd, options

_BODY = b'{"state": "' + b"x" * 100_000 + b'"}'
_EVERY_S = 1.0


def heads(path: str, api_token: str) -> tuple[tuple[bytes, bool], ...]:
    """The heads of all kinds of requests, and whether the body is chunked."""
    api = f"POST /v1/jobs HTTP/1.1\r\nAuthorization: Bearer {api_token}"
    callback = f"POST {path} HTTP/1.1"
    length, chunked = f"Content-Length: {len(_BODY)}", "Transfer-Encoding: chunked"
    usual = "Host: 127.0.0.1\r\nContent-Type: application/json"
    return tuple(
        (f"{start}\r\n{usual}\r\n{how}\r\n\r\n".encode(), how == chunked)
        for start in (callback, api)
        for how in (length, chunked)
    )


class Dripping:
    """Holds a connection by a body that does not end. ``kinds``: of requests, in turn."""

    def __init__(self, kinds: tuple[tuple[bytes, bool], ...]) -> None:
        self._kinds = kinds

    async def hold(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        head, chunked = self._kinds[number // 2 % len(self._kinds)]
        writer.write(head)
        dripping = asyncio.create_task(self._drip(writer, chunked=chunked))
        try:
            while await reader.read(65536):
                pass
        finally:
            dripping.cancel()

    async def _drip(self, writer: asyncio.StreamWriter, *, chunked: bool) -> None:
        for at in range(len(_BODY)):
            byte = _BODY[at : at + 1]
            writer.write(b"1\r\n" + byte + b"\r\n" if chunked else byte)
            await asyncio.sleep(_EVERY_S)


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--path", required=True, help="of a callback, with a valid token")
    parser.add_argument("--api-token", required=True)
    asked = parser.parse_args()
    kinds = heads(asked.path, asked.api_token)
    Crowd(asked.port, asked.count, Dripping(kinds).hold).run(asked.seconds)
