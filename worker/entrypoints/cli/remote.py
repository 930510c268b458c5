"""Hookline as another program uses it: over HTTP, with a token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.domain.errors import HooklineError
from worker.domain.job import Job, JobSpec, Kind, Status
from worker.domain.result import AssetsStatus, JobError, Result
from worker.entrypoints.cli.http import call


class Refused(HooklineError):
    """The server refused what was asked."""


class Remote:
    """The calls that are needed here; ``url`` is that of the web process."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def submit(self, request: Mapping[str, Any]) -> Job:
        """Hand in a job."""
        return read_job(self._call("POST", "/v1/jobs", request))

    def press(self, job_id: str, request: Mapping[str, Any]) -> Job:
        """Press a button of a finished job."""
        return read_job(self._call("POST", f"/v1/jobs/{job_id}/press", request))

    def pipeline(self, pipeline_id: str) -> list[Job]:
        """The jobs of a pipeline, parents before children."""
        return [read_job(job) for job in self._call("GET", f"/v1/pipelines/{pipeline_id}")["jobs"]]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        status, answer = call(method, self._url + path, body, token=self._token)
        if status >= 400 or not isinstance(answer, dict):
            raise Refused(f"{method} {path} was answered {status}: {answer}")
        return answer


def read_job(data: Mapping[str, Any]) -> Job:
    """A job from its JSON, as far as it can be shown."""
    result, error = data["result"], data["error"]
    spec = JobSpec(
        Kind(data["kind"]),
        data["request"],
        created_at=datetime.fromisoformat(data["created_at"]).timestamp(),
        pipeline_id=data["pipeline_id"],
        parent_id=data["parent_id"],
    )
    return Job(
        id=data["id"],
        spec=spec,
        account=data["account"] or "",
        status=Status(data["status"]),
        progress=data["progress"],
        task_id=data["task_id"],
        result=Result(
            image_url=result["image_url"],
            prompts=tuple(result["prompts"]),
            assets=tuple(result["assets"]),
            assets_status=AssetsStatus(result["assets_status"]),
        ),
        error=JobError(**error) if error else None,
    )
