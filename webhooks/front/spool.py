"""Bytes that wait: a little in memory, the rest in a temporary file that has no name."""

from io import BytesIO
from tempfile import TemporaryFile
from typing import IO

from webhooks.front.limits import IN_MEMORY

_PIECE = 64 * 1024


class Spool:
    """Written at its end, read from its front."""

    def __init__(self) -> None:
        self.size = 0  #: bytes written so far
        self._taken = 0
        # Not tempfile's SpooledTemporaryFile: that takes 15 µs to make, for each request.
        self._file: IO[bytes] = BytesIO()

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return self.size - self._taken

    def add(self, piece: bytes) -> None:
        """Append. Raises ``OSError`` if the disk is full."""
        if isinstance(self._file, BytesIO) and self.size + len(piece) > IN_MEMORY:
            kept, self._file = self._file, TemporaryFile()  # noqa: SIM115  # closed by ``close``
            self._file.write(kept.getbuffer())
        self._file.seek(self.size)
        self._file.write(piece)
        self.size += len(piece)

    def take(self) -> bytes:
        """The next piece; empty if nothing waits."""
        self._file.seek(self._taken)
        piece = self._file.read(_PIECE)
        self._taken += len(piece)
        return piece

    def whole(self) -> IO[bytes]:
        """Everything as a file, from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Give the memory and the disk back."""
        self._file.close()
