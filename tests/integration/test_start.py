"""What a command imports before it does anything: nearly all of its start."""

import os
import subprocess
import sys

import pytest

#: Slow to import, and nothing to do with reading jobs.
_HEAVY = (
    *("amqp", "celery", "flask", "fsspec", "jinja2", "kombu", "PIL", "requests", "rich"),
    *("standardwebhooks", "structlog", "urllib3", "werkzeug", "yaml"),
)

_PROGRAM = """
import sys
import hookline.start
from worker.entrypoints.cli import cli
from worker.entrypoints import connection
import worker.bootstrap
cli.get_command(None, sys.argv[1])
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""


@pytest.mark.parametrize("command", ["jobs", "show", "cancel"])
def test_commands_on_jobs_import_nothing_heavy(command: str) -> None:
    loaded = _imported(_PROGRAM, command, *_HEAVY)
    assert loaded == []


def test_a_job_is_submitted_without_flask_or_an_http_client() -> None:
    program = f"{_PROGRAM}\nimport worker.services.enqueue\n" + _PROGRAM.splitlines()[-1]
    assert _imported(program, "imagine", *_HEAVY) == []


def test_why_a_job_waits_is_said_without_an_http_client() -> None:
    program = f"{_PROGRAM}\nimport worker.services.reports.waits\n" + _PROGRAM.splitlines()[-1]
    assert _imported(program, "show", *_HEAVY) == []


def test_a_model_is_built_when_it_is_first_used() -> None:
    program = """
import hookline.start
from config.accounts import AccountsFile
from worker.domain.requests import queries, steps
from worker.domain.requests.kinds import MODELS
from worker.services.reports.answers.accounts import Accounts
for model in (AccountsFile, Accounts, queries.JobsQuery, steps.Step, *MODELS.values()):
    if model.__pydantic_complete__:
        print(model.__name__)
"""
    assert _imported(program) == []


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = """
import sys
import hookline.start
from worker.entrypoints.cli import cli
from click.testing import CliRunner
assert "Operate:" in CliRunner().invoke(cli, ["--help"]).output
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""
    assert _imported(program, *_HEAVY, "pydantic", "redis") == []


def test_what_stays_of_up_imports_the_standard_library_only() -> None:
    """And of it nothing that brings OpenSSL: 5 MB."""
    program = """
import sys
import hookline.start
import worker.entrypoints.staying
known = {"config", "hookline", "webhooks", "worker", *sys.stdlib_module_names}
print(*({name.partition(".")[0] for name in sys.modules} - known - set(sys.argv[1].split())))
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""
    before = _imported("import sys; print(*sys.modules)")  # by what is in site-packages
    assert _imported(program, " ".join(before), "_ssl", "_hashlib", "http.client") == []


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("webhooks.server", ["worker.sandbox"]),
        ("worker.entrypoints.celery_app", ["worker.sandbox", "flask", "jinja2"]),
    ],
)
def test_processes_that_stay_draw_nothing(module: str, unneeded: list[str]) -> None:
    program = f"""
import sys
import hookline.start
import worker.entrypoints.cli.processes
from config.logs import configure_logging
configure_logging("json", "info")
import {module}
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""
    assert _imported(program, "rich", "pygments", "PIL", *unneeded) == []


def _imported(program: str, *args: str) -> list[str]:
    command = [sys.executable, "-c", program, *args]
    # Coverage, where it is measured, imports much itself.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return done.stdout.split()
