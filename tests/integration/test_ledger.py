"""Our records held against the sandbox's own ledger, under its habits and faults."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.drawing import draw
from tests.support.flow import flow
from worker.domain.job import Status
from worker.domain.job_spec import Kind
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

HABITS: list[dict[str, Any]] = [
    {"callback_every_ms": 100},
    {"modal_new_task": True},
    {"grids_without_buttons": True},
    {"remix": True},
    {"fetch_lag": 2.0, "dialect": "gateway", "forward_hook": True},
    {"callbacks_lost": 0.3, "callbacks_doubled": 0.5, "callbacks_shuffled": 0.5},
    {"callbacks_early": 1.0},
    {"callbacks_without_state": 1.0, "callbacks_without_buttons": 1.0},
    {"refusals": 0.4},
    {"late_successes": 1.0},
]


@pytest.mark.parametrize("habit", HABITS, ids="-".join)
def test_what_we_know_is_what_was_paid(habit: dict[str, Any], tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    options: dict[str, Any] = {"task_seconds": (0.1, 0.4), "seed": 7, **habit}
    with (
        Sandbox(SandboxOptions(**options)) as sandbox,
        flow(sandbox.url, tmp_path, max_running=6) as hookline,
    ):
        roots = [
            hookline.submit(
                kind="imagine",
                prompt=f"a cat {n}",
                then=[{"press": "U1"}, {"press": "V2", "then": [{"press": "U*"}]}],
            )
            for n in range(3)
        ]
        jobs = [job for root in roots for job in hookline.finish(root, 60)]
        assert {job.status for job in jobs} == {Status.SUCCEEDED}, [j.error for j in jobs]
        assert len(jobs) == 3 * 7

        upscale = next(j for j in jobs if j.request.get("button") == "U1")
        mask.write_bytes(draw(size=(1024, 1024), mode="L"))
        modal = {"prompt": "a hat", "mask": str(mask)}
        hookline.enqueuer.press(
            upscale.id, {"button": "Vary (Region)", "modal": modal}, allow_paths=True
        )
        pressed = hookline.finish(upscale, 60)[-1]
        assert pressed.status is Status.SUCCEEDED, pressed.error

        ledger = requests.get(f"{sandbox.url}/sandbox/ledger", timeout=5).json()
        paid = Counter(entry["task_id"] for entry in ledger)
        known = Counter(job.task_id for job in (*jobs, pressed))
        assert paid == known, "each payment is one job's, each job is paid once"
        stats = requests.get(f"{sandbox.url}/sandbox/stats", timeout=5).json()
        assert stats["counts"].get("equal_prompts_at_once", 0) == 0
        assert sum(job.kind is Kind.IMAGINE for job in jobs) == 3
