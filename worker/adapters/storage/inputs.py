"""SHELL. Callers' pictures: stored with the request, loaded when the job is submitted.

A job holds references only: ``blob:...`` in the storage, or the caller's URL. A URL is downloaded
at the first submit and stored as a blob, so that later attempts send the same picture.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from config.proxies import DIRECT, Proxies
from worker.adapters.decoding.decoder import Decoder
from worker.adapters.storage import pictures
from worker.adapters.storage.pictures import Picture
from worker.adapters.storage.storage import Storage
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, PictureError
from worker.domain.job_spec import Kind
from worker.domain.requests.fields import picture_fields
from worker.domain.requests.requests import PressRequest

#: One request's pictures together may have this many times the pixels of the largest one.
LARGEST_OF_A_REQUEST = 8
#: Limit for submitted and downloaded pictures; ``load`` applies the account's own limit.
MAX_INPUT_BYTES = 20 * 1024 * 1024

_WEB = re.compile(r"https?://", re.IGNORECASE)


class Options(TypedDict):
    """How pictures are stored."""

    storage: Storage
    max_bytes: int  #: usually ``MAX_INPUT_BYTES``
    allow_paths: bool  #: whether a picture may be a local file (command line, Celery)
    allowed_hosts: Collection[str]  #: see ``Account.allowed_hosts``
    decoder: Decoder


def ingest_request(
    kind: Kind,
    request: Mapping[str, Any],
    then: Iterable[Mapping[str, Any]],
    **options: Unpack[Options],
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    """Replace all pictures and masks of a validated request and its steps by references.

    A data URL or a path is checked and stored, a ``blob:`` reference must exist, and a URL stays if
    downloading it is allowed.

    Raises:
        InvalidRequest: lists every unusable picture by its path.
        ServiceUnavailable: the storage does not answer, or no picture can be decoded now.
    """
    with _Intake(options) as intake:
        return intake.request(kind, request), intake.steps(then, "then")


def ingest_press(press: PressRequest, **options: Unpack[Options]) -> PressRequest:
    """Likewise for the masks of a validated press."""
    with _Intake(options) as intake:
        modal, then = intake.modal(press.modal, "modal"), intake.steps(press.then, "then")
    return replace(press, modal=modal, then=then)


def keep(
    ref: str,
    *,
    storage: Storage,
    account: Account,
    decoder: Decoder,
    deadline_s: float = 30.0,
    proxies: Proxies = DIRECT,
) -> str:
    """The reference in our storage; a URL is downloaded, checked and stored.

    Raises:
        PictureError: retryable if the download may work later.
        ServiceUnavailable: the storage or the proxy does not answer, or no picture can be decoded
            now.
    """
    if not _WEB.match(ref):
        return ref
    data = _fetched(ref, account, deadline_s, proxies)
    picture = pictures.inspect(data, max_bytes=MAX_INPUT_BYTES, decoder=decoder)
    return storage.put_input(picture.data, picture.suffix)


def load(
    ref: str,
    *,
    storage: Storage,
    account: Account,
    decoder: Decoder,
    mask: bool = False,
    deadline_s: float = 30.0,
    proxies: Proxies = DIRECT,
) -> Picture:
    """Load the picture behind a reference, small enough for the account.

    A picture that is too large becomes a JPEG of the same dimensions; a ``mask`` is never
    converted.

    Raises:
        PictureError: retryable if it may work later.
        ServiceUnavailable: the storage does not answer, or no picture can be decoded now.
    """
    limit = account.max_picture_bytes
    if _WEB.match(ref):
        data = _fetched(ref, account, deadline_s, proxies)
    else:
        data = storage.read_input(ref)
    if not mask:
        return pictures.inspect(data, max_bytes=MAX_INPUT_BYTES, decoder=decoder, fit_bytes=limit)
    picture = pictures.inspect(data, max_bytes=limit, decoder=decoder)
    pictures.check_mask(picture, None)
    return picture


def _fetched(url: str, account: Account, deadline_s: float, proxies: Proxies) -> bytes:
    from worker.adapters.storage.fetching import fetch  # noqa: PLC0415  # on first use

    return fetch(
        url,
        allowed_hosts=account.allowed_hosts,
        max_bytes=MAX_INPUT_BYTES,
        deadline_s=deadline_s,
        proxies=proxies,
    )


class _Intake:
    """Walks a request and collects all problems with its pictures, to raise them at the end.

    From the first picture that it has decoded to the end it is one of the decoder's callers.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._errors: list[FieldError] = []
        self._admitted = ExitStack()
        self._is_admitted = False
        self._pixels = 0  #: that were decoded

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._admitted.close()
        if kind is None and self._errors:
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
            kept, picture = self._take(ref)
            if mask and picture is not None:
                pictures.check_mask(picture, size)
        except PictureError as error:
            self._errors.append(FieldError(path, str(error)))
            return ref, None
        return kept, picture

    def _take(self, ref: str) -> tuple[str, Picture | None]:
        """The reference, and the picture itself unless it is a URL."""
        storage, max_bytes = self._options["storage"], self._options["max_bytes"]
        if _WEB.match(ref):
            from worker.adapters.storage.fetching import check_url  # noqa: PLC0415  # on first use

            check_url(ref, allowed_hosts=self._options["allowed_hosts"])
            return ref, None
        if ref.startswith("blob:"):
            return ref, self._inspected(storage.read_input(ref))
        if ref.startswith("data:") or pictures.is_bare_base64(ref):
            data = pictures.from_data_url(ref)
        elif self._options["allow_paths"]:
            data = _read_file(ref, max_bytes)
        else:
            raise PictureError("must be a data URL (data:image/png;base64,...) or an https URL")
        picture = self._inspected(data)
        return storage.put_input(picture.data, picture.suffix), picture

    def _inspected(self, data: bytes) -> Picture:
        decoder = self._options["decoder"]
        if not self._is_admitted:
            self._admitted.enter_context(decoder.admitted())
            self._is_admitted = True
        most = LARGEST_OF_A_REQUEST * decoder.limits.pixels
        if self._pixels > most:
            raise PictureError(
                "was not looked at: the request's pictures before it have more than "
                f"{most // 1_000_000} million pixels altogether; submit fewer at once"
            )
        picture = pictures.inspect(data, max_bytes=self._options["max_bytes"], decoder=decoder)
        self._pixels += picture.width * picture.height
        return picture


def _read_file(name: str, max_bytes: int) -> bytes:
    """The file's content, at most one byte more than allowed."""
    try:
        path = Path(name).expanduser()
        if not path.is_file():
            raise PictureError(f"there is no file {name[:200]}")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such place"
        raise PictureError(f"the file {name[:200]} cannot be read: {reason}") from None
