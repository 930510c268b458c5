"""Ten thousand quiet jobs are polled in few calls, and fresh ones start meanwhile."""

from dataclasses import replace

from tests.support.jobs import NOW, a_job, a_snapshot, capacity, changed, in_status, sample
from tests.support.shell import Shell
from tests.support.starting import next_ready
from worker.adapters.tokens import Tokens
from worker.domain.account.callback_stats import Source
from worker.domain.events import Started
from worker.domain.job import Status
from worker.domain.provider_reports import TaskStatus
from worker.services.poll import Poller
from worker.services.sweep import Sweep

SILENT = 10_000
#: A silent task is asked about once within so many seconds: 15, a quarter more so that calls can be
#: shared, and a second for the sweep.
ROUND_S = 20.0


def test_ten_thousand_silent_jobs_cost_few_calls_and_leave_room_for_fresh_ones() -> None:
    shell = Shell(max_running=SILENT + 100)
    tokens = Tokens(["a secret for this test only"])
    poller = Poller(shell.orchestrator, {"default": shell.provider}, tokens)
    sweep = Sweep(shell.orchestrator, shell.wakeups)
    silent = in_status(Status.IN_PROGRESS)
    for n in range(SILENT):
        task_id, began = f"t{n}", NOW - n % 1800
        job = replace(silent, id=f"{n:032x}", task_id=task_id, submitted_at=began, heard_at=began)
        last = changed(job, pipeline_id=job.id, due_at=NOW, deadline_at=NOW + 9999)
        quiet = sample(Source.ASKED, ended=True) if n < 3 else None
        shell.store.jobs.commit(last, capacity=capacity(SILENT), sample=quiet)
        shell.provider.tasks[task_id] = a_snapshot(
            TaskStatus.IN_PROGRESS, task_id=task_id, progress=40
        )
    for _ in range(3):
        shell.provider.asked.clear()
        end = shell.now + ROUND_S
        fresh = shell.put(a_job())
        while shell.now < end:
            shell.now += 0.5
            shell.wakeups.sent.clear()
            sweep.run()
            for what, account, *rest in shell.wakeups.sent:
                if what == "ask":
                    poller.poll(account, rest)
                elif ready := next_ready(shell.store, capacity(SILENT + 100), shell.now):
                    shell.orchestrator.record(ready, Started("default"))
        asked = [task for call in shell.provider.asked for task in call.split(",")]
        assert set(asked) == {f"t{n}" for n in range(SILENT)}, "nobody is forgotten"
        assert len(shell.provider.asked) <= 150, "a hundred at a time, nearly"
        assert shell.job(fresh).status is Status.SUBMITTING
