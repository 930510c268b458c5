"""Hookline as another program uses it: over HTTP, with a token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.domain.errors import HooklineError
from worker.domain.job import Job, Kind, Status
from worker.domain.result import AssetsStatus, JobError, Result
from worker.entrypoints.cli.http import call


class Remote:
    """The calls that the demo needs; ``url`` is the web process's.

    Raises ``HooklineError`` where a call is refused.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def submit(self, request: Mapping[str, Any]) -> Job:
        """Submit a job."""
        return _job(self._call("POST", "/v1/jobs", request))

    def press(self, job_id: str, request: Mapping[str, Any]) -> Job:
        """Press a button of a finished job."""
        return _job(self._call("POST", f"/v1/jobs/{job_id}/press", request))

    def pipeline(self, pipeline_id: str) -> list[Job]:
        """The jobs of a pipeline, parents before children."""
        return [_job(job) for job in self._call("GET", f"/v1/pipelines/{pipeline_id}")["jobs"]]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        status, answer = call(method, self._url + path, body, token=self._token)
        if status >= 400 or not isinstance(answer, dict):
            raise HooklineError(f"{method} {path} was answered {status}: {answer}")
        return answer


def _job(data: Mapping[str, Any]) -> Job:
    """A job from its JSON, with the fields that are shown."""
    result, error = data["result"], data["error"]
    return Job(
        id=data["id"],
        kind=Kind(data["kind"]),
        account=data["account"] or "",
        pipeline_id=data["pipeline_id"],
        parent_id=data["parent_id"],
        created_at=datetime.fromisoformat(data["created_at"]).timestamp(),
        request=data["request"],
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
