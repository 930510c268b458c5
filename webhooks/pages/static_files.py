"""Files that browsers load: each has its content's hash in its name, and is kept for a year."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent / "static"
PREFIX = "/static/"

_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file; ``url`` changes with its content."""

    path: Path
    type: str
    url: str


class StaticFiles:
    """The files below ``root`` that browsers may have."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        found = [path for path in sorted(root.rglob("*")) if path.suffix in _TYPES]
        self._by_name = {
            path.relative_to(root).as_posix(): _described(path, root) for path in found
        }
        self._by_url = {file.url: file for file in self._by_name.values()}

    def url(self, name: str) -> str:
        """Where a browser finds the file ``app.css``. Raises ``KeyError``."""
        return self._by_name[name].url

    def find(self, path: str) -> StaticFile | None:
        """The file at this path of a URL, with the right hash; None if there is none."""
        return self._by_url.get(path)

    def icon(self, name: str) -> str:
        """An icon to set into a page; it says nothing to a screen reader. Raises ``OSError``."""
        path = self._root / "vendor/lucide" / f"{name}.svg"
        _, _, drawn = path.read_text("utf-8").partition("<svg")
        return f'<svg aria-hidden="true"{" ".join(drawn.split())}'


def _described(path: Path, root: Path) -> StaticFile:
    digest = sha256(path.read_bytes()).hexdigest()[:12]
    name = PurePosixPath(path.relative_to(root).as_posix())
    return StaticFile(
        path, _TYPES[path.suffix], f"{PREFIX}{name.with_stem(f'{name.stem}.{digest}')}"
    )
