import os
import re
from importlib import import_module
from pathlib import Path

import pytest

from worker.entrypoints.cli.foreign import foreign, hidden, put_back, set_aside, whole_environment

#: How the libraries look a variable up.
READS = re.compile(
    r"""(?:environ(?:\.get)?\s*[(\[]|getenv\(|_env\(|envvar=)\s*['"](?P<name>[A-Za-z_]+)['"]"""
)
#: What Celery and its parts read as well, and why that may go on.
OF_THE_SYSTEM = {
    "ITERM_PROFILE": "the terminal",
    "TERM": "the terminal",
    "NO_COLOR": "the user's wish for every program",
    "PYTHONSTARTUP": "Flask's shell only",
    "DJANGO_PROJECT_DIR": "set by Celery itself",
    "MULTIPROCESSING_FORKING_DISABLE": "likewise",
    "celery_dummy_proxy": "likewise",
    "NUMBER_OF_PROCESSORS": "Windows",
    "NO_WORKER": "Celery's own tests",
    "TEST_BROKER": "likewise",
    "WORKER_LOGLEVEL": "likewise",
    "YOURAPPLICATION_SETTINGS": "an example",
    "PUBSUB_EMULATOR_HOST": "a broker that we do not take",
    "SLMQ_ACCOUNT": "likewise",
    "SLMQ_HOST": "likewise",
    "SLMQ_PORT": "likewise",
    "SLMQ_SECURE": "likewise",
    "SL_API_KEY": "likewise",
    "SL_USERNAME": "likewise",
}


def read_by(package: str) -> set[str]:
    files = Path(import_module(package).__path__[0]).rglob("*.py")
    found = (READS.finditer(file.read_text("utf-8")) for file in files)
    return {match["name"] for matches in found for match in matches}


@pytest.mark.parametrize("package", ["celery", "kombu", "billiard", "amqp", "vine", "flask"])
def test_every_variable_that_celery_reads_is_known(package: str) -> None:
    unknown = {name for name in read_by(package) if name not in OF_THE_SYSTEM}
    assert unknown == {*foreign(dict.fromkeys(unknown, ""))}


def test_celery_reads_some() -> None:
    assert {"CELERY_BROKER_URL", "BROKER_URL", "APP", "C_BENCH"} <= read_by("celery")


@pytest.mark.parametrize(
    "name",
    ["HOOKLINE_REDIS_URL", "PORT", "PATH", "HTTP_PROXY", "PYTHONPATH", "AWS_REGION", "MY_APP"],
)
def test_ours_and_the_system_s_are_left(name: str) -> None:
    assert foreign({name: "x"}) == []


def test_they_are_aside_until_somebody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (n for n in foreign(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://theirs")
    with set_aside():
        assert "CELERY_BROKER_URL" not in os.environ
        assert hidden() == ["CELERY_BROKER_URL"]
        assert whole_environment()["CELERY_BROKER_URL"] == "redis://theirs"
        put_back()
        assert os.environ["CELERY_BROKER_URL"] == "redis://theirs"
        assert hidden() == []
    with pytest.raises(ValueError, match="any"), set_aside():
        raise ValueError("any error")
    assert os.environ["CELERY_BROKER_URL"] == "redis://theirs"
