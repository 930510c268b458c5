"""PURE. The names of stored files, from a template such as ``{pipeline}/{job}-{n}.{ext}``.

Every name has the job's id and the file's number, so that names are unique. All files of a job are
in one folder, next to its sidecar. Values from outside are sanitised.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.domain.job import Job
from worker.domain.job_spec import Kind

DEFAULT = "{pipeline}/{job}-{n}.{ext}"
FIELDS = ("pipeline", "job", "n", "ext", "kind", "batch", "row", "date")
MAX_LENGTH = 200

_FIELD = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9._/-]*", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
#: Value of an empty field, such as the row of a job without a batch.
_NOTHING = "none"


def check(template: str) -> str:
    """Return the template if it is valid.

    Raises:
        ValueError: with the problem, worded to follow "NAME: ".
    """
    literal = _FIELD.sub("", template)
    fields = _FIELD.findall(template)
    folder, _, name = template.rpartition("/")
    unknown = [field for field in fields if field not in FIELDS]
    if unknown:
        listed = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise ValueError(f"{{{unknown[0]}}} is not known; choose from {listed}")
    if len(template) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
    if not _PLAIN.fullmatch(literal):
        raise ValueError("may hold letters, digits, . _ - / and fields in braces")
    if any(part.startswith(".") or not part for part in template.split("/")):
        raise ValueError("must be a path below the root: no part may be empty or begin with a dot")
    if template.startswith("inputs/"):
        raise ValueError("must not begin with inputs/, where submitted pictures are kept")
    if "}{" in template:
        raise ValueError("needs something between two fields, such as -, or names could be equal")
    if not name.endswith(".{ext}") or name.count("{ext}") > 1:
        raise ValueError("must end with .{ext}")
    if "{n}" not in name or "job" not in fields:
        raise ValueError("must hold {job}, and {n} behind the last /, or files would share a name")
    if "{n}" in folder or "{ext}" in folder:
        raise ValueError("must not hold {n} or {ext} before the last /: a job's files lie together")
    return template


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one job's files. ``root``: of its pipeline; ``batch``: the batch's name."""

    template: str
    job: Job
    root: Job
    batch: str | None = None

    def file(self, n: int, ext: str) -> str:
        """The ``n``-th file, counted from 0; ``ext`` without a dot."""
        return _FIELD.sub(lambda field: self._values(n, ext)[field[1]], self.template)

    def tile(self, n: int, number: int, ext: str) -> str:
        """Tile 1-4 of the ``n``-th file."""
        return f"{self._stem(n)}-tile{number}.{ext}"

    def thumbnail(self, n: int) -> str:
        """The thumbnail of the ``n``-th file."""
        return f"{self._stem(n)}-thumb.webp"

    @property
    def sidecar(self) -> str:
        """The job's sidecar."""
        folder, slash, _ = self.file(0, "").rpartition("/")
        return f"{folder}{slash}{self.job.id}.json"

    def _stem(self, n: int) -> str:
        return self.file(n, "").removesuffix(".")

    def _values(self, n: int, ext: str) -> Mapping[str, str]:
        row = self.root.spec.row
        return {
            "pipeline": self.job.spec.pipeline_id,
            "job": self.job.id,
            "n": str(n),
            "ext": ext,
            "kind": Kind.VIDEO.value if self.job.makes_film else self.job.kind.value,
            "batch": _sanitised(self.batch),
            "row": _NOTHING if row is None else str(row),
            # Of the root, so that a pipeline that runs past midnight stays in one folder.
            "date": datetime.fromtimestamp(self.root.spec.created_at, UTC).date().isoformat(),
        }


def _sanitised(text: str | None) -> str:
    """Only characters that are safe in file names and URLs."""
    return _UNSAFE.sub("-", text or "")[:64].strip("-") or _NOTHING
