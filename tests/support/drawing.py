"""Small real pictures for tests."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def draw(form: str = "PNG", size: tuple[int, int] = (8, 6), mode: str = "RGB", **how: Any) -> bytes:
    """A picture of one colour in the given format."""
    file = BytesIO()
    Image.new(mode, size, how.pop("color", 1)).save(file, form, **how)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A tiny PNG that only says that it is ``width`` times ``height``."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0"))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def grid(*colours: str, cell: tuple[int, int] = (8, 6)) -> bytes:
    """Four pictures of one colour each, two by two, as a PNG."""
    file = BytesIO()
    image = Image.new("RGB", (2 * cell[0], 2 * cell[1]))
    for n, colour in enumerate(colours):
        image.paste(Image.new("RGB", cell, colour), (n % 2 * cell[0], n // 2 * cell[1]))
    image.save(file, "PNG")
    return file.getvalue()


def film(brand: bytes = b"isom") -> bytes:
    """The boxes of an MP4 with nothing to see in it."""
    return box(b"ftyp", brand + bytes(4)) + box(b"moov", b"index") + box(b"mdat", bytes(99))


def box(name: bytes, body: bytes) -> bytes:
    """A box of an MP4 or QuickTime film."""
    return struct.pack(">I", 8 + len(body)) + name + body


def bomb(edge: int) -> bytes:
    """A whole black and white PNG of few bytes and many pixels; ``edge``: a multiple of 8."""
    header = struct.pack(">IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(edge * (1 + edge // 8)))
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def colour_bomb(edge: int) -> bytes:
    """A whole PNG of few bytes whose pixels have four bytes each."""
    packed = zlib.compressobj()
    rows = b"".join(packed.compress(bytes(1 + 4 * edge)) for _ in range(edge)) + packed.flush()
    header = struct.pack(">IIBBBBB", edge, edge, 8, 6, 0, 0, 0)
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def minimal_gif() -> tuple[bytes, bytes]:
    """The beginning of a GIF of one pixel, and a frame, which may follow any number of times."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0"
    return head, frame


def png_with(name: bytes, body: bytes, size: tuple[int, int] = (8, 6)) -> bytes:
    """A sound PNG with one more chunk before its pixels."""
    data = draw("PNG", size)
    at = data.index(b"IDAT") - 4
    return data[:at] + _chunk(name, body) + data[at:]
