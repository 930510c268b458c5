"""`hookline tokens` and `hookline audit`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.tenants import Tenant
from tests.support.web import AUTH, Web, used_by_commands
from worker.entrypoints import client
from worker.entrypoints.cli import cli


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with used_by_commands(Web(tmp_path)) as web:
        yield web


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def works(web: Web, secret: str) -> bool:
    auth = {"Authorization": f"Bearer {secret}"}
    return web.client.get("/v1/jobs", headers=auth).status_code == 200


def test_a_secret_is_printed_once(web: Web) -> None:
    assert "HOOKLINE_API_TOKEN is the only one" in run("tokens").stderr
    made = run("tokens", "create", "shop", "--scope", "read", "--scope", "submit", "--tenant",
               "acme", "--per-day", "2.5", "--per-minute", "60", "--expires", "90d")  # fmt: skip
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert secret.startswith("hookline_")
    assert works(web, secret)
    listed = run("tokens").stdout
    assert "shop  read submit, tenant acme, 60 requests a minute, 2.5 a day" in listed
    assert "expires" in listed
    assert secret not in listed + run("tokens", "list", "--json").stdout
    assert json.loads(run("tokens", "--json").stdout)["items"][0]["scopes"] == ["read", "submit"]


def test_rotate_and_revoke(web: Web) -> None:
    first = json.loads(run("tokens", "create", "shop", "--scope", "read", "--json").stdout)
    second = run("tokens", "rotate", "shop", "--grace", "1h").stdout.strip()
    assert works(web, first["token"])
    assert works(web, second)
    third = json.loads(run("tokens", "rotate", "shop", "--grace", "0s", "--json").stdout)
    assert [each["expires_at"] for each in third["secrets"]] == [None]
    assert run("tokens", "revoke", "shop").stdout == "shop is revoked.\n"
    assert run("tokens", "revoke", "shop").exit_code == 2


@pytest.mark.parametrize(
    "args",
    [
        ("create", "shop"),
        ("create", "shop", "--scope", "write"),
        ("create", "no blanks", "--scope", "read"),
        ("create", "shop", "--scope", "admin", "--tenant", "acme"),
        ("create", "shop", "--scope", "read", "--expires", "soon"),
        ("create", "shop", "--scope", "read", "--expires", "0"),
        ("rotate", "nobody"),
    ],
)
def test_wrong_usage(web: Web, args: tuple[str, ...]) -> None:
    assert run("tokens", *args).exit_code == 2
    assert web.services.api_tokens.all() == []
    assert run("audit").stdout == ""


def test_the_trail_tells_the_command_line_from_python_and_tokens(web: Web) -> None:
    tenant = Tenant(web, "acme")
    first, second, third = (web.put(account="default") for _ in range(3))
    client.cancel(first)
    assert run("cancel", second.id).exit_code == 0
    web.client.post(f"/v1/jobs/{third.id}/cancel", headers=AUTH)
    run("pause", "default")
    lines = run("audit").stdout.splitlines()
    said = [line.split("  ", 1)[1] for line in lines]
    assert said == [
        "cli  pause  account default",
        f"HOOKLINE_API_TOKEN  cancel  job {third.id}  account default",
        f"cli  cancel  job {second.id}  account default",
        f"python  cancel  job {first.id}  account default",
    ]
    assert len(run("audit", "--job", first.id).stdout.splitlines()) == 1
    paged = run("audit", "--limit", "3", "--json")
    assert json.loads(paged.stdout)["next_cursor"]
    more = run("audit", "--limit", "3")
    assert "add --cursor" in more.stderr
    assert tenant.name
