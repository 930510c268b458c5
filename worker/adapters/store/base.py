"""What all parts of the store share: scripts, listings, and calling the driver."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from worker.adapters.store.connection import unavailable
from worker.adapters.store.places import read_cursor
from worker.domain.errors import StoreUnavailable

#: Index entries that one page of a filtered listing of deliveries reads at most.
SCAN = 2000
#: The library files that go in front of each script.
_SHARED = {
    "commit": ("places", "scheduling", "outbox", "inputs", "listings"),
    "next_ready": ("places", "scheduling"),
    "call": ("places", "scheduling"),
    "why_waiting": ("places", "scheduling"),
    "mend_slots": ("places",),
    "close_batch": ("outbox",),
    "forget": ("places", "inputs", "listings"),
    "list_jobs": ("places", "listings"),
    "next_stored": ("places",),
    "list_stored": ("places", "listings"),
    "keep_refusal": ("outbox",),
    "save_alerts": ("outbox",),
    "settle_notification": ("outbox",),
}


class Part:
    """A part of the store: a client, which threads may share, and the prefix of all keys."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        self._redis = client
        self._prefix = prefix
        self._scripts: dict[str, Script] = {}

    def _docs(self, what: str, ids: Iterable[str]) -> list[bytes | None]:
        """The stored document of each ``<what>:<id>``, or None."""
        pipe = self._redis.pipeline(transaction=False)
        for each in ids:
            pipe.hget(f"{self._prefix}{what}:{each}", "doc")
        docs: list[bytes | None] = self._ask(pipe.execute)
        return docs

    def _listed(self, index: str, cursor: str | None) -> tuple[list[str], bool]:
        """The newest ids of an index by time, from the cursor on, and whether more follow."""
        top, after_id = read_cursor(cursor) if cursor else (float("inf"), "")
        key = f"{self._prefix}{index}"
        entries = self._ask(
            self._redis.zrevrangebyscore, key, top, "-inf", 0, SCAN, withscores=True
        )
        # Entries with the cursor's time are ordered by id: skip those of the page before.
        found = [each.decode() for each, at in entries if at < top or each.decode() < after_id]
        return found, len(entries) == SCAN

    def _run(self, script: str, *args: Any, pipe: Any = None) -> Any:
        """Run ``lua/<script>.lua`` with the prefix and ``args``, or queue it in ``pipe``."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._redis.register_script(_source(script))
        if pipe is not None:
            return self._ask(known, args=[self._prefix, *args], client=pipe)
        try:
            # As `Script` does it, without all that redis-py does around `evalsha`.
            evalsha: Any = self._redis.execute_command
            return evalsha("EVALSHA", known.sha, 0, self._prefix, *args)
        except NoScriptError:  # first use, or a server that started again
            return self._ask(known, args=[self._prefix, *args])
        except RedisError as error:
            raise self._failed(error) from error

    def _run_all(self, script: str, all_args: Iterable[Sequence[Any]], *last: Any) -> list[Any]:
        """Run the script with the prefix and each of ``all_args``, and then the command ``last``,
        if any, on one connection in one exchange.
        """
        known = self._redis.register_script(_source(script))
        commands = [("EVALSHA", known.sha, 0, self._prefix, *args) for args in all_args]
        answers = self._exchange([*commands, *([last] if last else [])])
        unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # first use, or a server that started again
            self._ask(self._redis.script_load, known.script)
            again = self._exchange([*(commands[n] for n in unknown), *([last] if last else [])])
            for n, answer in zip(unknown, again, strict=False):
                answers[n] = answer
            answers[len(commands) :] = again[len(unknown) :]
        for answer in answers:
            if isinstance(answer, RedisError):
                raise self._failed(answer)
        return answers

    def _exchange(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        pipe: Any = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = self._ask(pipe.execute, raise_on_error=False)
        return answers

    def _claim(self, index: str, what: str, now: float, limit: int, lease_s: float) -> list[bytes]:
        """The docs of ``what`` that is due by its ``index``; its due time moves by ``lease_s``."""
        return [doc for doc in self._run("claim", index, f"{what}:", now, limit, lease_s) if doc]

    def _ask(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the driver; its errors become ``StoreUnavailable``."""
        try:
            return call(*args, **kwargs)
        except RedisError as error:
            raise self._failed(error) from error

    def _failed(self, error: RedisError) -> StoreUnavailable:
        """What the driver's error means. A primary that was demoted is left: its address, a managed
        server's for one, leads to the new one by now.
        """
        if isinstance(error, ReadOnlyError) or "READONLY" in str(error):
            self._redis.connection_pool.disconnect(inuse_connections=False)
        return unavailable(error)


@cache
def _source(script: str) -> str:
    folder = files("worker.adapters.store").joinpath("lua")
    names = (*_SHARED.get(script, ()), script)
    return "\n".join(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in names)
