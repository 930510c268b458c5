"""SHELL. A storage for dry runs: reads inputs, writes nothing."""

from worker.adapters.storage.storage import Storage, input_ref


class Unwritten(Storage):
    """Reads from ``storage``; returns the reference that a written picture would have there."""

    def __init__(self, storage: Storage) -> None:
        self._kept = storage

    def put_input(self, data: bytes, suffix: str) -> str:
        """Return the reference, without keeping the picture."""
        return input_ref(data, suffix)

    def read_input(self, ref: str) -> bytes:
        """Read the picture from the real storage."""
        return self._kept.read_input(ref)
