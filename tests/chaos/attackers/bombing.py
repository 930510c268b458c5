"""``python -m tests.chaos.attackers.bombing``: an API token's holder sends bombs for pictures.

Dry runs, which cost nothing: each has as many pictures as a request may, and all of them are bombs.
"""

import argparse
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice

from tests.chaos.attackers.bombs import BOMBS
from tests.chaos.attackers.crowd import ONE

_AT_ONCE = 4
#: Pictures of a request, and bytes of all of them together: the API takes no larger body.
_PICTURES = 8
_BYTES = 20_000_000
_TIMEOUT_S = 120.0


def requests(count: int) -> Iterator[tuple[str, bytes]]:
    """So many bodies, and the names of their bombs."""
    links = {
        name: (f"data:image/png;base64,{b64encode(make()).decode()}")
        for name, make in BOMBS.items()
    }
    for number, (name, link) in islice(enumerate(cycle(links.items())), count):
        images = [link] * max(1, min(_PICTURES, _BYTES // len(link)))
        body = {"kind": "imagine", "prompt": f"a bomb, study {number}", "images": images}
        yield name, json.dumps(body).encode()


class Bomber:
    """Sends what it is given. ``seen``: the answers."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self.seen = Counter[str]()

    def send(self, made: tuple[str, bytes]) -> None:
        name, body = made
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection = HTTPConnection(
            "127.0.0.1", self._port, timeout=_TIMEOUT_S, source_address=(ONE, 0)
        )
        try:
            connection.request("POST", "/v1/jobs?dry_run=true", body, headers)
            self.seen[f"{connection.getresponse().status} {name}"] += 1
        except (OSError, HTTPException) as error:
            self.seen[f"{type(error).__name__} {name}"] += 1
        finally:
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True, help="so many requests")
    parser.add_argument("--api-token", required=True)
    asked = parser.parse_args()
    bomber = Bomber(asked.port, asked.api_token)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bomber.send, requests(asked.count)))
    print(json.dumps(dict(bomber.seen)), flush=True)


if __name__ == "__main__":
    main()
