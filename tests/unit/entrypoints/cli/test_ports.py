"""Where `hookline up` listens."""

import json
import os
from pathlib import Path

from tests.support.ports import free_port
from worker.adapters.local.listening import listen, port_of
from worker.entrypoints.cli.planning import plan


def port_of_up(folder: Path, **env: str) -> tuple[int, int | None]:
    given = {**os.environ, "HOOKLINE_STATE_DIR": str(folder), **env}
    with plan(given, None) as planned:
        return port_of(planned.web), planned.port_taken


def test_a_port_that_is_not_set_is_that_of_the_last_time(tmp_path: Path) -> None:
    last = free_port()
    (tmp_path / "up.ports").write_text(json.dumps({"web": last}))
    assert port_of_up(tmp_path) == (last, None), "links and callbacks of its jobs have it"


def test_a_port_that_is_set_is_the_one(tmp_path: Path) -> None:
    (tmp_path / "up.ports").write_text(json.dumps({"web": free_port()}))
    wanted = free_port()
    assert port_of_up(tmp_path, HOOKLINE_PORT=str(wanted)) == (wanted, None)


def test_a_taken_port_of_the_last_time_gives_way_to_another(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as other:
        (tmp_path / "up.ports").write_text(json.dumps({"web": port_of(other)}))
        assert port_of_up(tmp_path)[0] != port_of(other)
