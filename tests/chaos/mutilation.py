"""Ways to spoil a payload: cut, scratched, too deep, of the wrong type, no UTF-8, given twice."""

import json
from collections.abc import Callable
from random import Random

from tests.support import corpus

#: Takes a JSON object and gives what is left of it.
Way = Callable[[Random, bytes], bytes]


def _compact(name: str, folder: str) -> bytes:
    return json.dumps(
        corpus.value(folder, name), ensure_ascii=False, separators=(",", ":")
    ).encode()


#: What providers send.
CALLBACKS = tuple(_compact(name, "callbacks") for name in corpus.names("callbacks"))
#: What callers send, ours and those of others.
REQUESTS = (
    *(_compact(name, "client_requests") for name in corpus.names("client_requests")),
    b'{"kind":"imagine","prompt":"a cat","then":[{"press":"U1"}]}',
    b'{"kind":"action","task_id":"1","button":"U1"}',
    b'{"button":"U1"}',
    b'{"outcome":"accepted","task_id":"1"}',
)  # fmt: skip
_NAMES = (
    b"id", b"status", b"progress", b"imageUrl", b"buttons", b"properties", b"failReason", b"action",
    b"prompt", b"promptEn", b"submitTime", b"videoUrls", b"kind", b"then", b"metadata", b"\\u0000",
)  # fmt: skip
#: Values of the wrong type, or that hurt some parser.
_VALUES = (
    b"null", b"true", b"[]", b"{}", b'""', b"-0", b"0.1e-999", b"1e999", b"-1e999", b"NaN",
    b"Infinity", b"-Infinity", b"9" * 400, b"9" * 5000, b"-1", b'"\\ud800"', b'"\\udc00\\ud800"',
    b'"\\u0000"', b"[null]", b"[[]]", b'[{"customId":[]}]', b'{"finalPrompt":{}}', b"1" + b"0" * 30,
    b'"' + b"x" * 9000 + b'"', b"[" * 19 + b"]" * 19, b'{"a":' * 30 + b"1" + b"}" * 30,
)  # fmt: skip
_NO_UTF8 = (
    b"\xff",
    b"\xfe\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
    b"\x80",
    b"\x00",
)


def _truncated(rng: Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def _scratched(rng: Random, body: bytes) -> bytes:
    hurt = bytearray(body)
    for _ in range(rng.randrange(1, 5)):
        hurt[rng.randrange(len(hurt))] = rng.randrange(256)
    return bytes(hurt)


def _no_utf8(rng: Random, body: bytes) -> bytes:
    place = rng.randrange(len(body))
    return body[:place] + rng.choice(_NO_UTF8) + body[place:]


def _before(rng: Random, body: bytes) -> bytes:
    return b'{"%b":%b,%b' % (rng.choice(_NAMES), rng.choice(_VALUES), body[1:])


def _after(rng: Random, body: bytes) -> bytes:
    """Of a name given twice the last counts."""
    return b'%b,"%b":%b}' % (body[:-1], rng.choice(_NAMES), rng.choice(_VALUES))


def _deep(rng: Random, body: bytes) -> bytes:
    levels = rng.choice((21, 22, 500, 990, 1100, 20_000))
    opening, end = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return b'%b,"x":%b1%b}' % (body[:-1], opening * levels, rng.choice((end * levels, b"")))


def _other_type(rng: Random, body: bytes) -> bytes:
    return rng.choice((b"[%b]" % body, b'"x"', b"7", b"null", b"true", b"", b"\xef\xbb\xbf" + body))


def _noise(rng: Random, body: bytes) -> bytes:
    return rng.randbytes(rng.randrange(len(body)))


def _twice(_: Random, body: bytes) -> bytes:
    return body + body


def _unknown_name(rng: Random, body: bytes) -> bytes:
    return b'{"unknown %d":1,%b' % (rng.randrange(1000), body[1:])


def _given_twice(_: Random, body: bytes) -> bytes:
    return b'{"prompt":"x","prompt":"x",%b' % body[1:]


def _no_number(rng: Random, body: bytes) -> bytes:
    value = rng.choice((b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000))
    return b'{"metadata":{"x":%b},%b' % (value, body[1:])


WAYS: tuple[Way, ...] = (
    _truncated, _scratched, _no_utf8, _before, _after, _deep, _other_type, _noise, _twice,
)  # fmt: skip
#: Those after which nothing can be carried out.
SPOILING: tuple[Way, ...] = (
    _truncated, _deep, _noise, _twice, _unknown_name, _given_twice, _no_number,
)  # fmt: skip
