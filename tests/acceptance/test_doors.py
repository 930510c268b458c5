"""The three ways in, over real processes, against a provider whose rules are kept throughout."""

import json
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from config.broker_urls import broker_beside
from config.redis_urls import parse
from tests.support.processes import hookline, up, wait_for
from tests.support.provider import Flavour, providing
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import call

THEN = [{"press": "U1"}, {"press": "V2", "then": [{"press": "U1"}]}]


@pytest.mark.parametrize(
    ("flavour", "forwards"), [("novicezk", True), ("trueai", True), ("gateway", False)]
)
def test_every_door_leads_to_finished_pipelines(
    flavour: Flavour, forwards: bool, tmp_path: Path
) -> None:
    with (
        providing(flavour, forward_hook=forwards, max_running=3, refuse_above=0) as provider,
        up(tmp_path, "--provider-url", provider.url),
    ):
        state_dir = tmp_path / ".hookline"
        base = f"{told_by_up(state_dir)['HOOKLINE_PUBLIC_URL']}/v1"
        token = (state_dir / "api-token").read_text().strip()
        body = {"kind": "imagine", "prompt": "by http", "then": THEN, "metadata": {"order": 7}}
        _, by_http = call("POST", f"{base}/jobs", body, token=token)

        redis_url = private_redis_url(state_dir)
        assert redis_url is not None
        other_program = Celery(broker=broker_beside(parse(redis_url)).url, set_as_current=False)
        for _ in range(3):  # a repeat with the same key is harmless
            kwargs = {"prompt": "by celery", "then": THEN, "job_key": "order-8"}
            other_program.send_task("hookline.imagine", kwargs=kwargs, queue="hookline")
        other_program.close()

        by_hand = hookline(tmp_path, "imagine", "by hand", "--then", "U1,V2>U1", "--wait", "--json")
        assert by_hand.returncode == 0, by_hand.stderr
        assert json.loads(by_hand.stdout)["status"] == "succeeded"

        def roots() -> list[str]:
            _, page = call("GET", f"{base}/jobs?limit=200", token=token)
            return [job["pipeline_id"] for job in page["items"] if job["parent_id"] is None]

        def pipeline(root: str) -> Any:
            return call("GET", f"{base}/pipelines/{root}", token=token)[1]

        wait_for(lambda: len(roots()) == 3, "three roots")
        wait_for(lambda: all(pipeline(r)["status"] != "open" for r in roots()), "all over", 60)
        for root in roots():
            done = pipeline(root)
            assert done["status"] == "succeeded", done
            assert done["counts"]["total"] == 4
        _, job = call("GET", f"{base}/jobs/{by_http['id']}", token=token)
        assert job["metadata"] == {"order": 7}
        assert len(provider.accepted) == 12
