"""Processes that start together find or make the same secret."""

import multiprocessing
from pathlib import Path

from config.generated import plain_secret, read_or_create


def _create(path: Path) -> str:
    return read_or_create(path, plain_secret)


def test_processes_that_start_together_agree_on_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_create, [path] * 40, chunksize=1)
        pool.close()  # they end by themselves: a signal could meet the moment at which one starts
        pool.join()
    assert set(made) == {path.read_text().strip()}
