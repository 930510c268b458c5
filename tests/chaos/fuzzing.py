"""Hostile requests, made fast: real payloads mutilated, false tokens, lies about the size, noise.

Number n of seed s is always the same bytes, so a failure can be repeated alone:
``python -m tests.chaos.fuzzing SEED NUMBER`` writes them to standard output.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote_from_bytes

from tests.chaos.mutilation import CALLBACKS, REQUESTS, SPOILING, WAYS
from tests.chaos.system import SECRETS
from webhooks.callbacks import MAX_BYTES
from worker.adapters.provider.snapshots import read_task
from worker.adapters.tokens import Tokens
from worker.bootstrap import HOOK_PATH

#: Stands for "the connection was closed without an answer".
CLOSED = 0

_BOTH = frozenset({200, 400})
_API = frozenset({400, 404, 409, 422})
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """One request as it goes over the wire, and what may be answered."""

    number: int
    sort: str
    wire: bytes
    allowed: frozenset[int]


class Victims:
    """The jobs that no input may change, by their ids, and the tokens that name them."""

    def __init__(self, seed: int, each: int = 20) -> None:
        rng = Random(seed)
        self.tokens = Tokens([SECRETS["HOOKLINE_SECRET"]])
        #: Running, all known of them but the end.
        self.running = [f"{rng.getrandbits(128):032x}" for _ in range(each)]
        #: Over: whatever is said about them, believed or not, changes nothing.
        self.finished = [f"{rng.getrandbits(128):032x}" for _ in range(each)]
        #: Named by a valid token, and not in the store.
        self.gone = [f"{rng.getrandbits(128):032x}" for _ in range(each)]

    @staticmethod
    def task_id(job_id: str) -> str:
        """What the provider calls it."""
        return f"task-{job_id[:12]}"

    def states(self, ids: Sequence[str]) -> list[bytes]:
        """Their tokens."""
        return [self.tokens.for_job(job_id, 1).encode() for job_id in ids]


class Fuzzer:
    """Makes the inputs of one seed."""

    def __init__(self, seed: int, victims: Victims) -> None:
        self._seed = seed
        self._rng = Random()
        self._running = victims.states(victims.running)
        self._finished = victims.states(victims.finished)
        self._gone = victims.states(victims.gone)
        self._accounts = [victims.tokens.for_account(n).encode() for n in ("default", "nobody")]
        self._ids = [job_id.encode() for job_id in (*victims.running, *victims.finished)]
        self._lies = _lies(victims)
        forger = Tokens(["somebody else's secret"])
        self._forged = [forger.for_job(job_id, 1).encode() for job_id in victims.running]
        self._sorts = [
            sort
            for share, sort in (
                (250, self._about_finished),
                (200, self._about_running),
                (200, self._without_right),
                (100, self._other_jobs_state),
                (50, self._about_gone),
                (50, self._to_account),
                (60, self._api_without_token),
                (80, self._api_nonsense),
                (5, self._api_conflict),
                (4, self._wire_noise),
                (1, self._large),
            )
            for _ in range(share)
        ]

    def make(self, number: int) -> Input:
        """Input ``number``, the same each time."""
        self._rng.seed(self._seed << 40 | number)
        sort = self._rng.choice(self._sorts)
        wire, allowed = sort()
        return Input(number, sort.__name__.strip("_").replace("_", " "), wire, allowed)

    # --- the provider's door ---------------------------------------------------------------------

    def _about_finished(self) -> tuple[bytes, frozenset[int]]:
        return self._hook(self._rng.choice(self._finished), self._body()), _BOTH

    def _about_running(self) -> tuple[bytes, frozenset[int]]:
        """With a true token even a lie is believed, so the words that would be one are spoilt."""
        body = self._body()
        for word in _EVENTS:
            body = body.replace(word, b"SOMEDAY")
        return self._hook(self._rng.choice(self._running), body), _BOTH

    def _without_right(self) -> tuple[bytes, frozenset[int]]:
        """A lie that would end a job, but no token, or one that is not ours."""
        rng = self._rng
        right = rng.choice(self._running)
        place = rng.randrange(len(right))
        other = b"%c" % rng.choice(b"abcXYZ019_-.~")
        token = rng.choice(
            (
                right[:place],
                right + b"x",
                right.upper(),
                right[:place] + other * (1 + (right[place : place + 1] == other)) + right[place:],
                rng.choice(self._forged),
                rng.choice(self._ids),
                quote_from_bytes(rng.randbytes(rng.randrange(1, 60)), safe="").encode(),
                b"a" * 5000,
                b"j." + b"9" * 600 + b".1.x",
            )
        )
        body = rng.choice(self._lies) if rng.random() < 0.5 else self._body()
        return self._hook(token, body), frozenset({401, 404})

    def _other_jobs_state(self) -> tuple[bytes, frozenset[int]]:
        """The URL says one job, the body another, and what it says would end either."""
        mine, other = self._rng.sample(self._running, 2)
        body = self._rng.choice(self._lies)
        return self._hook(mine, b'%b,"state":"%b"}' % (body[:-1], other)), frozenset({401})

    def _about_gone(self) -> tuple[bytes, frozenset[int]]:
        return self._hook(self._rng.choice(self._gone), self._body()), frozenset({400, 404})

    def _to_account(self) -> tuple[bytes, frozenset[int]]:
        """An account's hook: by task ids that are not there, and by the state of what is over."""
        rng = self._rng
        body = self._body()
        if rng.random() < 0.5 and body.endswith(b"}"):
            state = rng.choice((*self._finished, *self._gone, *self._forged))
            body = b'%b,"state":"%b"}' % (body[:-1], state)
        return self._hook(rng.choice(self._accounts), body), frozenset({200, 400, 404})

    # --- the API ---------------------------------------------------------------------------------

    def _api_without_token(self) -> tuple[bytes, frozenset[int]]:
        rng = self._rng
        right = SECRETS["HOOKLINE_API_TOKEN"].encode()
        wrong = (
            b"",
            right[:-1],
            right + b"x",
            right.upper(),
            b"\xc3\xa9",
            rng.randbytes(8).hex().encode(),
        )
        scheme = rng.choice((b"Bearer ", b"Basic ", b"", b"bearer  Bearer "))
        line = b"Authorization: %b%b\r\n" % (scheme, rng.choice(wrong))
        return self._request(rng.choice(_METHODS), self._api_path(), self._body(), line), _NO_RIGHT

    def _api_nonsense(self) -> tuple[bytes, frozenset[int]]:
        """Nothing of it is a request that could be carried out."""
        rng = self._rng
        if rng.random() < 0.2:
            query = quote_from_bytes(rng.randbytes(rng.randrange(1, 20)), safe="=&").encode()
            name = rng.choice((b"limit", b"status", b"kind", b"cursor", b"x"))
            path = b"/v1/jobs?%b=%b" % (name, query)
            return self._request(b"GET", path, b"", _TOKEN), _BOTH
        return self._request(b"POST", self._api_path(), self._spoilt(), _TOKEN), _API

    def _api_conflict(self) -> tuple[bytes, frozenset[int]]:
        """What the job's status does not allow."""
        half = len(self._ids) // 2
        place = self._rng.randrange(half)
        wish = self._rng.choice(
            ((self._ids[place], b"retry"), (self._ids[half + place], b"cancel"))
        )
        return self._request(b"POST", b"/v1/jobs/%b/%b" % wish, b"", _TOKEN), frozenset({409})

    def _api_path(self) -> bytes:
        job_id = self._rng.choice(self._ids)
        return self._rng.choice(
            (
                b"/v1/jobs",
                b"/v1/jobs/%b/press" % job_id,
                b"/v1/jobs/%b/resolve" % job_id,
                b"/v1/jobs/%b/press" % (b"f" * 32),
                b"/v1/nowhere",
            )
        )

    # --- neither ---------------------------------------------------------------------------------

    def _wire_noise(self) -> tuple[bytes, frozenset[int]]:
        """No HTTP at all."""
        return self._rng.randbytes(self._rng.randrange(1, 400)) + b"\r\n\r\n", _NO_HTTP

    def _large(self) -> tuple[bytes, frozenset[int]]:
        """1 to 10 MB, with a length or without, to whoever may or may not send it."""
        rng = self._rng
        size = rng.randrange(MAX_BYTES + 1, 10 * _MIB)
        filling = rng.choice((b" ", b"[", b"[],", b'{"a":1},', b"9", b'"\\ud800",', b"\xff"))
        body = b"[" + filling * (size // len(filling)) + b"]"
        roll = rng.random()
        if roll < 0.4:
            return self._hook(rng.choice(self._running), body), frozenset({413, CLOSED})
        if roll < 0.7:
            return self._hook(b"nobody", body), frozenset({401, 413, CLOSED})
        return self._request(b"POST", b"/v1/jobs", body, _TOKEN), frozenset({400})

    # --- the parts -------------------------------------------------------------------------------

    def _hook(self, token: bytes, body: bytes) -> bytes:
        return self._request(b"POST", _HOOK + token, body)

    def _request(self, method: bytes, path: bytes, body: bytes, line: bytes = b"") -> bytes:
        head = b"%b %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b" % (method, path, line)
        if not body or self._rng.random() < 0.9:
            return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        cut = self._rng.randrange(len(body))
        parts = b"".join(
            b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part
        )
        return b"%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (head, parts)

    def _body(self) -> bytes:
        """A callback's, mutilated."""
        rng = self._rng
        return rng.choice(WAYS)(rng, rng.choice(CALLBACKS))

    def _spoilt(self) -> bytes:
        """A caller's, such that it cannot be meant."""
        rng = self._rng
        return rng.choice(SPOILING)(rng, rng.choice(REQUESTS))


_EVENTS = (b"SUCCESS", b"FAILURE", b"MODAL", b"CANCEL", b"progress", b"\\u")
_HOOK = HOOK_PATH.encode() + b"/"
_TOKEN = b"Authorization: Bearer %b\r\n" % SECRETS["HOOKLINE_API_TOKEN"].encode()
_METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH")
_NO_RIGHT = frozenset({401})
_NO_HTTP = frozenset({400, CLOSED})


def _lies(victims: Victims) -> list[bytes]:
    """Callbacks that would end a running job, were they believed."""
    told = [body for body in CALLBACKS if read_task(json.loads(body)).recognised]
    ends = [b'"SUCCESS"', b'"FAILURE"', b'"CANCEL"']
    return [
        b'%b,"id":"%b","status":%b}' % (body[:-1], victims.task_id(job_id).encode(), end)
        for job_id in victims.running
        for body in told
        for end in ends
    ]


def main() -> None:
    """Write one input."""
    seed, number = map(int, sys.argv[1:])
    made = Fuzzer(seed, Victims(seed)).make(number)
    sys.stderr.write(f"{made.sort}: {sorted(made.allowed)} may be answered\n")
    sys.stdout.buffer.write(made.wire)


if __name__ == "__main__":
    main()
