"""SHELL. A storage for one tenant: it reads only pictures that the tenant's jobs have."""

from collections.abc import Callable

from worker.adapters.storage.storage import Storage
from worker.domain.errors import PictureError


class OwnInputs(Storage):
    """Writes to ``storage``, and reads from there what ``owned`` says is the tenant's.

    Pictures are stored by content, so that two tenants may have the same one without knowing.
    """

    def __init__(self, storage: Storage, owned: Callable[[str], bool]) -> None:
        self._kept = storage
        self._owned = owned

    def put_input(self, data: bytes, suffix: str) -> str:
        """Store a picture; return its reference."""
        return self._kept.put_input(data, suffix)

    def read_input(self, ref: str) -> bytes:
        """Read a picture. Raises ``PictureError`` as if another's were not there."""
        if not self._owned(ref):
            raise PictureError("the picture is not in the storage; submit it again")
        return self._kept.read_input(ref)
