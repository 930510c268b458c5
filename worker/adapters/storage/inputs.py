"""SHELL. A caller's pictures: taken in when a job is handed in, loaded when it is submitted.

A job never holds a picture, only a reference: ``blob:...`` in the storage, or the URL that the
caller gave. What a URL holds is taken in when the job is first submitted, and is the picture from
then on: whatever becomes of the URL, and whichever worker submits the job again.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from worker.adapters.storage import pictures
from worker.adapters.storage.fetching import check_url, fetch
from worker.adapters.storage.pictures import Picture
from worker.adapters.storage.storage import Storage
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, PictureError
from worker.domain.job import Kind
from worker.domain.requests import PressRequest, picture_fields

#: What is taken in, and what is downloaded; an account's own limit is met by ``load``.
MAX_INPUT_BYTES = 20 * 1024 * 1024

_WEB = re.compile(r"https?://", re.IGNORECASE)


class Options(TypedDict):
    """How pictures are taken in at one door."""

    storage: Storage
    max_bytes: int  #: usually ``MAX_INPUT_BYTES``
    allow_paths: bool  #: whether a picture may be a file of this machine (command line, Celery)
    allowed_hosts: Collection[str]  #: see ``Account.allowed_hosts``


def ingest(ref: str, **options: Unpack[Options]) -> str:
    """The reference that the job keeps for the picture that a caller gave as ``ref``.

    A data URL or a path is checked and stored, a ``blob:`` reference must be there, and a URL is
    kept as it is, if it may be fetched at all.

    Raises:
        PictureError: it cannot be used.
        ServiceUnavailable: the storage does not answer.
    """
    kept, _ = _take(ref, options)
    return kept


def ingest_request(
    kind: Kind,
    request: Mapping[str, Any],
    then: Iterable[Mapping[str, Any]],
    **options: Unpack[Options],
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    """A validated request and its steps, with all pictures and masks taken in.

    Raises:
        InvalidRequest: with every picture that cannot be used, by its path.
        ServiceUnavailable: the storage does not answer.
    """
    enqueuer = _Intake(options)
    kept = enqueuer.request(kind, request), enqueuer.steps(then, "then")
    enqueuer.finish()
    return kept


def ingest_press(press: PressRequest, **options: Unpack[Options]) -> PressRequest:
    """A validated press with its masks taken in; raises as ``ingest_request`` does."""
    enqueuer = _Intake(options)
    kept = replace(
        press, modal=enqueuer.modal(press.modal, "modal"), then=enqueuer.steps(press.then, "then")
    )
    enqueuer.finish()
    return kept


def keep(ref: str, *, storage: Storage, account: Account, deadline_s: float = 30.0) -> str:
    """``ref`` as a reference to our storage; what a URL holds is fetched, checked and stored.

    Raises:
        PictureError: it cannot be fetched or used; retryable where it may be later.
        ServiceUnavailable: the storage does not answer.
    """
    if not _WEB.match(ref):
        return ref
    picture = pictures.inspect(_fetched(ref, account, deadline_s), max_bytes=MAX_INPUT_BYTES)
    return storage.put_input(picture.data, picture.suffix)


def load(
    ref: str, *, storage: Storage, account: Account, mask: bool = False, deadline_s: float = 30.0
) -> Picture:
    """The picture behind a reference, small enough for the account.

    A picture that is too large becomes a JPEG of the same width and height; a ``mask`` must stay
    the PNG that it is.

    Raises:
        PictureError: it cannot be read, fetched or used; retryable where it may be later.
        ServiceUnavailable: the storage does not answer.
    """
    limit = account.max_picture_bytes
    data = _fetched(ref, account, deadline_s) if _WEB.match(ref) else storage.read_input(ref)
    if not mask:
        return pictures.fit(pictures.inspect(data, max_bytes=MAX_INPUT_BYTES), limit)
    picture = pictures.inspect(data, max_bytes=limit)
    pictures.check_mask(picture, None)
    return picture


def _fetched(url: str, account: Account, deadline_s: float) -> bytes:
    hosts = account.allowed_hosts
    return fetch(url, allowed_hosts=hosts, max_bytes=MAX_INPUT_BYTES, deadline_s=deadline_s)


class _Intake:
    """Walks over what a caller handed in and gathers everything that is wrong with its pictures."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._errors: list[FieldError] = []

    def finish(self) -> None:
        if self._errors:
            raise InvalidRequest(self._errors)

    def request(self, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        kept = dict(request)
        size: tuple[int, int] | None = None
        for field in picture_fields(kind):
            given = request.get(field.name)
            if field.many and given:
                places = ((f"{field.name}[{index}]", ref) for index, ref in enumerate(given))
                kept[field.name] = [self._one(path, ref)[0] for path, ref in places]
            elif given:
                kept[field.name], picture = self._one(field.name, given, mask=field.mask, size=size)
                size = picture.size if picture else None
        return kept

    def steps(self, then: Iterable[Mapping[str, Any]], path: str) -> tuple[dict[str, Any], ...]:
        return tuple(self._step(step, f"{path}[{index}]") for index, step in enumerate(then))

    def modal(self, modal: Mapping[str, Any] | None, path: str) -> dict[str, Any] | None:
        if modal is None:
            return None
        kept = dict(modal)
        if "mask" in kept:
            kept["mask"], _ = self._one(f"{path}.mask", kept["mask"], mask=True)
        return kept

    def _step(self, step: Mapping[str, Any], path: str) -> dict[str, Any]:
        kept = dict(step)
        if "modal" in step:
            kept["modal"] = self.modal(step["modal"], f"{path}.modal")
        if "then" in step:
            kept["then"] = list(self.steps(step["then"], f"{path}.then"))
        return kept

    def _one(
        self, path: str, ref: str, *, mask: bool = False, size: tuple[int, int] | None = None
    ) -> tuple[str, Picture | None]:
        try:
            kept, picture = _take(ref, self._options)
            if mask and picture is not None:
                pictures.check_mask(picture, size)
        except PictureError as error:
            self._errors.append(FieldError(path, str(error)))
            return ref, None
        return kept, picture


def _take(ref: str, options: Options) -> tuple[str, Picture | None]:
    """The reference, and the picture itself unless it is still somewhere on the web."""
    storage, max_bytes = options["storage"], options["max_bytes"]
    if _WEB.match(ref):
        check_url(ref, allowed_hosts=options["allowed_hosts"])
        return ref, None
    if ref.startswith("blob:"):
        return ref, pictures.inspect(storage.read_input(ref), max_bytes=max_bytes)
    if ref.startswith("data:") or pictures.is_bare_base64(ref):
        data = pictures.from_data_url(ref)
    elif options["allow_paths"]:
        data = _read_file(ref, max_bytes)
    else:
        raise PictureError("must be a data URL (data:image/png;base64,...) or an https URL")
    picture = pictures.inspect(data, max_bytes=max_bytes)
    return storage.put_input(picture.data, picture.suffix), picture


def _read_file(name: str, max_bytes: int) -> bytes:
    """The file, or one byte more than allowed of it."""
    try:
        path = Path(name).expanduser()
        if not path.is_file():
            raise PictureError(f"there is no file {name[:200]}")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such place"
        raise PictureError(f"the file {name[:200]} cannot be read: {reason}") from None
