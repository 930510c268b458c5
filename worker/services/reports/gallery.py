"""SHELL. Pipelines for people to look at, each at the place of its newest job that is wanted."""

from collections.abc import Iterable
from dataclasses import dataclass

from worker.adapters.store.places import write_cursor
from worker.adapters.store.trees import Tree
from worker.domain.job import Job
from worker.domain.requests.queries import JobsQuery
from worker.services.reports.listing import list_jobs, wanted_by
from worker.services.visible import Visible

#: Jobs of one pipeline that are shown with it.
SHOWN = 13
#: Pages of jobs that one page of a search reads at most; the next one goes on from there.
_PAGES = 5


@dataclass(frozen=True, slots=True)
class TreePage:
    """Some pipelines; ``cursor`` continues. ``searched_to``: how far back this page looked."""

    trees: tuple[Tree, ...]
    cursor: str | None = None
    searched_to: float | None = None


def recent(visible: Visible, query: JobsQuery, text: str = "") -> TreePage:
    """The pipelines with jobs that the query wants. ``text``: that their root's prompt contains.

    Raises ``InvalidRequest`` for a bad cursor.
    """
    found: dict[str, Tree] = {}
    cursor, last = query.cursor, None
    for _ in range(_PAGES):
        page = list_jobs(visible, _from(query, cursor))
        trees = _by_id(visible, _unseen(page.jobs, found))
        for job in page.jobs:
            tree = trees.get(job.spec.pipeline_id)
            if tree and _shows(tree, job, query) and _matches(tree, text):
                found[tree.id] = tree
            last = job
            if len(found) == query.limit:
                return TreePage(tuple(found.values()), write_cursor(job))
        cursor = page.cursor
        if cursor is None:
            return TreePage(tuple(found.values()))
    return TreePage(tuple(found.values()), cursor, last.spec.created_at if last else None)


def _from(query: JobsQuery, cursor: str | None) -> JobsQuery:
    return query.model_copy(update={"cursor": cursor})


def _unseen(jobs: Iterable[Job], found: dict[str, Tree]) -> list[str]:
    ids = dict.fromkeys(job.spec.pipeline_id for job in jobs)
    return [each for each in ids if each not in found]


def _by_id(visible: Visible, ids: list[str]) -> dict[str, Tree]:
    return {tree.id: tree for tree in visible.trees(ids, SHOWN)}


def _shows(tree: Tree, job: Job, query: JobsQuery) -> bool:
    """Whether the tree's place is here: its newer jobs, where wanted, had it before."""
    wanted = wanted_by(query)
    matching = [each for each in tree.jobs if wanted.matches(each)]
    newest = max(matching, key=_position, default=job)
    return _position(newest) <= _position(job)


def _matches(tree: Tree, text: str) -> bool:
    prompt = str(tree.jobs[0].request.get("prompt") or "")
    return text.casefold() in prompt.casefold()


def _position(job: Job) -> tuple[float, str]:
    return job.spec.created_at, job.id
