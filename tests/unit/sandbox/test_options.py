from pathlib import Path

import pytest

from worker.sandbox.ledger import Ledger, Stats
from worker.sandbox.options import OPTIONS, SandboxOptions, options_from_text


def test_every_option_explains_itself_and_can_be_given_as_text() -> None:
    assert all(option.help and option.flag.startswith("--") for option in OPTIONS)
    given = {option.name: True for option in OPTIONS if option.is_switch}
    rates = {option.name: "10%" for option in OPTIONS if option.is_rate}
    options = options_from_text({**given, **rates, "task_seconds": "1-2.5", "banned": "Gore, nude"})
    assert options.task_seconds == (1.0, 2.5)
    assert options.banned == ("gore", "nude")
    assert options.callbacks_lost == pytest.approx(0.1)
    assert options.forward_hook is True


def test_what_is_not_given_keeps_its_default() -> None:
    assert options_from_text({"dialect": None, "key": None}) == SandboxOptions()


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ValueError, match=r"dialect.*task_seconds.*callbacks_lost"):
        SandboxOptions(dialect="unknown", task_seconds=(3, 1), callbacks_lost=2.0)
    with pytest.raises(ValueError, match="max_running"):
        SandboxOptions(max_running=-1)
    with pytest.raises(ValueError, match="range of seconds"):
        options_from_text({"task_seconds": "soon"})


def test_the_ledger_file_is_continued_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    for state in ("a", "b"):
        ledger = Ledger(str(path))
        ledger.add(None, "upload", state, "")
        assert [entry["state"] for entry in ledger.entries()] == [state]
        ledger.close()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_stats_count_by_group() -> None:
    stats = Stats()
    stats.count("a")
    stats.count("a", "faults")
    stats.count("a")
    assert stats.snapshot() == {"counts": {"a": 2}, "faults": {"a": 1}}
    assert stats.get("a") == 2
    assert stats.get("b", "faults") == 0
