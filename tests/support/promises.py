"""What Hookline promises, held against a ``World``: at any time, and when all is over."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.support.oracle import WHOLE, Task
from tests.support.world import World, is_over
from worker.domain.job import Job, Status
from worker.domain.notifications import DeliveryState, Notification


def _finished(jobs: Iterable[Job]) -> set[str]:
    """The pipelines of which nothing more comes by itself."""
    open_ = {job.spec.pipeline_id for job in jobs if not job.settled}
    return {job.spec.pipeline_id for job in jobs} - open_


def _last(notifications: list[Notification]) -> set[str]:
    """The topics of the last moment: several things may happen at once here."""
    return {one.topic for one in notifications if one.created_at == notifications[-1].created_at}


class Promises:
    """Remembers what was, so that it can tell what must not change.

    ``wishes``: what callers asked of each job, whether or not they were answered.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ends: dict[str, Status] = {}
        self._retries: Counter[str] = Counter()
        self._checked = (-1, 0, 0)
        self.wishes: dict[str, list[str]] = defaultdict(list)

    def check(self) -> None:
        """To be called after everything that happens; looks only if something did."""
        world = self._world
        now = (world.commits, len(world.told), len(world.ledger.posts))
        if now == self._checked:
            return
        self._checked = now
        jobs = {job.id: job for job in self._world.jobs()}
        stored = self._world.store.snapshot()
        assert stored.disagreements(lambda _: 0) == []
        assert stored.miscounted() == []
        for job in jobs.values():
            self._check_end(job)
            self._check_children(job, jobs)
            self._check_payments(job)
            if not job.status.terminal:
                assert job.ready or job.due_at is not None, f"nobody looks at {job}"
        for task in self._world.told:
            self._check_told(jobs[task.of[0]], task)

    def _check_end(self, job: Job) -> None:
        """A terminal status changes by a caller's retry only."""
        end = self._ends.pop(job.id, None)
        if job.status.terminal:
            self._ends[job.id] = job.status
        if end is not None and job.status is not end:
            self._retries[job.id] += 1
            asked = self.wishes[job.id].count("retry")
            assert self._retries[job.id] <= asked, f"{end} became {job.status}"

    def _check_children(self, job: Job, jobs: dict[str, Job]) -> None:
        """With a parent's success its follow-ups are there, each once, and never before."""
        children = [each for each in jobs.values() if each.spec.parent_id == job.id]
        pressed = sorted(str(each.request.get("button")) for each in children)
        wanted = sorted(str(step.get("press")) for step in job.spec.then)
        assert pressed == (wanted if job.status is Status.SUCCEEDED else [])
        if job.spec.waits_for and job.attempts:
            siblings = [jobs[job_id] for job_id in job.spec.waits_for]
            assert all(sibling.status is Status.SUCCEEDED for sibling in siblings)
            images = job.request.get("images", siblings)  # a retry looks at its siblings anew
            assert len(images) == len(siblings), "blended of what they gave"

    def _check_payments(self, job: Job) -> None:
        """What the record says of payments is true, and no attempt was paid for twice."""
        truth = self._world.ledger.tasks
        paid = [task.of for task in self._world.ledger.accepted(job.id)]
        assert len(set(paid)) == len(paid), "an attempt was paid for twice"
        if job.options.retry:
            by_hand = [wish for wish in self.wishes[job.id] if wish in ("retry", "resubmit")]
            beside = len(self._world.ledger.automatic[job.id]) + len(by_hand)
            assert len(paid) <= job.options.retry.attempts + beside, "paid for too often"
        for attempt in job.attempts:
            if attempt.task_id:
                assert truth[attempt.task_id].of == (job.id, attempt.number)
        if job.task_id:
            assert truth[job.task_id].of[0] == job.id

    def _check_told(self, job: Job, task: Task) -> None:
        """What was answered is kept, whoever died since."""
        noted = {attempt.task_id for attempt in job.attempts}
        assert task.id in noted, f"{task} was told of, and is not in {job}"

    def check_all_ended(self) -> None:
        """To be called when nothing more is to come."""
        self.check()
        jobs, left = self._world.jobs(), self._world.store.snapshot().leftovers()
        held = {job.id for job in jobs if job.held}
        behind = {job.id for job in jobs if job.waiting and held & set(job.spec.waits_for)}
        for job in jobs:
            if job.held:
                self._check_held(job)
            elif job.id not in behind:
                assert is_over(job), job
            self._check_double_payments(job)
        self._check_notifications(jobs)
        assert {name: ids for name, ids in left.items() if ids} == (
            {"the due set": held | behind} if held | behind else {}
        )

    def _check_notifications(self, jobs: list[Job]) -> None:
        """Each end is told of, and told last; of a pipeline none is told before its last job's."""
        told = defaultdict[tuple[str, str], list[Notification]](list)
        listed = self._world.store.outbox.page(None, 9999).notifications
        for one in reversed(listed):
            assert one.state is DeliveryState.DELIVERED, one
            told[one.subject, one.topic.partition(".")[0]].append(one)
        for job in (each for each in jobs if each.status.terminal):
            ends = "job.succeeded" if job.status is Status.SUCCEEDED else "job.failed"
            assert ends in _last(told[job.id, "job"])
        for pipeline_id in _finished(jobs):
            last = told[pipeline_id, "pipeline"][-1].created_at
            members = [job for job in jobs if job.spec.pipeline_id == pipeline_id]
            assert last >= max(job.finished_at or 0.0 for job in members)

    def _check_held(self, job: Job) -> None:
        """In doubt for ever only where no evidence was to be had."""
        setting = self._world.setting
        assert setting.policy.in_doubt != "fail"
        paid = [task for task in self._world.ledger.accepted(job.id) if task.of[1] == job.attempt]
        assert not any(task.evident or setting.listed == WHOLE for task in paid), (job, paid)

    def _check_double_payments(self, job: Job) -> None:
        """Each payment that could be known of is in the record; what is too much is flagged."""
        evident = {task.id for task in self._world.ledger.accepted(job.id) if task.evident}
        assert evident == {a.task_id for a in job.attempts if a.task_id}
        flagged = {attempt.task_id for attempt in job.double_payments}
        assert flagged <= evident - {job.task_id}
        if "retry" not in self.wishes[job.id]:
            over = (Status.FAILED.value, Status.TIMED_OUT.value)
            former = (a for a in job.attempts if a.task_id != job.task_id and a.outcome in over)
            asked_for = {a.task_id for a in former if job.options.retry}
            assert len(flagged) == max(0, len(evident - asked_for) - 1)
