"""What lies in the bucket, watched all the time, and held against what must lie there."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.trial import Trouble
from tests.support.s3 import S3
from worker.adapters.decoding import media
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError
from worker.domain.job import Job
from worker.domain.result import AssetsStatus, StoredFile

_NAME = re.compile(
    r"results/[0-9a-f]{32}/[0-9a-f]{32}(-\d+(-tile[1-4]|-thumb)?\.(png|webp)|\.json)"
)


@dataclass(slots=True)
class Watch:
    """Lists the bucket all the time; each object is read when it is first seen.

    An object must be whole at first sight, under a name of ours, and a repeat may only write the
    same again. ``seen``: the ETag and the content of every object so far.
    """

    store: S3
    seen: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    looks: int = 0

    def __call__(self, trouble: Trouble) -> None:
        """Until everything is over."""
        while trouble.pause(0.0):
            trouble.problems += self.look()

    def look(self) -> list[str]:
        """List it once; what is wrong."""
        self.looks += 1
        found = self.store.names()
        gone = [f"{name} is gone" for name in self.seen if name not in found]
        return gone + [each for name, tag in found.items() for each in self._new(name, tag)]

    @property
    def objects(self) -> dict[str, bytes]:
        """What lay there at the last look: where the ETag is the same, so is the content."""
        return {name: data for name, (_, data) in self.seen.items()}

    def _new(self, name: str, tag: str) -> Iterator[str]:
        before, _ = self.seen.get(name, (None, b""))
        if before == tag:
            return
        data = self.store.read(name)
        self.seen[name] = (tag, data)
        if before is not None:
            yield f"{name} was written again with other content"
        if not _NAME.fullmatch(name):
            yield f"{name} is no name of ours"
        elif problem := half_written(name, data):
            yield f"{name} was seen half-written: {problem}"


def half_written(name: str, data: bytes) -> str | None:
    """Why ``data`` is not the whole of a file; None: it is."""
    try:
        if name.endswith(".json"):
            json.loads(data)
        else:
            media.inspect(io.BytesIO(data), ImageLimits())
    except (PictureError, ValueError) as error:
        return str(error)
    return None


def missing(
    jobs: Sequence[Job],
    objects: Mapping[str, bytes],
    drawn: Callable[[Job], str | None],
    *,
    each: Callable[[Job], Sequence[str]],
) -> Iterator[str]:
    """What is not as it must be.

    ``drawn``: the hash of what the provider drew for a job. ``each``: what a job's files must be
    of, in their order.
    """
    expected: set[str] = set()
    for job in jobs:
        result, sidecar = job.result, f"results/{job.spec.pipeline_id}/{job.id}.json"
        if result.assets_status is not AssetsStatus.STORED:
            yield f"{job.id}: its files are {result.assets_status}: {result.assets_error}"
            continue
        kinds = [file.of for file in result.files]
        if kinds != list(each(job)):
            yield f"{job.id} has {kinds} for files"
        expected |= {f"results/{file.path}" for file in result.files} | {sidecar}
        for file in result.files:
            yield from _wrong(file, objects.get(f"results/{file.path}"))
        if result.files and result.files[0].sha256 != drawn(job):
            yield f"{job.id}: its picture is not what the provider drew"
        if _files_of(objects.get(sidecar, b"")) != [file._asdict() for file in result.files]:
            yield f"{sidecar} tells of other files"
    if expected != set(objects):
        lacking, unknown = expected - set(objects), set(objects) - expected
        yield f"{len(lacking)} objects are missing, {len(unknown)} belong to nobody"


def _files_of(sidecar: bytes) -> Any:
    try:
        return json.loads(sidecar)["files"]
    except ValueError:
        return None


def _wrong(file: StoredFile, data: bytes | None) -> Iterator[str]:
    if data is None:
        yield f"{file.path} is missing"
    elif (len(data), hashlib.sha256(data).hexdigest()) != (file.bytes, file.sha256):
        yield f"{file.path} is not what was written"
