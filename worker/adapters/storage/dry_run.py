"""SHELL. A storage that keeps nothing: what is handed in for a dry run is looked at, no more."""

import hashlib

from worker.adapters.storage.storage import Storage


class Unwritten(Storage):
    """Reads from ``storage``, and gives a picture the reference that it would have there."""

    def __init__(self, storage: Storage) -> None:
        self._kept = storage

    def put_input(self, data: bytes, suffix: str) -> str:
        """The reference alone."""
        return f"blob:{hashlib.sha256(data).hexdigest()}{suffix}"

    def read_input(self, ref: str) -> bytes:
        """The picture that ``ref`` means."""
        return self._kept.read_input(ref)
