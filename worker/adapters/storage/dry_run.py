"""SHELL. A storage for dry runs: it checks inputs and keeps none."""

from worker.adapters.storage.storage import Storage, input_ref


class Unwritten(Storage):
    """Reads from ``storage``, and gives a picture the reference that it would have there."""

    def __init__(self, storage: Storage) -> None:
        self._kept = storage

    def put_input(self, data: bytes, suffix: str) -> str:
        """Return the reference, without keeping the picture."""
        return input_ref(data, suffix)

    def read_input(self, ref: str) -> bytes:
        """Read the picture from the real storage."""
        return self._kept.read_input(ref)
