"""Starts `hookline` from its own files, whatever else Python finds by their names.

Our packages are called `worker`, `config` and `webhooks`, as many others are. So they are loaded
from their place, and nothing is imported from the current directory, even if PYTHONPATH names it or
has an empty entry, which means the same.
"""

import gc
import os
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = ("config", "worker", "webhooks")


def _leave_current_directory_out() -> None:
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was removed
        return
    sys.path[:] = [path for path in sys.path if os.path.realpath(path or os.curdir) != here]


def _load_own_packages() -> None:
    # Imported here, when nothing of the current directory can come instead.
    from importlib.machinery import PathFinder  # noqa: PLC0415
    from importlib.util import module_from_spec  # noqa: PLC0415

    for name in _PACKAGES:
        spec = PathFinder.find_spec(name, [_ROOT])
        if spec is None or spec.loader is None:
            raise ImportError(f"Hookline is incomplete: {_ROOT} has no {name}; install it again.")
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


# At import, not in `main`: a process that multiprocessing spawns imports this file only.
_leave_current_directory_out()
_load_own_packages()


def main() -> None:
    """Run the command line."""
    gc.set_threshold(20_000)  # what is imported stays; to look through it is 5 % of a short command
    if sys.argv[1:3] == ["up", "--planned"]:  # it stays, and does without the command line
        from worker.entrypoints.staying import main as stay  # noqa: PLC0415

        sys.exit(stay(int(sys.argv[3])))
    try:
        from worker.entrypoints.cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:  # while it imports
        sys.exit(130)


if __name__ == "__main__":
    main()
