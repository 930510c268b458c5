"""What `hookline up` becomes once it has a plan: it starts the programs, and stays until Ctrl-C.

Settings, the command line and the servers' clients take 30 MB, and are needed for a second. So
`up` replaces itself, before it has started anything, by this program in the same process. That is
handed a file with the plan, the open ports, and the lock of the state directory, and imports the
standard library only.
"""

import json
import os
import pickle
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from worker.adapters.local.claim import tell, telling_until_the_end
from worker.adapters.local.stopping import Stop
from worker.domain.errors import HooklineError, ServiceUnavailable
from worker.entrypoints.exit_codes import DONE, INTERRUPTED, UNREACHABLE, WRONG_USAGE
from worker.entrypoints.stack import Stack, running, wait_until_ready
from worker.entrypoints.terminal import shown, without_colours
from worker.entrypoints.tidy import read_event, tidy_line

#: The argument of `hookline up` before the number of the plan's file.
PLANNED = "--planned"
_STOP = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Staying:
    """What is handed over."""

    stack: Stack
    told: Mapping[str, str]  #: settings for other commands
    places: str  #: what is printed when all is ready
    page: str | None  #: what is opened in a browser then
    raw: bool  #: whether log lines are printed as they are


def become(staying: Staying, start: Path, lock: int) -> NoReturn:
    """Replace this program. ``start``: the file that starts ours; ``lock``: a descriptor to keep.

    A signal that comes meanwhile waits until it can be handled: nothing is left behind then.
    """
    import tempfile  # noqa: PLC0415  # for the program that goes

    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        pickle.dump(staying, file)
        file.seek(0)
        handed = (file.fileno(), lock, *(n for p in staying.stack.programs for n in p.files))
        for each in handed:
            os.set_inheritable(each, True)  # noqa: FBT003  # takes no keywords
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        try:
            os.execv(  # noqa: S606  # our own file
                sys.executable,
                [sys.executable, "-P", str(start), "up", PLANNED, str(file.fileno())],
            )
        finally:  # it failed
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)


def main(file: int) -> int:
    """Run the plan in ``file``, a descriptor, until Ctrl-C or SIGTERM; returns the exit code."""
    stop, came = Stop(), list[int]()
    _on_signals(stop, came)
    with os.fdopen(file, "rb") as plan:
        staying: Staying = pickle.load(plan)  # noqa: S301  # we wrote it
    try:
        with telling_until_the_end(staying.stack.state_dir):
            _run(staying, stop)
    except HooklineError as error:
        _note(f"Error: {error}")
        return UNREACHABLE if isinstance(error, ServiceUnavailable) else WRONG_USAGE
    except KeyboardInterrupt:  # a second Ctrl-C
        return INTERRUPTED
    return INTERRUPTED if came[:1] == [signal.SIGINT] else DONE


def _run(staying: Staying, stop: Stop) -> None:
    stack = staying.stack
    with running(stack, _print_raw if staying.raw else _print_tidy) as supervisor:
        wait_until_ready(stack, supervisor, stop)
        tell(stack.state_dir, staying.told)
        if not stop.is_set():
            _print(staying.places, sys.stdout)
            if staying.page:
                import webbrowser  # noqa: PLC0415  # on a desktop only

                webbrowser.open(staying.page)
        supervisor.watch(stop)
        _note("stopping ...")


def _on_signals(stop: Stop, came: list[int]) -> None:
    """Stop at the first Ctrl-C or SIGTERM, and note it; a second Ctrl-C ends everything at once."""

    def on_signal(number: int, _frame: Any) -> None:
        came.append(number)
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in _STOP:
        signal.signal(number, on_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)


def _print_raw(name: str, line: str) -> None:
    _note(line if read_event(line) else json.dumps({"event": line, "program": name}))


def _print_tidy(name: str, line: str) -> None:
    """Print a line per change of a job, and warnings and errors."""
    _, text = tidy_line(name, line)
    if text:
        _note(text)


def _note(text: str) -> None:
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    """As the commands print, without click."""
    words = shown(text, stream)
    try:
        print(words if stream.isatty() else without_colours(words), file=stream, flush=True)
    except BrokenPipeError:  # the reader has exited; the programs keep running, and have their logs
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
