"""The way of somebody who is new: `up`, a picture, a button, a batch, a stop, and `up` again."""

import json
import signal
from pathlib import Path

from tests.support.processes import hookline, up


def test_what_was_made_before_a_restart_is_there_after_it(tmp_path: Path) -> None:
    (tmp_path / "cats.txt").write_text("a red cat\na blue cat\n")
    with up(tmp_path) as process:
        made = hookline(tmp_path, "imagine", "a red fox", "--wait", "--json")
        assert made.returncode == 0, made.stderr
        root = json.loads(made.stdout)["jobs"][0]
        pressed = hookline(tmp_path, "press", root["id"][:6], "U1", "--wait")
        assert pressed.returncode == 0, pressed.stderr
        rows = hookline(tmp_path, "batch", "cats.txt", "--watch")
        assert rows.returncode == 0, rows.stderr
        under_way = hookline(tmp_path, "imagine", "a slow fox").stdout.strip()
        ports = (tmp_path / ".hookline" / "up.ports").read_text()
        process.send_signal(signal.SIGINT)
        process.wait(30)
    with up(tmp_path):
        assert (tmp_path / ".hookline" / "up.ports").read_text() == ports
        late = hookline(tmp_path, "watch", under_way)
        assert late.returncode == 0, late.stderr
        old = hookline(tmp_path, "press", root["id"][:6], "V2", "--wait")
        assert old.returncode == 0, old.stderr
        said = hookline(tmp_path, "status")
        assert said.returncode == 0, said.stdout
        assert "runs here" in said.stdout
        below = tmp_path / "pictures" / "of" / "cats"
        below.mkdir(parents=True)
        listed = hookline(below, "jobs", "--batch", "cats.txt").stdout
        assert not any(below.iterdir())
        assert listed.count("succeeded") == 2
