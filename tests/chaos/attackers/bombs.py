"""PURE. Small files that take much of whoever opens them."""

import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from struct import pack

from PIL import Image

#: Frames of an animation, and links of a result.
MANY_FRAMES = 300_000
MANY_LINKS = 3_000
_EDGE = 7_000  # 49 million pixels


def png(edge: int = _EDGE, *, text: bool = False) -> bytes:
    """A black picture, in 190 KB; with ``text`` a comment of 200 MB as well."""
    row = b"\0" * (1 + 4 * edge)
    parts = [_chunk(b"IHDR", pack(">IIBBBBB", edge, edge, 8, 6, 0, 0, 0))]
    if text:
        megabytes = (b" " * 1_000_000 for _ in range(200))
        parts.append(_chunk(b"zTXt", b"Comment\0\0" + _deflated(megabytes)))
    parts.append(_chunk(b"IDAT", _deflated(row for _ in range(edge))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")


def apng(frames: int = 60) -> bytes:
    """An animation, each of whose frames is as large as the picture (4 megapixels)."""
    edge = 2_000
    data = _deflated(b"\0" * (1 + 4 * edge) for _ in range(edge))
    parts = [
        _chunk(b"IHDR", pack(">IIBBBBB", edge, edge, 8, 6, 0, 0, 0)),
        _chunk(b"acTL", pack(">II", frames, 0)),
    ]
    for n in range(frames):
        at = 2 * n
        place = pack(">IIIIIHHBB", max(0, at - 1), edge, edge, 0, 0, 1, 9, 0, 0)
        parts.append(_chunk(b"fcTL", place))
        if n == 0:
            parts.append(_chunk(b"IDAT", data))
        else:
            parts.append(_chunk(b"fdAT", pack(">I", at) + data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")


def gif(frames: int = MANY_FRAMES) -> bytes:
    """An animation of so many frames of one pixel."""
    head = b"GIF89a" + pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x01\0\0\0" + b"\x2c" + pack("<HHHHB", 0, 0, 1, 1, 0)
    return head + (frame + b"\x02\x02\x44\x01\0") * frames + b"\x3b"


def gif_canvas(frames: int = 20) -> bytes:
    """An animation on a canvas of 49 megapixels, one pixel of which changes."""
    head = b"GIF89a" + pack("<HHBBB", _EDGE, _EDGE, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\x08\x01\0\0\0" + b"\x2c" + pack("<HHHHB", 0, 0, 1, 1, 0)
    return head + (frame + b"\x02\x02\x44\x01\0") * frames + b"\x3b"


def webp(frames: int = 50_000, edge: int = 2_000) -> bytes:
    """An animation of so many frames of one pixel, on a canvas of four megapixels."""
    still = BytesIO()
    Image.new("RGB", (1, 1)).save(still, "WEBP", lossless=True)
    picture = still.getvalue()[12:]
    size = (edge - 1).to_bytes(3, "little")
    place = b"\0\0\0" * 2 + (0).to_bytes(3, "little") * 2 + (10).to_bytes(3, "little") + b"\0"
    parts = [_riff(b"VP8X", b"\x02\0\0\0" + size + size), _riff(b"ANIM", b"\0" * 6)]
    parts += [_riff(b"ANMF", place + picture)] * frames
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + pack("<I", len(body)) + body


def webp_canvas() -> bytes:
    """Two frames on a canvas of 144 megapixels, which its reader takes from the beginning."""
    return webp(2, 12_000)


def jpeg() -> bytes:
    """A grey picture of 49 megapixels that comes in ever finer scans."""
    made = BytesIO()
    Image.new("L", (_EDGE, _EDGE)).save(made, "JPEG", progressive=True)
    return made.getvalue()


def cut() -> bytes:
    """The first half of a picture of 49 megapixels."""
    whole = png()
    return whole[: len(whole) // 2]


def film(boxes: int = 1_000_000) -> bytes:
    """A film of very many empty boxes."""
    return pack(">I", 16) + b"ftypisom\0\0\0\0" + (pack(">I", 8) + b"free") * boxes


#: By name. Each is made when it is asked for.
BOMBS: dict[str, Callable[[], bytes]] = {
    "png": png,
    "png_text": lambda: png(64, text=True),
    "apng": apng,
    "gif": gif,
    "gif_canvas": gif_canvas,
    "webp": webp,
    "webp_canvas": webp_canvas,
    "jpeg": jpeg,
    "cut": cut,
    "film": film,
}


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


def _riff(name: bytes, data: bytes) -> bytes:
    return name + pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _deflated(pieces: Iterator[bytes]) -> bytes:
    made = zlib.compressobj(9)
    return b"".join([*map(made.compress, pieces), made.flush()])
