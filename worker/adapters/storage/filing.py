"""SHELL. Stores one file of a result: downloads, inspects and writes it.

It is streamed through a temporary file, so it is never in memory as a whole; it gets its name only
after it was inspected to its end.
"""

from collections.abc import Collection
from contextlib import suppress
from hashlib import file_digest, sha256
from io import BufferedRandom
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from threading import BoundedSemaphore
from typing import Literal

from config.proxies import DIRECT, Proxies
from worker.adapters.storage import fetching, media
from worker.adapters.storage.media import Drawn, Media
from worker.adapters.storage.storage import Storage
from worker.domain.assets.naming import Names
from worker.domain.assets.selection import Source
from worker.domain.errors import ServiceUnavailable
from worker.domain.result import StoredFile

#: Limits of one file.
MAX_BYTES = 100 * 1024 * 1024
DEADLINE_S = 120.0
#: Pictures that one process decodes at a time; the largest take 200 MB each.
DECODING = 2

_FOLDER = "hookline-file-"
#: Older folders were left behind: a download takes far less.
_LEFT_BEHIND_S = 3600.0


def clear_left_behind(now: float) -> None:
    """Remove the temporary files of killed processes. ``now``: seconds since the epoch."""
    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError):  # another user's, or removed by another worker
            if now - folder.lstat().st_mtime > _LEFT_BEHIND_S:
                rmtree(folder)


class Filing:
    """Stores the files of results."""

    def __init__(self, storage: Storage, proxies: Proxies = DIRECT) -> None:
        self._storage = storage
        self._proxies = proxies
        self._decoding = BoundedSemaphore(DECODING)

    def filed(
        self,
        source: Source,
        n: int,
        names: Names,
        *,
        allowed_hosts: Collection[str],
        tiles: bool,
    ) -> list[StoredFile]:
        """Store the ``n``-th file with its thumbnail and, if asked for, its tiles.

        Raises:
            PictureError: see ``fetching.fetch_into`` and ``media.inspect``.
            ServiceUnavailable: the storage or the temporary folder fails.
        """
        try:
            with TemporaryDirectory(prefix=_FOLDER) as folder:
                fetched = Path(folder, "fetched")
                with fetched.open("x+b") as file:
                    fetching.fetch_into(
                        file,
                        source.url,
                        allowed_hosts=allowed_hosts,
                        max_bytes=MAX_BYTES,
                        deadline_s=DEADLINE_S,
                        proxies=self._proxies,
                    )
                    with self._decoding:
                        seen = media.inspect(file)
                        made = _made_of(file, seen, tiles=tiles) if seen.is_decoded else []
                    name = names.file(n, seen.ext)
                    of = "video" if seen.moves else source.of
                    whole = self._put_whole(file, fetched, seen, name, of)
                return [whole, *(self._put_drawn(drawn, n, names) for drawn in made)]
        except OSError as error:
            problem = f"No temporary file can be used: {error.strerror or type(error).__name__}"
            raise ServiceUnavailable(problem) from error

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


def _made_of(file: BufferedRandom, seen: Media, *, tiles: bool) -> list[Drawn]:
    cut = media.tiles(file, seen.mime) if tiles and not seen.moves else ()
    return [*cut, media.thumbnail(file)]
