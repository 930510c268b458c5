"""`hookline doctor`: what is wrong here, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir
from time import monotonic, sleep

import click

from config.checks import host_of, is_loopback
from config.settings import Settings
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import PATIENCE_S, settings_here
from worker.adapters.messaging.broker import ping
from worker.adapters.messaging.keys import broken_keys
from worker.adapters.provider.client import ProviderClient
from worker.adapters.storage.storage import Storage
from worker.adapters.store.connection import check_rights, connect
from worker.adapters.store.durability import read_durability
from worker.adapters.tokens import Tokens
from worker.bootstrap import HOOK_PATH, Services, build, celery_app
from worker.domain.account import Account
from worker.domain.errors import HooklineError, ServiceUnavailable, SettingsError, StoreUnavailable
from worker.domain.presence import ANSWER_S, EVERY_S, way_of
from worker.entrypoints.cli import verdicts
from worker.entrypoints.cli.base import (
    DONE,
    UNREACHABLE,
    WRONG_USAGE,
    Command,
    leave,
    print_json,
    say,
)
from worker.entrypoints.cli.foreign import hidden, namesakes
from worker.entrypoints.cli.http import answers, call
from worker.entrypoints.cli.serving import check_serving
from worker.entrypoints.cli.stack import local_url
from worker.entrypoints.cli.verdicts import Finding
from worker.services.reports.overview import overview

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_START = "Start `hookline up` in this directory, or `hookline web` and `hookline worker`."
#: A task that no provider knows: fetching it costs nothing and shows whether the key is good.
_NO_TASK = "0"
_SECONDS = 10.0
#: Jobs without their files that are read to count them.
_COUNTED = 1000
#: Seconds since which a refused request is worth a warning.
_RECENT_S = 86_400.0
#: Seconds in which a web process that has just started proves that callbacks arrive.
_PROOFS_S = 2 * EVERY_S + ANSWER_S
_LOOK_EVERY_S = 0.2


@click.command(cls=Command, examples=("hookline doctor", "hookline doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, as_json: bool) -> None:
    """Check settings, Redis, broker, web process, provider, callbacks, storage and accounts.

    None of its requests is charged.
    """
    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    failed = {finding.name for finding in findings if finding.verdict == "fail"}
    wrong = WRONG_USAGE if "settings" in failed else UNREACHABLE
    leave(wrong if failed else DONE)


def examine() -> Iterator[Finding]:
    """Run the checks; yield each finding as soon as it is known."""
    try:
        settings = settings_here(patience_s=PATIENCE_S)
    except SettingsError as error:
        yield from _of_settings(error)
        return
    yield Finding("settings", "ok", f"state in {settings.state_dir}")
    yield from verdicts.unverified(settings.unverified())
    yield from verdicts.environment(hidden(), settings.proxies)
    yield from verdicts.folder(namesakes(Path.cwd()))
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("redis", partial(_redis, settings)),
        ("broker", partial(_broker, settings)),
        ("web", partial(_web, settings)),
        *((f"provider {a.name}", partial(check_provider, settings, a)) for a in settings.accounts),
        ("callbacks", partial(check_callbacks, settings)),
        ("storage", partial(_storage, settings)),
    ]
    if not settings.accounts:
        advice = (
            "Set HOOKLINE_PROVIDER_URL, or HOOKLINE_ACCOUNTS for several; or start `hookline up` "
            "for the sandbox."
        )
        yield Finding("provider", "fail", "none is set", advice)
    for name, check in checks:
        yield _made(name, check)
    yield from _of_the_store(settings)


def _of_settings(error: SettingsError) -> Iterator[Finding]:
    for problem in error.problems:
        yield Finding("settings", "fail", f"{problem.field}: {problem.message}")


def _made(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except HooklineError as error:
        return Finding(name, "fail", str(error))
    except Exception as error:  # noqa: BLE001  # the other checks go on
        return Finding(name, "fail", f"{type(error).__name__}: {error}")


def _redis(settings: Settings) -> Finding:
    client = connect(_redis_url(settings), retries=0)
    try:
        check_rights(client)
    except StoreUnavailable as error:
        where = "HOOKLINE_REDIS_URL" if settings.redis_url else "the private Redis"
        return Finding("redis", "fail", str(error), f"Check {where}; see docs/deployment.md#redis.")
    return verdicts.durability(read_durability(client), settings.redis_replicas)


def _broker(settings: Settings) -> Finding:
    app = celery_app(settings, _redis_url(settings))
    ping(app)
    return verdicts.broker(broken_keys(app, shared=True))


def _redis_url(settings: Settings) -> str:
    url = settings.redis_url or private_redis_url(settings.state_dir)
    if url is None:
        raise ServiceUnavailable(f"No Redis is set and no private one runs here. {_START}")
    return url


def _web(settings: Settings) -> Finding:
    url = f"{local_url(settings)}/readyz"
    try:
        status, said = call("GET", url, timeout_s=_SECONDS)
    except ServiceUnavailable as error:
        return Finding("web", "fail", str(error), _START)
    if status == 200:
        return Finding("web", "ok", f"{url} is ready")
    reason = said.get("detail") if isinstance(said, dict) else "this is not Hookline"
    return Finding("web", "fail", f"{url} answered {status}: {reason}")


def check_provider(settings: Settings, account: Account) -> Finding:
    """Whether the account's provider answers."""
    name = f"provider {account.name}"
    url, key, auth = _places(settings, account)
    client = ProviderClient(account, deadline_s=_SECONDS, proxies=settings.proxies)
    try:
        client.fetch(_NO_TASK)
    except ServiceUnavailable as error:
        advice = f"Check {url} ({account.url}): the base before /mj."
        return Finding(name, "fail", str(error), advice)
    except HooklineError as error:
        return Finding(
            name, "fail", str(error), f"Check {key} and {auth}, and the quota of the key."
        )
    return Finding(name, "ok", f"{account.url} answers, the key is not refused")


def _places(settings: Settings, account: Account) -> tuple[str, str, str]:
    """Names of the settings for the account's url, key and auth."""
    if settings.accounts_file is None:
        return "HOOKLINE_PROVIDER_URL", "HOOKLINE_PROVIDER_KEY", "HOOKLINE_PROVIDER_AUTH"
    place = f"accounts.{account.name}"
    return f"{place}.url in the file of HOOKLINE_ACCOUNTS", f"{place}.key", f"{place}.auth there"


def check_callbacks(settings: Settings) -> Finding:
    """Whether providers can call back."""
    url = settings.public_url
    if url is None:
        advice = "Set HOOKLINE_PUBLIC_URL for faster answers; without it everything works, too."
        return Finding("callbacks", "warn", "no public URL: jobs are polled", advice)
    if answers(f"{url}/healthz", settings.proxies.to(url)):
        advice = f"A provider with one hook for all its tasks takes{_hooks(settings, url)}"
        return Finding("callbacks", "ok", f"{url} reaches the web process", advice)
    message = f"{url} is not reached from here"
    if is_loopback(host_of(url)):
        return Finding("callbacks", "fail", message, _START)
    advice = "Open it in a browser from elsewhere: /healthz must say ok."
    return Finding("callbacks", "warn", message, advice)


def _hooks(settings: Settings, url: str) -> str:
    """The address of the account's hook, or a line per account."""
    tokens = Tokens([secret.get_secret_value() for secret in settings.secrets])
    hooks = {a.name: f"{url}{HOOK_PATH}/{tokens.for_account(a.name)}" for a in settings.accounts}
    if len(hooks) == 1:
        return f" {next(iter(hooks.values()))}"
    return "".join(f"\n{name}: {hook}" for name, hook in hooks.items())


def _storage(settings: Settings) -> Finding:
    storage = Storage(settings.storage_url)
    storage.check()
    place = storage.result_location(storage.put_result(".hookline-doctor", b"writable\n"))
    folder = place.rpartition("/")[0]
    needed = [gettempdir()]  # downloads wait there until they are whole
    if "://" not in place:
        Path(place).unlink(missing_ok=True)
        needed.append(folder)
    return verdicts.storage(folder, {each: disk_usage(each).free for each in needed})


def _of_the_store(settings: Settings) -> Iterator[Finding]:
    """Nothing while Redis is down, which another check reports."""
    try:
        services = build(settings)
        if settings.public_url:
            _wait_for_proofs(services, settings.public_url)
        found = overview(services.orchestrator)
        dead = len(services.deliveries.dead())
        unsettled = services.store.jobs.unsettled(_COUNTED)
        refused = services.store.refusals.count(services.clock() - _RECENT_S)
        last = next(iter(services.store.refusals.page(1).refusals), None)
        workers, problems = services.roster.workers(), services.roster.problems()
        ahead_s = services.clock.ahead_s
    except SettingsError as error:
        yield from _of_settings(error)
        return
    except HooklineError:
        return
    yield from verdicts.clock(ahead_s)
    yield from verdicts.workers(workers, problems)
    if workers:
        yield from check_serving(services)
    if settings.public_url and found.items:
        yield verdicts.proofs(found.items[0].delivery, settings.public_url)
    for report in found.items:
        yield from verdicts.account(report)
    yield from verdicts.files(unsettled)
    yield from verdicts.deliveries(dead)
    yield from verdicts.refused(refused, last)


def _wait_for_proofs(services: Services, public_url: str) -> None:
    """Give a web process that has just started the time for two proofs."""
    way, until = way_of(public_url), monotonic() + _PROOFS_S
    while monotonic() < until:
        known = services.store.presence.get(way)
        if known is not None and known.lasts(services.clock()):
            return
        sleep(_LOOK_EVERY_S)


def _print(finding: Finding) -> None:
    verdict = click.style(f"{finding.verdict:<5}", fg=_COLOURS[finding.verdict])
    say(f"{verdict} {finding.name:<17} {finding.message}")
    for line in (finding.advice or "").splitlines():
        say(f"{'':<24}{line}")


COMMANDS: tuple[click.Command, ...] = (doctor,)
