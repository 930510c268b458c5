"""SHELL. Stores one file of a result: downloads, inspects and writes it.

It is streamed through a temporary file, so it is never in memory as a whole; it gets its name only
after it was inspected to its end.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from io import BufferedRandom
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal, NamedTuple

from config.proxies import DIRECT, Proxies
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.decoding.values import Drawn, Media
from worker.adapters.storage import fetching
from worker.adapters.storage.storage import Storage
from worker.domain.assets.naming import Names
from worker.domain.assets.selection import Source
from worker.domain.errors import ServiceUnavailable
from worker.domain.result import StoredFile

#: Limits of one file.
MAX_BYTES = 100 * 1024 * 1024
DEADLINE_S = 120.0

_FOLDER = "hookline-file-"
#: Older folders were left behind: a download takes far less.
_LEFT_BEHIND_S = 3600.0


def clear_left_behind(now: float) -> None:
    """Remove the temporary files of killed processes. ``now``: seconds since the epoch."""
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError):  # another user's, or removed by another worker
            if now - folder.lstat().st_mtime > _LEFT_BEHIND_S:
                rmtree(folder)


@dataclass(slots=True)
class Allowance:
    """What may still be downloaded for a job."""

    left: int  #: bytes


class Filed(NamedTuple):
    """What was stored of one file."""

    files: tuple[StoredFile, ...]  #: itself, and what was drawn from it
    colour: str | None  #: its average, as ``rrggbb``, if it was decoded


class Filing:
    """Stores the files of results."""

    def __init__(
        self, storage: Storage, proxies: Proxies = DIRECT, decoder: Decoder = DECODER
    ) -> None:
        self._storage = storage
        self._proxies = proxies
        self._decoder = decoder

    def filed(
        self,
        source: Source,
        n: int,
        names: Names,
        allowance: Allowance,
        *,
        allowed_hosts: Collection[str],
        tiles: bool,
    ) -> Filed:
        """Store the ``n``-th file with its thumbnail and, if asked for, its tiles.

        What is downloaded, stored or not, is taken from the ``allowance``.

        Raises:
            PictureError: see ``fetching.fetch_into`` and ``Decoder.examined``.
            ServiceUnavailable: the storage or the temporary folder fails, or nothing can be decoded
                now.
        """
        try:
            with TemporaryDirectory(prefix=_FOLDER) as folder:
                fetched = Path(folder, "fetched")
                with fetched.open("x+b") as file:
                    self._fetch(file, source.url, allowance, allowed_hosts)
                    with self._decoder.examined(file, tiles=tiles) as (seen, made):
                        name = names.file(n, seen.ext)
                        of = "video" if seen.moves else source.of
                        whole = self._put_whole(file, fetched, seen, name, of)
                        drawn = [self._put_drawn(each, n, names) for each in made]
                        return Filed((whole, *drawn), seen.colour)
        except OSError as error:
            problem = f"No temporary file can be used: {error.strerror or type(error).__name__}"
            raise ServiceUnavailable(problem) from error

    def _fetch(
        self, file: BufferedRandom, url: str, allowance: Allowance, allowed_hosts: Collection[str]
    ) -> None:
        try:
            fetching.fetch_into(
                file,
                url,
                allowed_hosts=allowed_hosts,
                max_bytes=min(MAX_BYTES, allowance.left),
                deadline_s=DEADLINE_S,
                proxies=self._proxies,
            )
        finally:
            allowance.left -= file.seek(0, 2)

    def _put_whole(
        self,
        file: BufferedRandom,
        fetched: Path,
        seen: Media,
        name: str,
        of: Literal["picture", "video"],
    ) -> StoredFile:
        size = file.seek(0, 2)
        file.seek(0)
        digest = file_digest(file, "sha256").hexdigest()
        self._storage.put_file(name, fetched.rename(fetched.with_name(f"whole.{seen.ext}")))
        return StoredFile(name, seen.mime, size, digest, seen.width, seen.height, of)

    def _put_drawn(self, drawn: Drawn, n: int, names: Names) -> StoredFile:
        tile = drawn.tile
        name = names.tile(n, tile, drawn.ext) if tile else names.thumbnail(n)
        self._storage.put_result(name, drawn.data)
        digest = sha256(drawn.data).hexdigest()
        of: Literal["tile", "thumbnail"] = "tile" if tile else "thumbnail"
        return StoredFile(name, drawn.mime, len(drawn.data), digest, drawn.width, drawn.height, of)
