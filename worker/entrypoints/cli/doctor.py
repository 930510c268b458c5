"""`hookline doctor`: what is wrong here, and what to do about it."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from config.settings import Settings
from worker.adapters.local.running import PATIENCE_S, settings_here
from worker.bootstrap import unchecked
from worker.domain.errors import ServiceUnavailable, SettingsError
from worker.domain.findings import Finding
from worker.entrypoints.cli.base import Command, leave, print_json, say
from worker.entrypoints.cli.foreign import hidden, namesakes
from worker.entrypoints.cli.http import call
from worker.entrypoints.cli.planning import local_url
from worker.entrypoints.exit_codes import DONE, UNREACHABLE, WRONG_USAGE
from worker.services.doctor import findings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_SECONDS = 10.0


@click.command(cls=Command, examples=("hookline doctor", "hookline doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, as_json: bool) -> None:
    """Check settings, secrets, Redis, clocks, broker, web process, providers, callbacks, storage,
    workers, accounts and links.

    None of its requests is charged. Exit code 0: nothing fails, though something may be worth a
    warning; 2: the settings are wrong; 3: something else fails.
    """
    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json([asdict(finding) for finding in found])
    failed = {finding.name for finding in found if finding.verdict == "fail"}
    wrong = WRONG_USAGE if "settings" in failed else UNREACHABLE
    leave(wrong if failed else DONE)


def examine() -> Iterator[Finding]:
    """Run the checks; yield each finding as soon as it is known."""
    try:
        settings = settings_here(patience_s=PATIENCE_S)
    except SettingsError as error:
        for problem in error.problems:
            yield Finding("settings", "fail", f"{problem.field}: {problem.message}")
        return
    yield Finding("settings", "ok", f"state in {settings.state_dir}")
    yield from findings.environment(hidden(), settings.proxies)
    yield from findings.folder(namesakes(Path.cwd()))
    yield _web(settings)
    if not settings.accounts:
        yield findings.no_account()
    yield from unchecked(settings).doctor.examine()


def _web(settings: Settings) -> Finding:
    url = f"{local_url(settings)}/readyz"
    try:
        status, said = call("GET", url, timeout_s=_SECONDS)
    except ServiceUnavailable as error:
        return Finding("web", "fail", str(error), findings.START)
    if status == 200:
        return Finding("web", "ok", f"{url} is ready")
    reason = said.get("detail") if isinstance(said, dict) else "this is not Hookline"
    return Finding("web", "fail", f"{url} answered {status}: {reason}")


def _print(finding: Finding) -> None:
    verdict = click.style(f"{finding.verdict:<5}", fg=_COLOURS[finding.verdict])
    say(f"{verdict} {finding.name:<17} {finding.message}")
    for line in (finding.advice or "").splitlines():
        say(f"{'':<24}{line}")


COMMANDS: tuple[click.Command, ...] = (doctor,)
