"""PURE. What every kind of job takes; its jobs keep it as ``worker.domain.job.JobOptions``.

The descriptions are the help texts of the command line.
"""

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from worker.domain.job import JobOptions
from worker.domain.requests.base import Model, Name, depth, within
from worker.domain.requests.notify import Notify
from worker.domain.requests.retry import Retry
from worker.domain.requests.steps import Steps
from worker.domain.result import Keep, KeptFiles

MAX_METADATA = 4096  #: bytes, as JSON
MAX_METADATA_DEPTH = 20


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


def _small_json(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of an object that is plain JSON and small."""
    if depth(value, MAX_METADATA_DEPTH) > MAX_METADATA_DEPTH:
        raise ValueError(f"must not be nested deeper than {MAX_METADATA_DEPTH}")
    try:
        written = json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError):
        raise ValueError("must be plain JSON with finite numbers and valid Unicode") from None
    if len(written) > MAX_METADATA:
        raise ValueError(f"must have at most {MAX_METADATA} bytes as JSON, not {len(written)}")
    copy: dict[str, Any] = json.loads(written)
    return copy


AssetsField = Annotated[
    Assets, BeforeValidator(_in_full, json_schema_input_type=KeptFiles | Assets)
]
Metadata = Annotated[dict[str, Any], AfterValidator(_small_json)]


class Options(Model):
    """What every kind of job takes."""

    then: Steps = Field(default_factory=list, description="Follow-ups.")
    account: Name | None = Field(
        None, description="The account; whichever is free if it is left out."
    )
    priority: Annotated[int, within(0, 9)] = Field(5, description="9 is first.")
    tenant: Name | None = Field(None, description="For whom: tenants share the slots fairly.")
    mode: Literal["fast", "relax", "turbo"] | None = Field(
        None, description="The provider's speed."
    )
    deadline_s: Annotated[int, within(60, 86400)] = Field(
        3600, description="Give up so long after the first submit."
    )
    retry: Retry | None = Field(None, description="Submit again when the task fails.")
    assets: AssetsField | None = Field(None, description="What of the result is stored.")
    metadata: Metadata = Field(default_factory=dict, description="Kept with the job.")
    notify: Notify | None = Field(None, description="Who is told of it.")

    @property
    def job_options(self) -> JobOptions:
        """As the job keeps them."""
        return JobOptions(
            priority=self.priority,
            tenant=self.tenant or "",
            mode=self.mode,
            deadline_s=self.deadline_s,
            retry=self.retry.value if self.retry else None,
            seed=isinstance(self, Pictured) and self.seed,
            keep=self.assets.value if self.assets else None,
            notify=self.notify.value if self.notify else None,
        )


class Pictured(Options):
    """What kinds take that end with a picture."""

    seed: bool = Field(
        default=False,
        description="Ask for the seed of the picture, and of those that follow.",
    )
