"""PURE. What of a result a caller wants stored: one word, or an object that asks for tiles too."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from worker.domain.requests.base import Model
from worker.domain.result import Keep, KeptFiles


class Assets(Model):
    """Which files are stored, and whether a grid is cut into its four pictures besides."""

    what: ClassVar[str] = "`assets`"

    files: KeptFiles = "all"
    tiles: bool = False

    @property
    def value(self) -> Keep:
        """As the job keeps it."""
        return Keep(self.files, self.tiles)


def _in_full(given: Any) -> Any:
    """``"grid"`` is short for ``{"files": "grid"}``."""
    if isinstance(given, str):
        return {"files": given}
    if isinstance(given, dict):
        return given
    raise ValueError("must be off, grid or all, or an object of `files` and `tiles`")


AssetsField = Annotated[
    Assets, BeforeValidator(_in_full, json_schema_input_type=KeptFiles | Assets)
]
