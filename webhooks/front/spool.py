"""Bytes that wait: a little in memory, the rest in a temporary file that has no name."""

from tempfile import SpooledTemporaryFile
from typing import IO, cast

from webhooks.front.limits import IN_MEMORY

_PIECE = 64 * 1024


class Spool:
    """Written at its end, read from its front."""

    def __init__(self) -> None:
        self.size = 0  #: bytes written so far
        self._taken = 0
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed by ``close``

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return self.size - self._taken

    def add(self, piece: bytes) -> None:
        """Append. Raises ``OSError`` if the disk is full."""
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
        return cast("IO[bytes]", self._file)

    def close(self) -> None:
        """Give the memory and the disk back."""
        self._file.close()
