"""`hookline migrate`."""

import json
from pathlib import Path

from click.testing import CliRunner

from tests.support.jobs import a_job, capacity
from tests.support.web import Web, used_by_commands
from worker.adapters.store.places import FORMAT, place_of
from worker.entrypoints.cli import cli


def migrate() -> int:
    said = CliRunner().invoke(cli, ["migrate", "--json"], prog_name="hookline")
    assert said.exit_code == 0, said.output
    return int(json.loads(said.stdout)["brought_up"])


def test_what_an_older_version_wrote_last_is_brought_up_once(tmp_path: Path) -> None:
    with used_by_commands(Web(tmp_path)) as web:
        jobs = [a_job() for _ in range(3)]
        for job in jobs:
            web.store.jobs.commit(job, capacity=capacity())
        assert migrate() == 0
        older = place_of(jobs[1]).as_json.removesuffix(f",{FORMAT}]") + "]"
        web.store.client.hset(f"{web.store.prefix}job:{jobs[1].id}", "place", older)
        assert migrate() == 1
        assert migrate() == 0
