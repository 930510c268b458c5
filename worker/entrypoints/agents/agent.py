"""What an agent may ask and do: values in, JSON out. Everything goes through its desk."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.bootstrap import Services
from worker.domain import money
from worker.domain.access import Caller
from worker.domain.errors import Conflict, InvalidRequest
from worker.domain.job import Job
from worker.domain.money import Amount
from worker.domain.requests.base import validate
from worker.domain.requests.queries import JobsQuery
from worker.services.access import spent_today
from worker.services.desk import Desk
from worker.services.reports import answers
from worker.services.reports.listing import list_jobs
from worker.services.reports.overview import overview
from worker.services.reports.waits import waiting_for

JSON = dict[str, Any]

#: Seconds that a tool waits at most: clients give up on tools that take longer.
MOST_WAIT_S = 50.0
_LOOK_EVERY_S = 0.5


class TooDear(Conflict):
    """It would cost more than the agent said it may."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent's tools. Methods raise as the services."""

    services: Services
    caller: Caller

    @property
    def _desk(self) -> Desk:
        return self.services.desk(self.caller)

    # What costs nothing.

    def jobs(self, **query: Any) -> JSON:
        """A page of jobs, newest first."""
        given = {name: value for name, value in query.items() if value is not None}
        page = list_jobs(self._desk.visible, validate(JobsQuery, given))
        items = [brief(job) for job in page.jobs]
        return {"jobs": items, "next_cursor": page.cursor}

    def job(self, job_id: str) -> JSON:
        """One job, whole, with what it waits for."""
        job, services = self._desk.visible.job(job_id), self.services
        held = waiting_for(self.caller, services.orchestrator, job, services.roster)
        return answers.Job.of(job, services.accounts, waiting=held).to_dict()

    def pipeline(self, job_id: str) -> JSON:
        """The jobs of its pipeline, parents before children."""
        return self._pipeline(self._desk.visible.job(job_id).spec.pipeline_id)

    def wait(self, job_id: str, timeout_s: float) -> JSON:
        """Its pipeline, once it is over or the time is up."""
        pipeline_id = self._desk.visible.job(job_id).spec.pipeline_id
        deadline = time.monotonic() + min(timeout_s, MOST_WAIT_S)
        while True:
            found = self._pipeline(pipeline_id)
            if found["over"] or time.monotonic() > deadline:
                return found
            time.sleep(_LOOK_EVERY_S)

    def quote(self, request: Mapping[str, Any]) -> JSON:
        """What the request would start and may cost."""
        return _stated(self._desk.enqueuer.quote(_allowed(request)))

    def quote_press(self, job_id: str, press: Mapping[str, Any]) -> JSON:
        """Likewise for a press."""
        return _stated(self._desk.enqueuer.quote_press(job_id, press))

    def budget(self) -> JSON:
        """What it may still spend today."""
        limit = self.caller.limits.budget_per_day or 0
        now = self.services.orchestrator.clock()
        spent = spent_today(self.services.store, self.caller, now)
        return {
            "per_day": money.units(limit),
            "spent_today": money.units(spent),
            "left": money.units(limit - spent),
        }

    def accounts(self) -> JSON:
        """Each account's slots, jobs and money."""
        return overview(self.services.orchestrator, self.caller).to_dict()

    def picture(self, job_id: str, number: int) -> tuple[str, bytes]:
        """MIME type and bytes of the thumbnail of one of its pictures, or of the picture."""
        files = self._desk.visible.job(job_id).result.files
        shown = [file for file in files if file.of == "thumbnail"] or [
            file for file in files if file.of == "picture"
        ]
        if not 0 <= number < len(shown):
            raise InvalidRequest.of("number", f"the job has {len(shown)} stored pictures, from 0")
        with self.services.storage.open_result(shown[number].path) as file:
            return shown[number].type, file.read()

    # What costs something, or changes it.

    def submit(self, request: Mapping[str, Any], max_price: float, key: str | None) -> JSON:
        """Submit a job."""
        desk, request = self._desk, _allowed(request)
        price = self._affordable(desk.enqueuer.quote(request, key=key).most, max_price)
        job, _ = desk.enqueuer.submit(request, key=key)
        return self._done([job], price)

    def press(
        self, job_id: str, press: Mapping[str, Any], max_price: float, key: str | None
    ) -> JSON:
        """Press a button of a finished job."""
        desk = self._desk
        price = self._affordable(desk.enqueuer.quote_press(job_id, press, key=key).most, max_price)
        return self._done(desk.enqueuer.press(job_id, press, key=key), price)

    def retry(self, job_id: str, max_price: float) -> JSON:
        """Try a job again that did not succeed."""
        desk = self._desk
        quote = desk.enqueuer.quote_of([desk.visible.job(job_id)])
        price = self._affordable(quote.most, max_price)
        return self._done([desk.retry(job_id)], price)

    def cancel(self, job_id: str) -> JSON:
        """Cancel a job, and what waits for it."""
        return self._done([self._desk.cancel(job_id)], 0)

    def _pipeline(self, pipeline_id: str) -> JSON:
        found = self._desk.visible.pipeline(pipeline_id)
        return {
            "id": found.id,
            "over": all(job.settled for job in found.jobs),
            "jobs": [brief(job) for job in found.jobs],
        }

    @staticmethod
    def _affordable(most: Amount, max_price: float) -> Amount:
        try:
            accepted = money.amount(max_price)
        except ValueError as error:
            raise InvalidRequest.of("max_price", str(error)) from None
        if most > accepted:
            raise TooDear(
                f"It may cost up to {money.in_words(most)}, and max_price is "
                f"{money.in_words(accepted)}; nothing was submitted. Ask for a quote, change the "
                "request, or accept the price."
            )
        return most

    def _done(self, jobs: Sequence[Job], price: Amount) -> JSON:
        return {
            "jobs": [brief(job) for job in jobs],
            "price_at_most": money.units(price),
            "budget": self.budget(),
        }


def brief(job: Job) -> JSON:
    """What an agent has to know of a job; the rest would only fill its context."""
    shown = answers.Job.of(job).to_dict()
    result = shown["result"]
    found = {
        **{name: shown[name] for name in ("id", "kind", "status", "progress", "parent_id")},
        "prompt": shown["request"].get("prompt"),
        "button": shown["request"].get("button"),
        "error": shown["error"],
        "prompts": result["prompts"],
        "buttons": [button["label"] or button["emoji"] for button in result["buttons"]],
        "files": result["assets"],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _stated(quote: Any) -> JSON:
    shown = answers.Quote.model_validate(quote).to_dict()
    return {
        "jobs": shown["jobs"],
        "price": shown["total"],
        "price_at_most": money.units(quote.most),
        "exact": shown["exact"],
    }


def _allowed(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what would reach other programs on the agent's word."""
    if "notify" in request:
        raise InvalidRequest.of("notify", "is not for agents: use wait_for_job")
    return request
