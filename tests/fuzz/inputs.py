"""Hostile input: real payloads, mutilated, and texts that are made to be expensive.

Number n of a seed is always the same input, so a failure can be repeated alone.
"""

import json
from random import Random
from typing import Any

from tests.chaos.mutilation import CALLBACKS, REQUESTS, WAYS
from tests.support import corpus

#: Real replies to a submit.
REPLIES = tuple(corpus.body("submit_responses", name) for name in corpus.names("submit_responses"))

#: What the patterns and parsers of the product look for, and what they may stumble over.
_UNITS = (
    # tokens, keys, hooks
    "j.", "a.", "j.j.j.", ".", "-", "_", "x" * 43, "." + "x" * 43, "/webhooks/midjourney/",
    "token=", "nonce='", "api_key", "sk-",
    # JSON and nesting
    "[", "{", "}", "]", '{"a":', "[[],", '"', "\\", "\\u0000", ",", ":", "1", "0", "9" * 50, "1e9",
    "null,", "{},", "{{", "}}", "{a,", "{prompts[0]}", "{prompt}",
    # CSV, lines, shorthand
    '""', '",', "\n", "\r", "\r\n", "\t", ";", "sep=", "sep=\t", "|", "=", "+", "@", "#", ">",
    "U1>", "U1,", "prompt", "prompt,", "*", "?", "[!",
    # markup, numbered prompts, pages
    "<", ">", "<title", "<title>", "1\ufe0f\u20e3", "\u20e3", "1. ", "\n1. ", "1、", "## ", "**",
    "~~", "shortened prompts", "[a](", "[a](http://", "](", "%", "7%", "\n#",
    # prompts, buttons, URLs, ids
    "--ar ", "--fast ", "--", " ", "MJ::JOB::upsample_", "MJ::JOB::upsample::", "2x", "http://",
    "https://", "//", "../", "%2e", "@", "?", "&", "localhost", "127.0.0.1", "blob:", "data:",
    ";a=b", ";base64,", "iVBORw0KGgo", "task_", "ID ", "ID:", "queued", "sensitive wor", "timeout",
    # what a terminal obeys, what is not seen, what is not one character
    "\x1b", "\x1b[2J", "\x1b]0;", "\x9b", "\x07", "\x00", "\u202e", "\u2066", "\u200b", "\ufeff",
    "\u2028", "\u0661", "\uff11", "\u00b2", "e\u0301", "\U0001f468\u200d", "\ud800", "猫", "ß", "İ",
    "\u3000", "\xa0",
)  # fmt: skip

_FIELDS = (
    "id", "status", "action", "progress", "state", "failReason", "prompt", "promptEn",
    "description",
    "imageUrl", "imageUrls", "videoUrl", "videoUrls", "buttons", "properties", "submitTime", "code",
    "result", "message", "error", "detail", "title", "type", "mj_id", "quota", "content", "other",
    "data", "finalPrompt", "bannedWord", "customId", "label", "emoji", "url", "seed",
)  # fmt: skip
_STATUSES = ("SUCCESS", "FAILURE", "MODAL", "CANCEL", "IN_PROGRESS", "", "x")
_ACTIONS = ("IMAGINE", "DESCRIBE", "SHORTEN", "UPSCALE", "")
_CODES = (1, 2, 3, 4, 5, 9, 21, 22, 23, 24, 30, -1, "1", None)


class Inputs:
    """Makes the inputs of one seed. ``most``: characters of the largest."""

    def __init__(self, seed: int, most: int = 1_000_000) -> None:
        self._seed = seed
        self._most = most
        self.rng = Random()

    def start(self, number: int) -> None:
        """Make input ``number`` next."""
        self.rng.seed(self._seed << 40 | number)

    def size(self) -> int:
        """Mostly small, one in a thousand as large as allowed."""
        roll = self.rng.random()
        if roll < 0.9:
            return self.rng.randrange(1, 300)
        if roll < 0.999:
            return self.rng.randrange(300, 6_000)
        return self.rng.randrange(self._most // 10, self._most)

    def text(self, size: int | None = None) -> str:
        """A few units, repeated: once, or one within the other."""
        rng, size = self.rng, self.size() if size is None else size
        block = "".join(rng.choices(_UNITS, k=rng.choice((1, 1, 1, 2, 3, 6))))
        start, end = (rng.choice(("", rng.choice(_UNITS))) for _ in range(2))
        if rng.random() < 0.2:
            return "".join(rng.choices(_UNITS, k=max(1, size // 4)))[:size]
        return f"{start}{block * (size // len(block) + 1)}"[:size] + end

    def reply(self) -> bytes:
        """What a provider may answer to a submit."""
        if self.rng.random() < 0.4:
            return self._mutilated(REPLIES)
        return self._written(
            {"code": self.rng.choice(_CODES), "result": self.rng.choice(("1", None, self.value()))}
            | self._some_fields()
        )

    def task(self) -> bytes:
        """A callback, or a task that was asked for."""
        if self.rng.random() < 0.4:
            return self._mutilated(CALLBACKS)
        return self._written(self._task())

    def tasks(self) -> bytes:
        """A list of them, or a gateway's page of its ledger."""
        rng = self.rng
        row = self._task() if rng.random() < 0.5 else {"id": "1", "buttons": []}
        written = self._written(row)
        rows = b",".join([written] * (self.size() // len(written) + 1))
        wrap = rng.choice((b"[%b]", b'{"success":true,"data":[%b]}', b'{"data":{"items":[%b]}}'))
        return wrap % rows

    def request(self) -> bytes:
        """What a caller may ask for."""
        rng = self.rng
        if rng.random() < 0.4:
            return self._mutilated(REQUESTS)
        asked: dict[str, Any] = {
            "kind": rng.choice(("imagine", "action", "blend", "describe", self.text(20)))
        }
        names = ("prompt", "then", "metadata", "images", "notify", "account", "task_id", "button")
        for name in rng.sample(names, rng.randrange(1, 4)):
            asked[name] = self.value()
        if rng.random() < 0.2:
            asked |= {f"{self.text(5)}{n}": n for n in range(self.size() // 10)}
        return self._written(asked)

    def rows(self) -> bytes:
        """The file of a batch, in no format or several."""
        rng = self.rng
        head = rng.choice(("", "prompt\n", "prompt,then\n", "sep=", '"', "{", "prompt;key\n"))
        return f"{head}{self.text()}".encode(errors="surrogatepass")

    def value(self) -> Any:
        """A JSON value of any type."""
        rng = self.rng
        match rng.randrange(8):
            case 0:
                return rng.choice((None, True, 0, -1, 1e308, 10**40, 2**53, "", [], {}))
            case 1:
                return [self.text(9)] * (self.size() // 12 + 1)
            case 2:
                return [{rng.choice(_FIELDS): self.text(9)}] * (self.size() // 20 + 1)
            case 3:
                return {self.text(): self.text(9)}
            case 4:
                return self._nested()
            case _:
                return self.text()

    def _nested(self) -> Any:
        value: Any = self.text(5)
        for _ in range(self.rng.choice((3, 19, 30, 400))):
            value = [value] if self.rng.random() < 0.5 else {"then": [value], "press": "U1"}
        return value

    def _task(self) -> dict[str, Any]:
        rng = self.rng
        known = {"status": rng.choice(_STATUSES), "action": rng.choice(_ACTIONS), "submitTime": 1}
        return {"id": rng.choice(("1", self.text(9))), **known, **self._some_fields()}

    def _some_fields(self) -> dict[str, Any]:
        rng = self.rng
        found = {name: self.value() for name in rng.sample(_FIELDS, rng.randrange(1, 4))}
        if rng.random() < 0.3:
            found["properties"] = {rng.choice(_FIELDS): self.value()}
        if rng.random() < 0.2:
            found |= {f"{self.text(5)}{n}": n for n in range(self.size() // 10)}
        return found

    def _mutilated(self, payloads: tuple[bytes, ...]) -> bytes:
        return self.rng.choice(WAYS)(self.rng, self.rng.choice(payloads))

    @staticmethod
    def _written(value: Any) -> bytes:
        return json.dumps(value).encode()
