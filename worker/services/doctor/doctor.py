"""SHELL. Runs the checks at the same time, each for so long and no longer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from time import monotonic

from worker.domain.errors import HooklineError, SettingsError, StoreUnavailable
from worker.domain.findings import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table. ``find`` measures, and judges what it measured."""

    name: str
    find: Callable[[], Iterable[Finding]]
    seconds: float = 10.0  #: after which it counts as failed


class Doctor:
    """Examines an installation. None of its requests is charged."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks

    def examine(self) -> Iterator[Finding]:
        """The findings in the order of the checks, each as soon as it is known.

        A check that hangs is left behind: its thread ends with its call, or with the process.
        """
        for running in [_Running(check) for check in self._checks]:
            yield from running.findings()


class _Running:
    def __init__(self, check: Check) -> None:
        self._check = check
        self._found: list[Finding] | None = None
        self._until = monotonic() + check.seconds
        self._thread = Thread(target=self._run, name=f"doctor {check.name}", daemon=True)
        self._thread.start()

    def findings(self) -> list[Finding]:
        self._thread.join(max(0.0, self._until - monotonic()))
        if self._found is not None:
            return self._found
        message = f"it did not answer within {self._check.seconds:g} s"
        advice = "Something on the way takes packets and answers none: a firewall, or a full disk."
        return [Finding(self._check.name, "fail", message, advice)]

    def _run(self) -> None:
        self._found = list(_found(self._check))


def _found(check: Check) -> Iterator[Finding]:
    try:
        yield from check.find()
    except SettingsError as error:
        for problem in error.problems:
            yield Finding("settings", "fail", f"{problem.field}: {problem.message}")
    except StoreUnavailable:
        return  # the check of Redis says so
    except HooklineError as error:
        yield Finding(check.name, "fail", str(error))
    except Exception as error:  # noqa: BLE001  # the other checks go on
        yield Finding(check.name, "fail", f"{type(error).__name__}: {error}")
