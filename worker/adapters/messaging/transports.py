"""kombu's transports, made to survive messages that they cannot read.

Redis: kombu reads what lies in a list without checking it. RabbitMQ: py-amqp cannot decode each
header that RabbitMQ takes, such as a short number from Java, and what it raises ends the worker,
whose successor gets the same message.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from amqp.method_framing import frame_handler
from amqp.serialization import decode_properties_basic
from kombu import compression
from kombu.transport import pyamqp, redis
from kombu.utils.encoding import bytes_to_str
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.logger import get_logger
from worker.adapters.messaging.envelopes import MAX_BODY, readable

log = get_logger(__name__)

#: The type of AMQP's frames that hold a message's properties, and where these begin in it.
_HEADER, _PROPERTIES = 2, 12


class _QoS(redis.QoS):
    """Messages that were delivered and not acknowledged."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002
        """Put it back into its queue; drop what is no message."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            log.warning("broker.unreadable_dropped", error=type(error).__name__)
            self._remove_from_indices(tag).execute()  # type: ignore[attr-defined]


class _Reading:
    """Mixed into a channel of Redis: it reads messages through ``readable``."""

    QoS = _QoS
    sep: str
    pool: Any
    _shared: Any = None  # the client of all commands that wait for nothing

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002
        if asynchronous:
            return self._reading(super()._create_client(asynchronous))  # type: ignore[misc]
        # kombu makes one for each command, which costs more than the command; the connections are
        # the pool's, which a lost connection replaces.
        if self._shared is None or self._shared.connection_pool is not self.pool:
            self._shared = super()._create_client()  # type: ignore[misc]
        return self._shared

    def _reading(self, client: Any) -> Any:
        parse = client.parse_response

        def parse_response(connection: Any, command_name: Any, **options: Any) -> Any:
            answer = parse(connection, command_name, **options)
            if command_name != "BRPOP" or not answer:
                return answer
            key, item = answer
            return key, readable(item, bytes_to_str(key).rsplit(self.sep, 1)[0])

        client.parse_response = parse_response
        return client


class _RedisChannel(_Reading, redis.Channel):  # type: ignore[misc]
    pass


class _SentinelChannel(_Reading, redis.SentinelChannel):  # type: ignore[misc]
    """kombu waits without end for a sentinel whose machine is gone, before it asks the next one."""

    socket_connect_timeout: float | None
    sentinel_kwargs: dict[str, Any] | None

    def _sentinel_managed_pool(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002
        patience_s = self.socket_connect_timeout
        limits = {"socket_timeout": patience_s, "socket_connect_timeout": patience_s}
        once = {"retry": Retry(NoBackoff(), 0)}
        self.sentinel_kwargs = {**limits, **once, **(self.sentinel_kwargs or {})}
        return super()._sentinel_managed_pool(asynchronous)  # type: ignore[misc]


class _Redis(redis.Transport):
    Channel = _RedisChannel


class _Sentinel(redis.SentinelTransport):
    Channel = _SentinelChannel


def tolerant(connection: Any, callback: Any) -> Callable[[tuple[int, int, Any]], Any]:
    """py-amqp's reader of frames; of a message with unreadable properties it reads none."""
    on_frame = frame_handler(connection, callback)

    def on_any_frame(frame: tuple[int, int, Any]) -> Any:
        kind, channel, content = frame
        if kind == _HEADER:
            try:
                decode_properties_basic(content, _PROPERTIES)
            except Exception as error:  # noqa: BLE001  # struct's, codecs', datetime's, ...
                log.warning("broker.unreadable_properties", error=type(error).__name__)
                frame = kind, channel, bytes(content[:_PROPERTIES]) + b"\0\0"
        return on_frame(frame)

    return on_any_frame


class _AmqpConnection(pyamqp.Connection):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, frame_handler=tolerant)


class _Amqp(pyamqp.Transport):
    Connection = _AmqpConnection


class _AmqpTls(pyamqp.SSLTransport):
    Connection = _AmqpConnection

    def establish_connection(self) -> Any:
        """As kombu's, which would check all nodes for the name of the first one that it asked."""
        client: Any = self.client
        client.ssl = dict(client.ssl)
        return super().establish_connection()


#: Ours, by the one that kombu would take.
OURS: dict[type, type] = {
    redis.Transport: _Redis,
    redis.SentinelTransport: _Sentinel,
    pyamqp.Transport: _Amqp,
    pyamqp.SSLTransport: _AmqpTls,
}


class _Decompressor(Protocol):
    eof: bool

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def bound_decompression() -> None:
    """Let kombu unpack no more than ``MAX_BODY`` bytes of a message, in this whole process."""
    bounded = list(_COMPRESSIONS)
    if zstd := getattr(compression, "zstd", None):  # part of Python 3.14, or a package
        bounded.append((zstd.compress, zstd.ZstdDecompressor, "application/zstd", ["zstd"]))
    for compress, decompressor, kind, names in bounded:
        compression.register(compress, _bounded(decompressor), kind, names)
    known = {kind for *_, kind, _ in bounded}
    for kind in set(compression.encoders()) - known:
        compression.register(_refused, _refused, kind)


def _bounded(decompressor: Callable[[], Any]) -> Callable[[bytes], bytes]:
    def decompress(data: bytes) -> bytes:
        one: _Decompressor = decompressor()
        found = one.decompress(data, MAX_BODY + 1)
        if len(found) > MAX_BODY:
            raise ValueError("it is too large")
        if not one.eof:
            raise ValueError("it is cut off")
        return found

    return decompress


def _refused(_: bytes) -> bytes:
    raise ValueError("it is not known here")


#: A message may ask for a dictionary of 4 GiB; `xz -9` takes 65 MiB.
_lzma = partial(lzma.LZMADecompressor, memlimit=4 * MAX_BODY)
_COMPRESSIONS: tuple[tuple[Any, Callable[[], Any], str, list[str]], ...] = (
    (zlib.compress, zlib.decompressobj, "application/x-gzip", ["gzip", "zlib"]),
    (bz2.compress, bz2.BZ2Decompressor, "application/x-bz2", ["bzip2", "bzip"]),
    (lzma.compress, _lzma, "application/x-lzma", ["lzma", "xz"]),
)
