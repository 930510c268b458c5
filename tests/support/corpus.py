"""The corpus: real payloads of providers and their clients; its index names their sources."""

import json
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent.parent / "corpus"


def names(folder: str) -> list[str]:
    """The files of one folder without their endings, in order."""
    return sorted(path.stem for path in (CORPUS / folder).iterdir())


def body(folder: str, name: str) -> bytes:
    """The bytes of one file."""
    (path,) = (CORPUS / folder).glob(f"{name}.*")
    return path.read_bytes()


def value(folder: str, name: str) -> Any:
    """The JSON value of one file."""
    return json.loads(body(folder, name))
