"""Workers on machines whose clocks differ."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from tests.support.processes import clean_env, command, ended, hookline, up, wait_for


@pytest.mark.parametrize("offset", ["+65m", "-65m"])
def test_a_worker_whose_clock_is_an_hour_off_harms_nobody(
    tmp_path: Path, plain_redis: servers.RedisServer, offset: str, seen: Seen
) -> None:
    faketime = servers.program("faketime", "faketime")
    env = {"HOOKLINE_REDIS_URL": plain_redis.url(db=9 if offset[0] == "+" else 11)}
    with up(tmp_path, "--port", "0", **env), (tmp_path / "worker.out").open("w") as out:
        # Monotonic clocks stay right, as on a machine whose date was set wrongly.
        off = subprocess.Popen(
            [faketime, "-m", "--exclude-monotonic", "-f", offset, *command("worker")],
            cwd=tmp_path, env=clean_env(**env), stdout=out, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        with ended(off):
            wait_for(
                lambda: "clock.differs" in (tmp_path / "worker.out").read_text(), "its warning"
            )
            told = hookline(tmp_path, "imagine", "a red fox", "--wait", "--json", **env)
            off.terminate()
            off.wait(30)
    assert told.returncode == 0, told.stderr
    assert "overdue" not in told.stderr
    assert json.loads(told.stdout)["status"] == "succeeded"
    seen(
        case=f"a worker whose clock is off by {offset}",
        server=f"{plain_redis.version}, faketime",
        result="jobs done by both workers; it warns, and Redis's time counts",
    )
