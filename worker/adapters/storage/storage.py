"""SHELL. The storage of results and submitted pictures: a folder, or an object store of fsspec.

Inputs are content-addressed, so each picture is stored once and a reference never changes its
meaning: ``blob:<sha256>.<ext>`` is ``inputs/<first two digits>/<sha256>.<ext>`` below the root.
"""

import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO, Any
from uuid import uuid4

from worker.domain.blob_refs import BLOB
from worker.domain.errors import (
    FieldError,
    HooklineError,
    NotFound,
    PictureError,
    ServiceUnavailable,
    SettingsError,
)

_PIECE = 256 * 1024
_FOLDER = "file://"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


class Storage:
    """Files below one root. All methods raise ``ServiceUnavailable`` if the medium fails."""

    def __init__(self, url: str, note_input: Callable[[str], None] | None = None) -> None:
        """``file://./x`` is relative to the working directory; nothing is written yet.

        ``note_input`` is called before an input is looked up or stored, because retention may be
        removing it at the same moment.
        """
        self._url = url
        self._note_input = note_input or (lambda _: None)
        self._folder = url.startswith(_FOLDER)

    def check(self) -> None:
        """Raise ``SettingsError`` if the protocol is unknown or its driver is not installed.

        What it opens is not kept: drivers of object stores refuse to work after a fork.
        """
        self._open()

    def put_input(self, data: bytes, suffix: str) -> str:
        """Store a picture; return its reference. ``suffix`` is ``Picture.suffix``."""
        ref = input_ref(data, suffix)
        path = self._input_path(ref)
        self._note_input(ref)
        with self._available():
            if not self._fs.exists(path):
                self._write(path, data)
        return ref

    def read_input(self, ref: str) -> bytes:
        """Read a picture. Raises ``PictureError`` if it is missing or its content changed."""
        path = self._input_path(ref)
        with self._available():
            try:
                data: bytes = self._fs.cat_file(path)
            except FileNotFoundError:
                raise PictureError("the picture is not in the storage; submit it again") from None
        if hashlib.sha256(data).hexdigest() not in ref:
            raise PictureError("the picture in the storage is damaged; submit it again")
        return data

    def remove_input(self, ref: str) -> None:
        """Remove a picture, if it exists."""
        path = self._input_path(ref)
        with self._available(), suppress(FileNotFoundError):
            self._fs.rm_file(path)

    def put_result(self, relative_path: str, data: bytes) -> str:
        """Write a result atomically, replacing an older one; return ``relative_path``.

        Raises ``ValueError`` for a path that leads, or could lead, out of the root.
        """
        path = self._path(relative_path)
        with self._available():
            if self._local:
                _write_file(Path(path), io.BytesIO(data))
                return relative_path
            with NamedTemporaryFile(suffix=PurePosixPath(relative_path).suffix) as file:
                file.write(data)
                file.flush()
                return self.put_file(relative_path, Path(file.name))

    def put_file(self, relative_path: str, source: Path) -> str:
        """Copy the file ``source`` as a result in pieces; otherwise as ``put_result``.

        An object store takes the content type from the suffix of ``source``.
        """
        path = self._path(relative_path)
        with self._available():
            if self._local:
                with source.open("rb") as data:
                    _write_file(Path(path), data)
            else:  # a single put, or a multipart upload that appears once it is complete
                self._fs.put_file(str(source), path)
        return relative_path

    def result_location(self, relative_path: str) -> str:
        """The location of a result: an absolute path on this machine, or a URL."""
        path = self._path(relative_path)
        return path if self._local else str(self._fs.unstrip_protocol(path))

    def open_result(self, relative_path: str) -> IO[bytes]:
        """A result, to be read and closed. Raises ``NotFound`` if it is not there any more."""
        path = self._path(relative_path)
        with self._available():
            try:
                opened: IO[bytes] = self._fs.open(path, "rb")
            except FileNotFoundError:
                raise NotFound("The file is not in the storage any more.") from None
        return opened

    def remove_result(self, relative_path: str) -> None:
        """Remove a result, if it exists."""
        path = self._path(relative_path)
        with self._available(), suppress(FileNotFoundError):
            self._fs.rm_file(path)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """On first use: where a file is in a folder is known without it."""
        return self._open()

    def _open(self) -> tuple[Any, str]:
        """The driver, and the root in its words."""
        from fsspec.core import url_to_fs  # noqa: PLC0415

        try:
            fs, root = url_to_fs(self._url)
        except (ImportError, ValueError) as error:
            raise SettingsError([FieldError("HOOKLINE_STORAGE_URL", str(error))]) from None
        return fs, root

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    @cached_property
    def _root(self) -> str:
        if self._folder:
            path = Path(self._url.removeprefix(_FOLDER)).expanduser()
            return os.path.abspath(path)  # noqa: PTH100  # links are kept, as fsspec does
        return self._opened[1].rstrip("/")

    @property
    def _local(self) -> bool:
        return self._folder or "file" in self._fs.protocol

    def _input_path(self, ref: str) -> str:
        blob = BLOB.fullmatch(ref)
        if not blob:
            raise PictureError("this is not a reference such as blob:<sha256>.png")
        return self._path(f"inputs/{blob['digest'][:2]}/{blob['digest']}.{blob['ext']}")

    def _path(self, relative: str) -> str:
        parts = relative.split("/")
        if _UNSAFE.search(relative) or any(part in {"", ".", ".."} for part in parts):
            raise ValueError(f"not a path below the storage's root: {relative!r}")
        return f"{self._root}/{relative}"

    def _write(self, path: str, data: bytes) -> None:
        if self._local:
            _write_file(Path(path), io.BytesIO(data))
        else:  # an object appears only when it is complete
            self._fs.pipe_file(path, data)

    @contextmanager
    def _available(self) -> Iterator[None]:
        try:
            yield
        except HooklineError:
            raise
        except Exception as error:  # drivers raise the errors of their libraries
            reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"[:200]
            raise ServiceUnavailable(f"The storage cannot be used: {reason}") from error


def input_ref(data: bytes, suffix: str) -> str:
    """The reference of a picture with this content."""
    return f"blob:{hashlib.sha256(data).hexdigest()}{suffix}"


def _write_file(path: Path, data: IO[bytes]) -> None:
    """Write a temporary file, then rename it: no reader or crash sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            shutil.copyfileobj(data, file, _PIECE)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
