"""Stored files, for browsers: they load nothing from a provider."""

from flask import Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import wrap_file

from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit
from worker.adapters.storage.storage import Storage
from worker.domain.job import Job

#: What may be shown: a drawing (SVG) could run scripts where it is opened on its own.
_SHOWN = ("image/", "video/")
_NOT_SHOWN = "image/svg"
#: Seconds for which a browser keeps a picture whose URL changes with its content.
_FOR_GOOD = 31_536_000

pages = Pages()


@pages.get("/pictures/<job:job_id>/<int:number>-<digest>", "show", counted=False)
def picture(visit: Visit, job_id: str, number: int, digest: str) -> Response:
    """One of a job's stored files; its URL changes with its content."""
    job = visit.desk.visible.job(job_id)
    return sent(visit.services.storage, job, number, digest, keep_s=_FOR_GOOD)


def sent(storage: Storage, job: Job, number: int, digest: str, *, keep_s: int) -> Response:
    """The job's file; a browser keeps it for ``keep_s`` seconds. Raises 404."""
    files = job.result.files
    file = files[number] if number < len(files) else None
    if file is None or not file.sha256.startswith(digest) or not _may_be_shown(file.type):
        raise NotFound
    opened = storage.open_result(file.path)
    body = wrap_file(request.environ, opened)
    made = Response(body, content_type=file.type, direct_passthrough=True)
    made.headers["Cache-Control"] = f"private, max-age={keep_s}, immutable"
    made.content_length = file.bytes
    made.set_etag(file.sha256)
    made.make_conditional(request, accept_ranges=True, complete_length=file.bytes)
    return made


def _may_be_shown(kind: str) -> bool:
    return kind.startswith(_SHOWN) and not kind.startswith(_NOT_SHOWN)
