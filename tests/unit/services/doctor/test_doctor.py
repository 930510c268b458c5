"""The doctor examines real parts: each trouble is named, with what to do about it."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import time

import pytest
import redis
from werkzeug.serving import make_server

from tests.support.ports import free_port
from tests.support.stores import server_url
from tests.support.web import Web, web_settings
from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.provider import client
from worker.adapters.storage import storage
from worker.adapters.store.clock import SharedClock
from worker.bootstrap import HOOK_PATH, unchecked
from worker.domain.findings import Finding
from worker.domain.presence import way_of
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox
from worker.services.doctor import checks
from worker.services.doctor.doctor import Check, Doctor
from worker.services.doctor.findings import not_called_back
from worker.services.presence import Proofs, ProofSender

KEY = "the-key-of-the-sandbox"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with Sandbox(SandboxOptions(key=KEY)) as running:
        yield running.url


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No web process is just starting."""
    monkeypatch.setattr(checks, "_PROOFS_S", 0.0)


def examined(folder: Path, provider: str, **env: str) -> dict[str, Finding]:
    """The findings by name, of an installation without workers."""
    given = {
        "HOOKLINE_REDIS_URL": server_url(),
        "HOOKLINE_PROVIDER_URL": provider,
        "HOOKLINE_PROVIDER_KEY": KEY,
        "HOOKLINE_PROVIDER_AUTH": "raw",
        **env,
    }
    services = unchecked(web_settings(folder, **given))
    return {each.name: each for each in services.doctor.examine()}


def test_an_installation_that_is_well_has_no_failure(tmp_path: Path, sandbox: str) -> None:
    found = examined(tmp_path, sandbox)
    assert {name for name, each in found.items() if each.verdict == "fail"} == set()
    assert found["provider default"].verdict == "ok"
    assert found["storage"].verdict == "ok"
    assert found["redis latency"].verdict == "ok"
    assert not (tmp_path / "output").exists(), "the file is deleted, and its folder"
    assert "clock default" not in found


def test_a_wrong_key(tmp_path: Path, sandbox: str) -> None:
    found = examined(tmp_path, sandbox, HOOKLINE_PROVIDER_KEY="another-key")["provider default"]
    assert found.verdict == "fail"
    assert "HOOKLINE_PROVIDER_KEY" in (found.advice or "")
    assert "another-key" not in f"{found.message}{found.advice}"


def test_a_wrong_public_url(tmp_path: Path, sandbox: str) -> None:
    secret = {"HOOKLINE_SECRET": "mZx3Qv9rT1yKp7LdWc5BnH8s"}
    found = examined(tmp_path, sandbox, HOOKLINE_PUBLIC_URL=sandbox, **secret)["callbacks"]
    assert found.verdict == "fail"
    assert f"did not come back through {sandbox}" in found.message
    assert "Check HOOKLINE_PUBLIC_URL" in (found.advice or "")


@contextmanager
def served(web: Web) -> Iterator[None]:
    server = make_server("127.0.0.1", web.settings.port, web.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_public_url_that_leads_here(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    web = Web(tmp_path, env={"HOOKLINE_PUBLIC_URL": url, "HOOKLINE_PORT": str(port)})
    proofs = Proofs(web.store, web.services.tokens)
    sender = ProofSender(proofs, url, HOOK_PATH)
    vars(web.services).update(proofs=proofs, proof_sender=sender)
    with served(web):
        found = {each.name: each for each in web.services.doctor.examine()}
        assert found["callbacks"].verdict == "ok", found["callbacks"]
        rows = web.store.presence.get(way_of(url))
    assert rows is None, "a probe says nothing of the proofs' rows"


def test_a_clock_that_is_three_minutes_off(
    tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "time", lambda: time() + 180)
    monkeypatch.setattr(
        "worker.bootstrap.SharedClock", lambda c: SharedClock(c, wall=lambda: time() + 180)
    )
    found = examined(tmp_path, sandbox)
    for name, whose in (("clock", "Redis"), ("clock default", "the provider of default")):
        assert found[name].verdict == "warn"
        assert re.search(f"18[01] s ahead of {whose}", found[name].message)
        assert "NTP" in (found[name].advice or "")


@contextmanager
def full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk of 8 KiB that is full, where one can be mounted; else a write that fails like that."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0:
        try:
            with suppress(OSError):
                (folder / "all").write_bytes(b"x" * 16_384)
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
        return

    def full(*_: object) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr(storage, "_write_file", full)
    yield


def test_a_full_disk(tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with full_disk(tmp_path / "output", monkeypatch):
        found = examined(tmp_path, sandbox)["storage"]
    assert (found.verdict, "the disk is full" in found.message) == ("fail", True)
    assert "Make room" in (found.advice or "")


def test_a_stopped_worker(tmp_path: Path, sandbox: str) -> None:
    found = examined(tmp_path, sandbox)["workers"]
    assert (found.verdict, found.message) == ("warn", "none runs")
    assert "hookline worker" in (found.advice or "")


def test_an_evicting_redis(tmp_path: Path, sandbox: str) -> None:
    with TemporaryDirectory(prefix="hl-") as short, start_private_redis(Path(short)) as server:
        with redis.Redis.from_url(server.url) as asked:
            asked.config_set("maxmemory-policy", "allkeys-lru")
            asked.config_set("maxmemory", 10 * 1024**2)
        found = examined(tmp_path, sandbox, HOOKLINE_REDIS_URL=server.url)["redis"]
    assert (found.verdict, "drops keys" in found.message) == ("fail", True)
    assert "noeviction" in (found.advice or "")


def test_without_redis_the_other_checks_go_on(tmp_path: Path, sandbox: str) -> None:
    found = examined(tmp_path, sandbox, HOOKLINE_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert found["redis"].verdict == "fail"
    assert "HOOKLINE_REDIS_URL" in (found["redis"].advice or "")
    assert found["provider default"].verdict == "ok"
    assert "workers" not in found, "said once"


def test_a_check_that_hangs_is_left_behind() -> None:
    hang = Event()

    def hangs() -> Iterator[Finding]:
        hang.wait()
        yield from ()

    well = Finding("well", "ok", "it is")
    hung, after = Doctor([Check("hung", hangs, 0.05), Check("well", lambda: [well])]).examine()
    hang.set()
    assert (hung.verdict, after) == ("fail", well)
    assert "0.05 s" in hung.message


def test_what_nobody_expected_fails_one_check_only() -> None:
    def breaks() -> list[Finding]:
        raise RuntimeError("broken")

    [found] = Doctor([Check("odd", breaks)]).examine()
    assert (found.verdict, found.message) == ("fail", "RuntimeError: broken")


def test_a_public_url_of_this_machine_that_nothing_answers_is_named() -> None:
    reason = "127.0.0.1 did not deliver"
    finding = not_called_back("http://127.0.0.1:9", reason, answered=False, here=True)
    assert finding.verdict == "fail"
    assert "HOOKLINE_PUBLIC_URL" in str(finding.advice)
    assert "hookline up" in str(finding.advice)
