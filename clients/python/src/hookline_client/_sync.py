"""The client that blocks. Made by `make clients`; do not edit."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from hookline_client import _core as core
from hookline_client._core import JobOrId, Rows
from hookline_client.errors import JobFailed, NotOver, Unreachable
from hookline_client.types import (
    Accounts,
    Batch,
    BatchNotify,
    Job,
    ModalAnswer,
    NewJob,
    Page,
    Pipeline,
    Quote,
    Step,
    Taken,
)


class Hookline:
    """Talks to one Hookline. Use it as a context manager, or call `close`.

    `url`: its address, by default `HOOKLINE_URL` or `http://127.0.0.1:8000`. `token`: an API token,
    by default `HOOKLINE_API_TOKEN`. `timeout_s`: for one call. `transport`: for tests.

    Submissions carry an idempotency key, so they and all reads are repeated after a broken
    connection or a 503, and nothing is paid twice. Methods raise `ApiError` and `Unreachable`.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = core.TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=core.address(url),
            headers=core.authorization(token),
            timeout=timeout_s,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, request: NewJob, *, key: str | None = None) -> Job:
        """Submit a job; it is recorded when this returns.

        `key`: the same key and request give the same job, also from another process.
        """
        job: Job = self._call(
            "POST", "/v1/jobs", json=request, headers=core.new_key(key), harmless=True
        )
        return job

    def quote(self, request: NewJob) -> Quote:
        """What `submit` would start and cost; nothing is stored."""
        quote: Quote = self._call(
            "POST", "/v1/jobs", json=request, params={"dry_run": "true"}, harmless=True
        )
        return quote

    def get(self, job: JobOrId) -> Job:
        """The job as it is now, with what it waits for."""
        found: Job = self._call("GET", f"/v1/jobs/{core.id_of(job)}")
        return found

    def jobs(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        account: str | None = None,
        batch: str | None = None,
    ) -> Iterator[Job]:
        """All jobs that fit, newest first; pages are fetched as they are needed.

        `batch`: its id.
        """
        asked = core.query(status=status, kind=kind, account=account, batch=batch, limit=200)
        while True:
            page: Page = self._call("GET", "/v1/jobs", params=asked)
            for job in page["items"]:
                yield job
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def pipeline(self, job: JobOrId) -> Pipeline:
        """The whole pipeline that the job belongs to."""
        found = self.get(job) if isinstance(job, str) else job
        pipeline: Pipeline = self._call("GET", f"/v1/pipelines/{found['pipeline_id']}")
        return pipeline

    def follow(self, job: JobOrId, *, every_s: float = core.LOOK_EVERY_S) -> Iterator[list[Job]]:
        """Yield the job and all that grew from it, whenever something has changed.

        It ends when all of them are over and their files are stored or given up.
        """
        found = self.get(job) if isinstance(job, str) else job
        shown: list[Job] | None = None
        while True:
            members = core.family(found["id"], self.pipeline(found))
            if members != shown:
                yield members
            if all(map(core.is_over, members)):
                return
            shown = members
            time.sleep(every_s)

    def wait(
        self, job: JobOrId, *, timeout_s: float | None = None, every_s: float = core.LOOK_EVERY_S
    ) -> Job:
        """The job, once it and all that grew from it are over and their files are stored.

        Raises `JobFailed` if the job itself did not succeed, and `NotOver` after `timeout_s`.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        found = self.get(job) if isinstance(job, str) else job
        while True:
            members = core.family(found["id"], self.pipeline(found))
            if all(map(core.is_over, members)):
                break
            if deadline is not None and time.monotonic() >= deadline:
                raise NotOver(
                    f"Job {found['id']} is not over within {timeout_s:g} s; it continues."
                )
            time.sleep(every_s)
        if members[0]["status"] != "succeeded":
            raise JobFailed(members[0])
        return members[0]

    def press(
        self,
        job: JobOrId,
        button: str,
        *,
        modal: ModalAnswer | None = None,
        then: list[Step] | None = None,
        key: str | None = None,
    ) -> list[Job]:
        """Press a button of a succeeded job, by name, label or emoji; the jobs that this starts.

        It is one job, except for a pattern such as `U*`.
        """
        asked = {"button": button, "modal": modal, "then": then}
        path, keyed = f"/v1/jobs/{core.id_of(job)}/press", core.new_key(key)
        answer = self._call("POST", path, json=asked, headers=keyed, harmless=True)
        children: list[Job] = answer.get("items") or [answer]
        return children

    def cancel(self, job: JobOrId) -> Job:
        """Cancel the job and what waits for it. Raises `Conflict` if it is over."""
        cancelled: Job = self._call("POST", f"/v1/jobs/{core.id_of(job)}/cancel")
        return cancelled

    def retry(self, job: JobOrId) -> Job:
        """Try a job again that failed, was cancelled or timed out; it is paid again."""
        queued: Job = self._call("POST", f"/v1/jobs/{core.id_of(job)}/retry")
        return queued

    def submit_batch(
        self,
        name: str,
        rows: Rows,
        *,
        defaults: dict[str, Any] | None = None,
        budget: float | None = None,
        strict: bool | None = None,
        notify: BatchNotify | None = None,
    ) -> Taken:
        """Submit many jobs as one stream; a row is a job's fields, or a prompt.

        Rows that the batch has already are not submitted again: after an error submit all of them
        again under the same name. `budget`: what all of them may cost; `strict`: none if one of
        them is bad.
        """
        asked = core.query(
            name=name, defaults=defaults, budget=budget, strict=strict, notify=notify
        )
        try:
            response = self._http.post(
                "/v1/batches",
                params=asked,
                content=core.lines(rows),
                headers={"Content-Type": core.NDJSON},
                timeout=None,  # it is answered when the last row is stored
            )
        except httpx.TransportError as error:
            raise Unreachable(f"{error!r}. Submit the same rows again.") from error
        taken: Taken = core.answer_of(response)
        return taken

    def batch(self, batch: str) -> Batch:
        """A batch by its id or name: its rows, jobs, errors and cost."""
        found: Batch = self._call("GET", f"/v1/batches/{batch}")
        return found

    def wait_for_batch(
        self, batch: str, *, timeout_s: float | None = None, every_s: float = core.LOOK_EVERY_S
    ) -> Batch:
        """The batch, once all of its jobs are over. Raises `NotOver` after `timeout_s`.

        The last files may still be on their way to the storage; `wait` for a job waits for them.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while (found := self.batch(batch))["status"] != "finished":
            if deadline is not None and time.monotonic() >= deadline:
                raise NotOver(f"Batch {batch} is not over within {timeout_s:g} s; it continues.")
            time.sleep(every_s)
        return found

    def manifest(self, batch: str) -> Iterator[dict[str, Any]]:
        """A line per job of the batch: row, files, prompt, cost, error."""
        with self._http.stream("GET", f"/v1/batches/{batch}/manifest") as response:
            self._check(response)
            for line in response.iter_lines():
                yield json.loads(line)

    def read_file(self, job: JobOrId, number: int) -> Iterator[bytes]:
        """The bytes of a stored file, in pieces; `number` is its place in `result.files`."""
        path = f"/v1/jobs/{core.id_of(job)}/files/{number}"
        with self._http.stream("GET", path) as response:
            self._check(response)
            for piece in response.iter_bytes():
                yield piece

    def save_files(self, job: JobOrId, folder: Path | str) -> list[Path]:
        """Write the images and videos of a finished job into a folder, without its thumbnails.

        A file gets its name when it is complete.
        """
        found = self.get(job)
        saved = []
        for number, file in enumerate(found["result"]["files"]):
            if file["of"] == "thumbnail":
                continue
            place = Path(folder) / core.file_name(file)
            draft = place.with_name(f"{place.name}.part")
            place.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as out:
                for piece in self.read_file(found, number):
                    out.write(piece)
            saved.append(draft.replace(place))
        return saved

    def accounts(self) -> Accounts:
        """Each account's slots, jobs and money."""
        found: Accounts = self._call("GET", "/v1/accounts")
        return found

    def _call(self, method: str, path: str, *, harmless: bool | None = None, **more: Any) -> Any:
        """The JSON of the answer. A call that is `harmless` to repeat is repeated, as all reads."""
        again = method == "GET" if harmless is None else harmless
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._http.request(method, path, **more)
            except httpx.TransportError as error:
                pause = core.pause_before(attempt, None) if again else None
                if pause is None:
                    raise Unreachable(f"{self._http.base_url}: {error!r}") from error
            else:
                pause = core.pause_before(attempt, response) if again else None
                if pause is None:
                    return core.answer_of(response)
            time.sleep(pause)

    @staticmethod
    def _check(response: httpx.Response) -> None:
        if not response.is_success:
            response.read()
            raise core.error_of(response)
