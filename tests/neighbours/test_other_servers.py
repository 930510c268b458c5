"""A small part of `make integration-on`: one flow on other servers than the tests' own."""

import subprocess
import sys
from pathlib import Path

from tests.neighbours import servers
from tests.support.processes import ROOT, clean_env

_FLOW = "tests/integration/test_flows.py"
_ONE = f"{_FLOW}::test_an_imagine_and_its_follow_ups_end_in_pictures[forwarded-trueai]"


def test_a_flow_on_rabbitmq_and_valkey_under_sentinel(tmp_path: Path) -> None:
    servers.program("epmd", "rabbitmq-server")
    env = clean_env(TEST_STORE="valkey-sentinel", TEST_BROKER="rabbitmq")
    env = {name: value for name, value in env.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _ONE],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout.rsplit("\n", 2)[-2]
