"""`hookline demo`, as a newcomer runs it."""

from pathlib import Path

from PIL import Image

from tests.support.processes import hookline


def test_the_demo_succeeds_and_leaves_pictures(tmp_path: Path) -> None:
    output, jobs = tmp_path / "pictures", 11
    # A setting of the user's that would break it, if it were looked at.
    answer = hookline(tmp_path, "demo", "--output", str(output), HOOKLINE_PORT="99999")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{jobs} jobs in" in answer.stdout
    assert f"{jobs} paid submissions" in answer.stdout
    files = sorted(output.rglob("*-0.png"))
    assert len(files) == jobs - 1  # a describe has none
    for file in files:
        with Image.open(file) as image:
            image.verify()
    assert not (tmp_path / ".hookline").exists()
