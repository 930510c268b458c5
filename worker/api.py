"""Hookline from Python: `from worker import imagine, wait`.

Each kind of job has a function that hands one in and returns its record; the arguments are the
fields of the HTTP call, and a picture may also be a path. The services are built from the
environment when they are first needed, once per process; `connect` says otherwise.

    job = imagine("a lighthouse at dusk --ar 3:2", then="U1,V2>U1")
    print(wait(job).result.assets)

Raises `InvalidRequest` for bad input, `NotFound`, `Conflict` and `ServiceUnavailable`.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from worker.connection import services
from worker.errors import InvalidRequest, NotFound
from worker.job import AssetsStatus, Job, Kind
from worker.schema import parse_then_shorthand

if TYPE_CHECKING:
    from worker.account import Account
    from worker.batch_overview import BatchReport
    from worker.batches import Progress
    from worker.overview import Overview, Report
    from worker.pausing import Pausable
    from worker.plans import Quote
    from worker.store import Filter, Page, Pipeline
    from worker.waits import Waiting

Picture = str | os.PathLike[str]
Bot = Literal["MID_JOURNEY", "NIJI_JOURNEY"]
Then = str | Sequence[Mapping[str, Any]]

#: How often a job that is waited for is looked at, in seconds.
_LOOK_EVERY_S = 0.25


class Retry(TypedDict, total=False):
    """Further attempts by themselves: each is a payment of its own."""

    attempts: int  #: 1-10, submissions in all; 3 if it is left out
    backoff_s: int  #: 1-3600, before the second one, then twice that, ...; 10 if it is left out
    on: Sequence[str]  #: codes of errors, as "failed"; left out: all after which it can help


class Common(TypedDict, total=False):
    """What every kind of job takes."""

    then: Then  #: follow-ups: steps, or the shorthand "U1,V2>U1"
    account: str
    priority: int  #: 0-9, 9 first
    tenant: str  #: for whom: tenants of one priority share the slots fairly
    mode: Literal["fast", "relax", "turbo"]
    deadline_s: int
    retry: Retry  #: further attempts, should the provider's task fail
    metadata: Mapping[str, Any]
    notify: Mapping[str, str]
    key: str  #: the same key and request give the same job again


class ModalAnswer(TypedDict, total=False):
    """The answer to the window that some buttons open."""

    prompt: str
    mask: Picture


def imagine(
    prompt: str,
    *,
    images: Sequence[Picture] | None = None,
    bot_type: Bot | None = None,
    **common: Unpack[Common],
) -> Job:
    """A picture from words, and from pictures as a reference."""
    return _submit(Kind.IMAGINE, common, prompt=prompt, images=images, bot_type=bot_type)


def blend(
    images: Sequence[Picture],
    *,
    dimensions: Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None = None,
    bot_type: Bot | None = None,
    **common: Unpack[Common],
) -> Job:
    """One picture of two to five."""
    return _submit(Kind.BLEND, common, images=images, dimensions=dimensions, bot_type=bot_type)


def describe(image: Picture, *, bot_type: Bot | None = None, **common: Unpack[Common]) -> Job:
    """Prompts from a picture."""
    return _submit(Kind.DESCRIBE, common, image=image, bot_type=bot_type)


def action(
    *,
    job_id: str | None = None,
    task_id: str | None = None,
    button: str | None = None,
    custom_id: str | None = None,
    **common: Unpack[Common],
) -> Job:
    """A button of a finished job, or of a task that only the provider knows; see also ``press``."""
    return _submit(
        Kind.ACTION, common, job_id=job_id, task_id=task_id, button=button, custom_id=custom_id
    )


def modal(
    *,
    job_id: str | None = None,
    task_id: str | None = None,
    prompt: str | None = None,
    mask: Picture | None = None,
    **common: Unpack[Common],
) -> Job:
    """The answer to a window. With ``job_id`` the job that waits for it goes on."""
    return _submit(Kind.MODAL, common, job_id=job_id, task_id=task_id, prompt=prompt, mask=mask)


def shorten(prompt: str, *, bot_type: Bot | None = None, **common: Unpack[Common]) -> Job:
    """A shorter prompt."""
    return _submit(Kind.SHORTEN, common, prompt=prompt, bot_type=bot_type)


def change(
    action: Literal["UPSCALE", "VARIATION", "REROLL"],
    *,
    index: int | None = None,
    job_id: str | None = None,
    task_id: str | None = None,
    **common: Unpack[Common],
) -> Job:
    """Upscale, variation or reroll, for providers without buttons."""
    return _submit(Kind.CHANGE, common, action=action, index=index, job_id=job_id, task_id=task_id)


def edits(
    prompt: str, image: Picture, *, mask: Picture | None = None, **common: Unpack[Common]
) -> Job:
    """A picture changed by words, everywhere or where the mask is."""
    return _submit(Kind.EDITS, common, prompt=prompt, image=image, mask=mask)


def retexture(prompt: str, image: Picture, **common: Unpack[Common]) -> Job:
    """The same shapes in another look."""
    return _submit(Kind.RETEXTURE, common, prompt=prompt, image=image)


def video(
    prompt: str | None = None,
    image: Picture | None = None,
    *,
    end_image: Picture | None = None,
    motion: Literal["low", "high"] | None = None,
    loop: bool | None = None,
    video_type: str | None = None,
    batch_size: int | None = None,
    job_id: str | None = None,
    task_id: str | None = None,
    index: int | None = None,
    **common: Unpack[Common],
) -> Job:
    """A film from a picture; a longer one from a film of ``job_id`` or ``task_id``."""
    return _submit(
        Kind.VIDEO,
        common,
        prompt=prompt,
        image=image,
        end_image=end_image,
        motion=motion,
        loop=loop,
        video_type=video_type,
        batch_size=batch_size,
        job_id=job_id,
        task_id=task_id,
        index=index,
    )


def swap_face(source: Picture, target: Picture, **common: Unpack[Common]) -> Job:
    """The face of ``source`` in ``target``."""
    return _submit(Kind.SWAP_FACE, common, source=source, target=target)


def upload(images: Sequence[Picture], **common: Unpack[Common]) -> Job:
    """Pictures to be kept by the provider; their URLs are the result."""
    return _submit(Kind.UPLOAD, common, images=images)


def submit(request: Mapping[str, Any], *, key: str | None = None) -> Job:
    """Hand in a request as HTTP takes it: ``{"kind": "imagine", "prompt": ...}``."""
    return services().intake.submit(_plain(request), key=key, allow_paths=True)[0]


def quote(request: Mapping[str, Any], *, key: str | None = None) -> "Quote":
    """What ``submit`` of the same would start, and its price; nothing is stored."""
    return services().intake.quote(_plain(request), key=key, allow_paths=True)


def get(job: Job | str) -> Job:
    """The job as it is now."""
    return services().orchestrator.job(_id(job))


def jobs(wanted: "Filter | None" = None, *, limit: int = 50, cursor: str | None = None) -> "Page":
    """Some jobs, newest first."""
    from worker.store import Filter  # noqa: PLC0415  # as above

    if not 1 <= limit <= 200:
        raise InvalidRequest.of("limit", "must be between 1 and 200")
    return services().store.list_jobs(wanted or Filter(), limit, cursor)


def pipeline(job: Job | str) -> "Pipeline":
    """The whole pipeline that the job belongs to."""
    pipeline_id = job.pipeline_id if isinstance(job, Job) else get(job).pipeline_id
    found = services().store.pipeline(pipeline_id)
    if found is None:
        raise NotFound(f"There is no pipeline {pipeline_id!r}.")
    return found


def accounts() -> "list[Report]":
    """How each account stands: its jobs, its money, and how it calls back."""
    return list(overview().reports)


def overview() -> "Overview":
    """All accounts, and what they share."""
    from worker.overview import overview  # noqa: PLC0415  # as above

    return overview(services().orchestrator)


def configured() -> "Mapping[str, Account]":
    """The accounts as they are set, by name."""
    return services().orchestrator.accounts


def pause(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start no job of the account or kind from now on; all that is paused then.

    ``pause("account", "main")``, ``pause("kind", "video")``. What runs goes on.
    """
    from worker import pausing  # noqa: PLC0415  # as above

    return pausing.pause(services().orchestrator, of, name)


def resume(of: "Pausable", name: str) -> tuple[str, ...]:
    """Start its jobs again, also those of an account that was closed or rests."""
    from worker import pausing  # noqa: PLC0415  # as above

    return pausing.resume(services().orchestrator, of, name)


def why_waiting(job: Job) -> "Waiting | None":
    """Why a queued job does not start; None for any other."""
    from worker.waits import waiting  # noqa: PLC0415  # as above

    return waiting(services().orchestrator, job)


def family(job: Job | str) -> list[Job]:
    """The job and all that grew from it, parents before children."""
    found: dict[str, Job] = {}
    for member in pipeline(job).jobs:
        if member.id == _id(job) or member.parent_id in found:
            found[member.id] = member
    return list(found.values())


def is_over(job: Job) -> bool:
    """Whether nothing more happens to the job: it ended, and its files are where they shall be."""
    return job.status.terminal and job.result.assets_status is not AssetsStatus.PENDING


def follow(job: Job | str) -> Iterator[list[Job]]:
    """The job and all that grew from it, again and again, until all of them are over."""
    while True:
        members = family(job)
        yield members
        if all(is_over(member) for member in members):
            return
        time.sleep(_LOOK_EVERY_S)


def wait(job: Job | str, *, timeout_s: float | None = None) -> Job:
    """The job once it and all that grew from it are over.

    Raises ``TimeoutError``; the job goes on all the same.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    for members in follow(job):
        if deadline and time.monotonic() > deadline and not all(map(is_over, members)):
            raise TimeoutError(f"The job {_id(job)} is not over within {timeout_s} s.")
    return get(job)


def press(
    job: Job | str,
    button: str,
    *,
    modal: ModalAnswer | None = None,
    then: Then = (),
    key: str | None = None,
) -> tuple[Job, ...]:
    """Press a button of a finished job; the children, several only for a glob such as ``U*``."""
    asked = _press(button, modal, then)
    return services().intake.press(_id(job), asked, key=key, allow_paths=True)


def quote_press(
    job: Job | str,
    button: str,
    *,
    modal: ModalAnswer | None = None,
    then: Then = (),
    key: str | None = None,
) -> "Quote":
    """What ``press`` of the same would start, and its price; nothing is stored."""
    asked = _press(button, modal, then)
    return services().intake.quote_press(_id(job), asked, key=key, allow_paths=True)


def cancel(job: Job | str) -> Job:
    """Give the job up."""
    return services().intake.cancel(_id(job))


def retry(job: Job | str) -> Job:
    """A further attempt of a job that failed, was cancelled or timed out."""
    return services().intake.retry(_id(job))


def resolve(
    job: Job | str,
    outcome: Literal["resubmit", "failed", "accepted"],
    *,
    task_id: str | None = None,
) -> Job:
    """End the doubt whether the provider accepted the job."""
    asked = _plain({"outcome": outcome, "task_id": task_id})
    return services().intake.resolve(_id(job), asked)


def submit_batch(
    source: "str | os.PathLike[str] | Iterable[str | Mapping[str, Any]]",
    *,
    name: str | None = None,
    form: Literal["ndjson", "csv", "lines"] | None = None,
    budget: float | None = None,
    strict: bool = False,
    permute: bool = True,
    **defaults: Any,
) -> "Progress":
    """Submit the rows of a file, or of anything that gives prompts or requests; what became of
    them.

    A batch is known by its name, that of the file if it is left out. The same name continues the
    same batch: what is there already is left as it is. Bad rows are told of, and the others go on.

    Args:
        source: a path, or prompts and requests, read one at a time.
        name: of the batch.
        form: how the file is written; told from its suffix if it is left out.
        budget: what all of its jobs may cost, in the unit of the prices.
        strict: raise ``InvalidRequest`` for bad rows, and submit nothing.
        permute: whether ``{red, green}`` in a prompt stands for two prompts.
        defaults: fields that all rows share; ``prompt`` is a template over their columns.
    """
    from worker import batch_files  # noqa: PLC0415  # as above
    from worker.batch.request import parse_batch  # noqa: PLC0415  # as above
    from worker.batches import whole  # noqa: PLC0415  # as above

    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        name, form_ = batch_files.name_and_form(path, name, form)
        pieces = batch_files.pieces(path)
    else:
        form_, pieces = "ndjson", batch_files.written(map(_plain, source))
    if "then" in defaults:
        defaults["then"] = _steps(defaults["then"])
    asked = {"name": name, "form": form_, "budget": budget, "defaults": _plain(defaults)}
    request = parse_batch({**asked, "strict": strict, "permute": permute})
    return whole(services().batches.submit(request, pieces, allow_paths=True))


def get_batch(name_or_id: str) -> "BatchReport":
    """How the batch stands."""
    from worker.batch_overview import report  # noqa: PLC0415  # as above

    return report(services().store, services().batches.find(name_or_id), bad_rows=100)


def list_batches(*, limit: int = 50) -> "list[BatchReport]":
    """The newest batches, newest first."""
    from worker.batch_overview import reports  # noqa: PLC0415  # as above

    return reports(services().store, services().store.batches(limit))


def _submit(kind: Kind, common: Common, **fields: Any) -> Job:
    request: dict[str, Any] = {"kind": kind.value, **fields, **common}
    key = request.pop("key", None)
    if "then" in request:
        request["then"] = _steps(request["then"])
    return submit(request, key=key)


def _press(button: str, modal: ModalAnswer | None, then: Then) -> Any:
    return _plain({"button": button, "modal": modal, "then": _steps(then)})


def _steps(then: Then) -> list[Any]:
    return parse_then_shorthand(then) if isinstance(then, str) else list(then)


def _plain(value: Any) -> Any:
    """As JSON has it: paths as text, sequences as lists, without what was left out."""
    match value:
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {name: _plain(item) for name, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def _id(job: Job | str) -> str:
    return job.id if isinstance(job, Job) else job
