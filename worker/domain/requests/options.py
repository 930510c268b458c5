"""PURE. The options of every kind of job, stored as ``worker.domain.job.JobOptions``.

The descriptions are the help texts of the command line.
"""

import json
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from worker.domain.job_spec import JobOptions
from worker.domain.requests.base import Model, depth, within
from worker.domain.requests.notify import Notify
from worker.domain.requests.retry import Retry
from worker.domain.requests.steps import Then
from worker.domain.requests.texts import Name
from worker.domain.result import Keep, KeptFiles

MAX_METADATA = 4096  #: bytes, as JSON
MAX_METADATA_DEPTH = 20


class Assets(Model):
    """Which files to store, and whether to also store a grid's four pictures one by one."""

    what: ClassVar[str] = "`assets`"

    files: KeptFiles = "all"
    tiles: bool = False

    @property
    def value(self) -> Keep:
        """The value stored with the job."""
        return Keep(self.files, self.tiles)


def _expanded(given: Any) -> Any:
    """Expand the short form: ``"grid"`` means ``{"files": "grid"}``."""
    if isinstance(given, str):
        return {"files": given}
    if isinstance(given, dict):
        return given
    raise ValueError("must be off, grid or all, or an object of `files` and `tiles`")


def _as_json(value: Any) -> str:
    """What Celery's JSON and databases have besides plain JSON, as Django writes it."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError


def _small_json(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of the object as plain JSON; refuses what cannot be that, is too deep or too large."""
    if depth(value, MAX_METADATA_DEPTH) > MAX_METADATA_DEPTH:
        raise ValueError(f"must not be nested deeper than {MAX_METADATA_DEPTH}")
    try:
        written = json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_as_json
        ).encode()
    except (TypeError, ValueError):
        raise ValueError("must be plain JSON with finite numbers and valid Unicode") from None
    if len(written) > MAX_METADATA:
        raise ValueError(f"must have at most {MAX_METADATA} bytes as JSON, not {len(written)}")
    copy: dict[str, Any] = json.loads(written)
    return copy


AssetsField = Annotated[
    Assets, BeforeValidator(_expanded, json_schema_input_type=KeptFiles | Assets)
]
Metadata = Annotated[dict[str, Any], AfterValidator(_small_json)]


class Options(Model):
    """The options of every kind of job."""

    then: Then = Field(
        default_factory=list, description="Follow-ups: steps, or the short form `U1,V2>U1`."
    )
    account: Name | None = Field(None, description="The account. [default: any with a free slot]")
    priority: Annotated[int, within(0, 9)] = Field(5, description="9 is first.")
    tenant: Name | None = Field(None, description="The tenant; tenants share the slots fairly.")
    mode: Literal["fast", "relax", "turbo"] | None = Field(
        None, description="The provider's speed."
    )
    deadline_s: Annotated[int, within(60, 86400)] = Field(
        3600, description="Give up this long after the first submit."
    )
    retry: Retry | None = Field(None, description="Submit again when the task fails.")
    assets: AssetsField | None = Field(None, description="What of the result is stored.")
    metadata: Metadata = Field(default_factory=dict, description="Stored with the job.")
    notify: Notify | None = Field(None, description="Where to send notifications.")

    @property
    def job_options(self) -> JobOptions:
        """The values stored with the job."""
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
    """The options of kinds that produce a picture."""

    seed: bool = Field(
        default=False,
        description="Fetch the seed of the picture, and of its follow-ups.",
    )
