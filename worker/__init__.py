"""Hookline: runs paid, slow, asynchronous image jobs for other programs.

The functions of `worker.entrypoints.client`, `Job` and the exceptions are importable from here:
`from worker import NotFound, imagine`.
They load on first use: importing a part of the package that needs neither Celery nor Redis loads
neither.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.domain.errors import Ambiguous as Ambiguous
    from worker.domain.errors import Conflict as Conflict
    from worker.domain.errors import HooklineError as HooklineError
    from worker.domain.errors import InvalidRequest as InvalidRequest
    from worker.domain.errors import NotFound as NotFound
    from worker.domain.errors import ServiceUnavailable as ServiceUnavailable
    from worker.domain.errors import SettingsError as SettingsError
    from worker.domain.job import Job as Job
    from worker.domain.job import Status as Status
    from worker.entrypoints.client import *  # noqa: F403  # the names are listed there
    from worker.entrypoints.connection import connect as connect
else:  # hidden from type checkers, so that they report names that do not exist
    _ERRORS = (
        "Ambiguous", "Conflict", "HooklineError", "InvalidRequest", "NotFound",
        "ServiceUnavailable", "SettingsError",
    )  # fmt: skip
    _ELSEWHERE = {
        "Job": "worker.domain.job",
        "Status": "worker.domain.job",
        "connect": "worker.entrypoints.connection",
        **dict.fromkeys(_ERRORS, "worker.domain.errors"),
    }

    def __getattr__(name: str) -> Any:
        if module := _ELSEWHERE.get(name):
            return getattr(import_module(module), name)
        if name == "__all__" or not name.startswith("_"):
            client = import_module("worker.entrypoints.client")
            if name == "__all__":
                return [*client.__all__, *_ELSEWHERE]
            if name in client.__all__:
                return getattr(client, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _require_own_config() -> None:
    """Raise ``ImportError`` if `config` is another program's, as in many Django and Flask apps."""
    module = sys.modules.get("config")
    spec = find_spec("config") if module is None else module.__spec__
    place = getattr(module, "__file__", None) or (spec.origin if spec else None)
    own = Path(__file__).resolve().parents[1] / "config" / "__init__.py"
    if place is None or Path(place).resolve() != own:
        raise ImportError(
            f"Hookline's `worker` needs its own package `config`, but here that name means {place}:"
            " run `hookline up` (or `hookline web` and `hookline worker`) as processes of their "
            "own, and give them jobs over HTTP or as Celery tasks such as `hookline.imagine`."
        )


_require_own_config()
