"""SHELL. Examinations in the background, for those who look at a page: none is waited for."""

from collections.abc import Callable
from dataclasses import replace
from threading import Thread

from config.logger import get_logger
from worker.adapters.store.store import Store
from worker.domain.errors import HooklineError
from worker.domain.findings import Report
from worker.services.doctor.doctor import Doctor

log = get_logger(__name__)

#: Seconds between the beginnings of two examinations, however many people ask for one.
AGAIN_S = 10.0


class Rounds:
    """``clock``: seconds since the epoch, the same for all processes."""

    def __init__(self, doctor: Doctor, store: Store, clock: Callable[[], float]) -> None:
        self._doctor = doctor
        self._store = store
        self._clock = clock

    def latest(self) -> Report | None:
        """The last examination, as far as it has come. Raises ``StoreUnavailable``."""
        return self._store.examinations.latest()

    def begin(self) -> None:
        """Begin one, unless one began a moment ago. Raises ``StoreUnavailable``."""
        if not self._store.once("doctor", AGAIN_S):
            return
        report = Report(self._clock())
        self._store.examinations.save(report)
        Thread(target=self._go_on, args=(report,), name="rounds", daemon=True).start()

    def _go_on(self, report: Report) -> None:
        try:
            for finding in self._doctor.examine():
                # What is well needs no advice, and may name hooks, which are secrets.
                shown = replace(finding, advice=None) if finding.verdict == "ok" else finding
                report = replace(report, findings=(*report.findings, shown))
                self._store.examinations.save(report)
            self._store.examinations.save(replace(report, over_at=self._clock()))
        except HooklineError as error:
            log.warning("doctor.interrupted", error=str(error))
