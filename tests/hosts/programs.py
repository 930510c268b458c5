"""What is installed on each host of a site, and how it is set up."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.providers import Provider, write_accounts
from tests.chaos.system import SECRETS, ledger_path
from tests.hosts.host import Host
from tests.support.processes import ROOT, clean_env, command
from tests.support.s3 import BUCKET, CREDENTIALS, env_of

WEB = ("web-1", "web-2")
WORKERS = ("worker-1", "worker-2", "worker-3")
REDIS = ("redis-1", "redis-2", "redis-3")
RABBITMQ = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
NAMES = ("proxy", *WEB, *WORKERS, *REDIS, *RABBITMQ, "provider", "pictures")

#: Two accounts, each with so many places; each has a sandbox of its own on the provider's host.
ACCOUNTS = (Provider("north", places=12), Provider("south", places=12))

WEB_PORT = 8000
_PUBLIC_PORT = 8080
_S3_PORT = 9100
_SANDBOX_PORTS = {"sandbox-north": 9001, "sandbox-south": 9002}


class Addresses:
    """Where the services of a site are reached."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts

    @property
    def public(self) -> str:
        return self._url("proxy", _PUBLIC_PORT)

    @property
    def pictures(self) -> str:
        return self._url("pictures", _S3_PORT)

    @property
    def sandboxes(self) -> dict[str, str]:
        return {name: self._url("provider", port) for name, port in _SANDBOX_PORTS.items()}

    @property
    def web(self) -> list[str]:
        return [self._url(name, WEB_PORT) for name in WEB]

    def _url(self, host: str, port: int) -> str:
        return f"http://{self._hosts[host].address}:{port}"


def settings_of(
    folder: Path, hosts: Mapping[str, Host], redis: str, broker: str, more: Mapping[str, str]
) -> dict[str, str]:
    """What all web and worker hosts have in common."""
    at = Addresses(hosts)
    accounts = folder / "accounts.toml"
    write_accounts(accounts, ACCOUNTS, at.sandboxes, SECRETS["HOOKLINE_PROVIDER_KEY"])
    return {
        "HOOKLINE_SECRET": SECRETS["HOOKLINE_SECRET"],
        "HOOKLINE_API_TOKEN": SECRETS["HOOKLINE_API_TOKEN"],
        "HOOKLINE_ACCOUNTS": str(accounts),
        "HOOKLINE_PUBLIC_URL": at.public,
        "HOOKLINE_REDIS_URL": redis,
        "HOOKLINE_REDIS_REPLICAS": "1",
        "HOOKLINE_BROKER_URL": broker,
        "HOOKLINE_QUEUE_TYPE": "quorum",
        "HOOKLINE_STORAGE_URL": f"s3://{BUCKET}/results",
        "HOOKLINE_HOST": "0.0.0.0",
        "HOOKLINE_PORT": f"{WEB_PORT}",
        "HOOKLINE_MAX_CONNECTIONS_PER_PEER": "0",  # all connections come from the proxy
        "HOOKLINE_ALLOWED_HOSTS": hosts["provider"].address,
        "HOOKLINE_LOG_FORMAT": "json",
        **env_of(at.pictures),
        **more,
    }


def install(
    folder: Path, hosts: Mapping[str, Host], settings: Mapping[str, str], seed: int
) -> None:
    """Every program but those of Redis and RabbitMQ; each runs from its host's next boot on."""
    _install_proxy(hosts)
    pictures = hosts["pictures"]
    moto = (sys.executable, "-m", "moto.server", "-H", pictures.address, "-p", f"{_S3_PORT}")
    pictures.run("pictures", moto, clean_env(**CREDENTIALS))
    for account in ACCOUNTS:
        _install_sandbox(folder, hosts["provider"], account, seed)
    clock = _compiled_clock(folder)
    for name, program in [*((web, "web") for web in WEB), *((w, "worker") for w in WORKERS)]:
        host = hosts[name]
        own = {"HOOKLINE_STATE_DIR": str(host.folder / "state"), **_adjustable_clock(host, clock)}
        env = clean_env(**settings, **own, PYTHONUNBUFFERED="1")
        host.run(name, command(program, "--supervised"), env)


def set_clock(host: Host, seconds_off: int) -> None:
    """From now on, within a second, the clock of a web or worker host is so many seconds off."""
    (host.folder / "clock").write_text(f"{seconds_off:+d}\n")


def _adjustable_clock(host: Host, shim: Path) -> dict[str, str]:
    set_clock(host, 0)
    return {"LD_PRELOAD": str(shim), "HOST_CLOCK": str(host.folder / "clock")}


def _compiled_clock(folder: Path) -> Path:
    shim, source = folder / "clock.so", Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(source)], check=True)
    return shim


def _install_proxy(hosts: Mapping[str, Host]) -> None:
    """As documented, without TLS."""
    proxy = hosts["proxy"]
    text = (ROOT / "docs" / "deployment" / "haproxy.cfg").read_text()
    text = text.replace(":443 ssl crt /etc/ssl/hookline.pem", f"{proxy.address}:{_PUBLIC_PORT}")
    text = text.replace("hooks.example.com", proxy.address)
    for name in WEB:
        text = text.replace(f"{name}.internal:8000", f"{hosts[name].address}:{WEB_PORT}")
    (proxy.folder / "haproxy.cfg").write_text(text)
    proxy.run("haproxy", ("haproxy", "-db", "-f", str(proxy.folder / "haproxy.cfg")))


def _install_sandbox(folder: Path, host: Host, account: Provider, seed: int) -> None:
    name = account.sandbox
    program = (sys.executable, "-m", "tests.chaos.small_pictures", "sandbox", "--supervised")
    options = (
        "--host", host.address, "--port", f"{_SANDBOX_PORTS[name]}", "--seed", f"{seed}",
        "--key", SECRETS["HOOKLINE_PROVIDER_KEY"], "--ledger-path", str(ledger_path(folder, name)),
        "--task-seconds", "0.5-2", *account.habits,
    )  # fmt: skip
    host.run(name, (*program, *options), clean_env(HOOKLINE_STATE_DIR=str(host.folder)))
