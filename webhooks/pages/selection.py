"""Many pipelines chosen in the gallery: what can be done with them, and for which price."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from flask import Response, request

from webhooks.pages.registry import Pages
from webhooks.pages.shown import PricedButton, ShownTree, price_with_all, priced, tree
from webhooks.pages.visits import Visit
from webhooks.problems import Facts, facts_of
from worker.domain.errors import Conflict, HooklineError, InvalidRequest
from worker.domain.events import Cancelled, Event, Retried
from worker.domain.job import Job, Status
from worker.domain.job_ids import plain_id
from worker.domain.money import Amount

#: Pipelines that may be chosen: their ids fit into one URL.
MOST = 100
#: Jobs of each that are looked at, as on its own page.
_JOBS = 400
#: As for a batch: what was cancelled on purpose stays so.
_FAILED = frozenset({Status.FAILED, Status.TIMED_OUT})

pages = Pages()


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to do with ``count`` jobs, and what it costs in all. ``name``: a button's."""

    jobs: tuple[str, ...]
    price: Amount
    name: str = ""

    @property
    def count(self) -> int:
        """How many jobs it is for."""
        return len(self.jobs)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one job; ``refused``: why nothing did."""

    job: Job | None
    job_id: str
    refused: Facts | None = None


@pages.get("/selection", "list_jobs")
def selection(visit: Visit) -> Response:
    """What is chosen, and what can be done with all of it, each with its price."""
    names = list(dict.fromkeys(map(plain_id, request.args.getlist("pipeline"))))
    if len(names) > MOST:
        raise InvalidRequest.of("pipeline", f"choose at most {MOST} at a time")
    accounts = visit.services.accounts
    trees = [tree(each, accounts) for each in visit.desk.visible.trees(names, _JOBS)]
    return visit.page(
        "selection.html",
        trees=trees,
        presses=_presses(visit, trees) if visit.may("press") else (),
        cancel=_cancelled(visit, trees) if visit.may("cancel") else None,
        retry=_retried(visit, trees) if visit.may("retry") else None,
        key=uuid4().hex,
        now=visit.services.clock(),
    )


@pages.post("/selection/press", "press")
def press_all(visit: Visit) -> Response:
    """Press the button of each; the form's key makes a repeat harmless."""
    asked, key = {"button": request.form.get("button", "")}, request.form.get("key", "")

    def press(job_id: str) -> Job:
        return visit.desk.enqueuer.press(job_id, asked, key=f"{key}.{job_id}" if key else None)[0]

    return _each(visit, press)


@pages.post("/selection/cancel", "cancel")
def cancel_all(visit: Visit) -> Response:
    """Cancel each job."""
    return _each(visit, visit.desk.cancel)


@pages.post("/selection/retry", "retry")
def retry_all(visit: Visit) -> Response:
    """Try each job again."""
    return _each(visit, visit.desk.retry)


def _each(visit: Visit, act: Callable[[str], Job]) -> Response:
    """One that is refused does not stop the others."""
    done = list[Done]()
    for job_id in request.form.getlist("job")[: MOST * _JOBS]:
        try:
            done.append(Done(act(job_id), job_id))
        except HooklineError as error:
            done.append(Done(None, job_id, facts_of(error)))
    return visit.page("selection_done.html", done=done)


def _presses(visit: Visit, trees: Sequence[ShownTree]) -> tuple[Offer, ...]:
    """The buttons of the chosen pictures: those that most have come first."""
    found: dict[str, list[tuple[str, PricedButton]]] = {}
    for each in trees:
        for button in priced(each.root.job, visit.services.accounts):
            if not button.region:  # each picture needs a mask of its own
                found.setdefault(button.name, []).append((each.root.job.id, button))
    offers = (
        Offer(tuple(job_id for job_id, _ in some), sum(b.price for _, b in some), name)
        for name, some in found.items()
    )
    return tuple(sorted(offers, key=lambda offer: -offer.count))


def _cancelled(visit: Visit, trees: Sequence[ShownTree]) -> Offer:
    """All jobs that are not over. Nothing is paid for it."""
    return Offer(tuple(job.id for job, _ in _after(visit, _jobs(trees), Cancelled())), 0)


def _retried(visit: Visit, trees: Sequence[ShownTree]) -> Offer:
    """All jobs that failed, and what follows from them."""
    failed = [job for job in _jobs(trees) if job.status in _FAILED]
    found = _after(visit, failed, Retried())
    price = sum(price_with_all(again, visit.services.accounts) for _, again in found)
    return Offer(tuple(job.id for job, _ in found), price)


def _after(visit: Visit, jobs: Iterable[Job], event: Event) -> list[tuple[Job, Job]]:
    """Those of the jobs that the event may happen to, each with what becomes of it."""
    orchestrator, now = visit.services.orchestrator, visit.services.clock()
    found = list[tuple[Job, Job]]()
    for job in jobs:
        try:
            found.append((job, orchestrator.decide(job, event, now).job))
        except Conflict:
            continue
    return found


def _jobs(trees: Sequence[ShownTree]) -> list[Job]:
    return [one.job for each in trees for one in each.jobs]
