"""SHELL. Pipelines for people to look at, the newest first."""

from collections.abc import Iterable
from dataclasses import dataclass

from worker.adapters.store.places import read_cursor, write_position
from worker.adapters.store.trees import Tree
from worker.domain.job import Job
from worker.domain.requests.queries import JobsQuery
from worker.services.reports.listing import list_jobs
from worker.services.visible import Visible

#: Jobs of one pipeline that are shown with it.
SHOWN = 13
#: Pages of jobs that a search by status reads at most for one of its own; the next continues there.
_PAGES = 5


@dataclass(frozen=True, slots=True)
class TreePage:
    """Some pipelines; ``cursor`` continues. ``searched_to``: how far back a search looked that
    found fewer than it might have.
    """

    trees: tuple[Tree, ...]
    cursor: str | None = None
    searched_to: float | None = None


def recent(visible: Visible, query: JobsQuery) -> TreePage:
    """The pipelines whose root the query wants; by status those with any such job, each at the
    place of its newest one.

    Raises ``InvalidRequest`` for a bad cursor.
    """
    return _with_status(visible, query) if query.status else _of_roots(visible, query)


def newest(visible: Visible, query: JobsQuery) -> list[str]:
    """The ids of the newest of them, and nothing more of them: a look for new ones costs little."""
    asked = query if query.status else query.model_copy(update={"roots": True})
    return list(dict.fromkeys(job.spec.pipeline_id for job in list_jobs(visible, asked).jobs))


def _of_roots(visible: Visible, query: JobsQuery) -> TreePage:
    page = list_jobs(visible, query.model_copy(update={"roots": True}))
    trees = tuple(visible.trees([job.id for job in page.jobs], SHOWN))
    return _page(trees, page.cursor, query)


def _with_status(visible: Visible, query: JobsQuery) -> TreePage:
    found: dict[str, Tree] = {}
    cursor = query.cursor
    for _ in range(_PAGES):
        page = list_jobs(visible, query.model_copy(update={"cursor": cursor}))
        trees = _by_id(visible, _unseen(page.jobs, found))
        for job in page.jobs:
            tree = trees.get(job.spec.pipeline_id)
            if tree and _shows(tree, job, query):
                found[tree.id] = tree
            if len(found) == query.limit:
                return TreePage(tuple(found.values()), write_position(*_position(job)))
        cursor = page.cursor
        if cursor is None:
            break
    return _page(tuple(found.values()), cursor, query)


def _page(trees: tuple[Tree, ...], cursor: str | None, query: JobsQuery) -> TreePage:
    short = cursor is not None and len(trees) < query.limit
    return TreePage(trees, cursor, read_cursor(cursor)[0] if short and cursor else None)


def _unseen(jobs: Iterable[Job], found: dict[str, Tree]) -> list[str]:
    ids = dict.fromkeys(job.spec.pipeline_id for job in jobs)
    return [each for each in ids if each not in found]


def _by_id(visible: Visible, ids: list[str]) -> dict[str, Tree]:
    return {tree.id: tree for tree in visible.trees(ids, SHOWN)}


def _shows(tree: Tree, job: Job, query: JobsQuery) -> bool:
    """Whether the tree's place is here: its newer jobs, where wanted, had it before."""
    wanted = (query.status, query.account)
    matching = [
        each for each in tree.jobs if wanted in ((each.status, each.account), (each.status, None))
    ]
    newest = max(matching, key=_position, default=job)
    return _position(newest) <= _position(job)


def _position(job: Job) -> tuple[float, str]:
    return job.spec.created_at, job.id
