"""What is around Hookline and not its own: variables of other programs, files of our names.

Ours is configured by HOOKLINE_* alone. Much of what Celery reads from the environment it reads
while it is imported, and a wrong number there ends the process. So our own processes set what
belongs to other Celery and Flask apps aside before they import anything. The processes that we
start get it, and in a worker it is put back for the user's functions that choose buttons.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

#: Celery and its parts, Flask and its server; compared with their code by a test.
_FOREIGN = re.compile(
    r"APP|BROKER_URL|RESULT_BACKEND|LOADER|CONFIG_MODULE|SKIP_CHECKS|DJANGO_SETTINGS_MODULE"
    r"|(CELERY|CELERYD|KOMBU|FLASK|WERKZEUG)_.*"
    r"|C_(BENCH|BENCH_EVERY|FAKEFORK|FORCE_ROOT|IMPDEBUG|REMDEBUG|STRICT_APP|WARN_APP|WNOCONF)"
    r"|_MP_FORK_.*|AUTOSCALE_KEEPALIVE|DISABLE_TRACEBACKS|EVENTLET_NOBLOCK|FORKED_BY_MULTIPROCESSING"
    r"|MP_LOG|MP_MAIN_FILE|NOSETPS|PICKLE_PROTOCOL|REMAP_SIGTERM|TIMER_DEBUG|USE_FAST_LOCALS"
)

_ROOT = Path(__file__).resolve().parents[3]

_aside: dict[str, str] = {}


@contextmanager
def set_aside() -> Iterator[None]:
    """Hide foreign variables from this process; put back what is still hidden at the end."""
    _aside.update({name: os.environ.pop(name) for name in foreign(os.environ)})
    try:
        yield
    finally:
        put_back()


def whole_environment() -> dict[str, str]:
    """The environment with the hidden variables, for processes that we start."""
    return {**os.environ, **_aside}


def put_back() -> None:
    """Show the hidden variables again, to the user's code in this process."""
    os.environ.update(_aside)
    _aside.clear()


def hidden() -> list[str]:
    """The names of the variables that are set aside."""
    return sorted(_aside)


def foreign(env: Mapping[str, str]) -> list[str]:
    """The names in ``env`` that mean nothing to Hookline, in order."""
    return sorted(filter(_FOREIGN.fullmatch, env))


def namesakes(folder: Path) -> list[str]:
    """Files in ``folder`` that its programs import instead of our packages."""
    specs = (PathFinder.find_spec(name, [str(folder)]) for name in ("worker", "config"))
    places = [Path(spec.origin) for spec in specs if spec and spec.origin]
    return [str(place) for place in places if not place.resolve().is_relative_to(_ROOT)]
