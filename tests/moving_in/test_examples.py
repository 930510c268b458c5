"""The programs of `examples/` as their READMEs start them, and the workflow's shape."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from dotenv import dotenv_values

from tests.moving_in.conftest import TYPESCRIPT, Server, compiled, run_by_node
from tests.support.ports import free_port
from tests.support.processes import ROOT, ended, wait_for
from webhooks.api.openapi import document
from worker.domain.requests.requests import parse_request
from worker.entrypoints.cli.http import answers, call

EXAMPLES = ROOT / "examples"


@pytest.fixture
def env(server: Server, tmp_path: Path) -> dict[str, str]:
    """What `hookline env` prints, and the client."""
    told = tmp_path / "env"
    told.write_text(server.run("env"))
    given = {name: value for name, value in dotenv_values(told).items() if value}
    return {
        **server.env,
        **given,
        "HOOKLINE_NOTIFY_SECRET": server.notify_secret,
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "PYTHONUNBUFFERED": "1",  # what a program says is in its log at once
    }


@contextmanager
def running(
    command: list[str], folder: Path, env: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as out, ended(subprocess.Popen(
        command, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT, text=True
    )) as process:  # fmt: skip
        yield process


def listening(url: str, log: Path) -> None:
    wait_for(lambda: answers(url), f"{url}: {log}", 60)


def test_the_celery_app_is_told_by_celery(env: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "celery_app/app.py", tmp_path)
    worker = ["-m", "celery", "-A", "app", "worker", "-Q", "shop", "--pool", "solo"]
    with running([sys.executable, *worker], tmp_path, env, tmp_path / "log"):
        for _ in range(2):  # the same order twice
            order = [sys.executable, "app.py", "17", "a brass compass"]
            subprocess.run(order, cwd=tmp_path, env=env, check=True)
        ready = tmp_path / "ready/17.json"
        wait_for(lambda: ready.exists() and ready.read_text(), "the pictures", 60)
    found = json.loads(ready.read_text())
    assert found["status"] == "succeeded"
    assert len(found["pictures"]) == 2


def test_the_flask_shop_verifies_what_it_is_told(env: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    shop = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(port)]
    log = tmp_path / "log"
    with running(serve, EXAMPLES / "flask_shop", {**env, "SHOP_URL": shop}, log):
        wait_for(lambda: "Running on" in log.read_text(), "the shop", 60)
        for _ in range(2):
            done = posted(f"{shop}/orders/18", "prompt=a+blue+fox")
            assert done == 202, log.read_text()
        wait_for(
            lambda: call("GET", f"{shop}/orders/18")[1]["status"] == "succeeded", "its end", 60
        )
        assert call("GET", f"{shop}/orders/18")[1]["files"] == 2
        assert posted(f"{shop}/hookline", "{}") == 400
        assert posted(f"{shop}/orders/19", "prompt=") == 400


def test_the_django_app_uploads_a_catalogue(env: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/catalogues/spring"
    serve = [sys.executable, "app.py", "runserver", "--noreload", str(port)]
    log = tmp_path / "log"
    with running(serve, EXAMPLES / "django_app", env, log):
        wait_for(lambda: "Starting" in log.read_text(), "Django", 60)
        wait_for(lambda: posted(url, "prompt\na rose\na tulip\n") == 202, "the upload", 30)
        wait_for(lambda: call("GET", url)[1]["status"] == "finished", log.read_text(), 60)
        rows = call("GET", url)[1]["rows"]
    assert len(rows) == 4  # two rows, each with an upscale
    assert {row["status"] for row in rows} == {"succeeded"}


def posted(url: str, body: str) -> int:
    """The status of a POST as curl sends it; 0 if nothing answers."""
    command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "--data-binary", body, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout or 0)


_CALLS_THE_HANDLERS = """
import { createServer } from "node:http";
import { once } from "node:events";
import { GET, POST as order } from "./api/pictures/route.js";
import { POST as told } from "./api/hookline/route.js";

const receiver = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const { headers } = request;
  const answer = await told(new Request("http://app/", { method: "POST", headers, body }));
  response.writeHead(answer.status).end();
}).listen(0, "127.0.0.1");
await once(receiver, "listening");
process.env.APP_URL = `http://127.0.0.1:${receiver.address().port}`;
const asked = (prompt) => {
  const body = JSON.stringify({ order: "20", prompt });
  return new Request("http://app/", { method: "POST", body });
};
const refused = await order(asked(""));
const { id } = await (await order(asked("a green fox"))).json();
let found = { status: "ordered" };
const end = Date.now() + 60_000;
while (found.status === "ordered" && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  found = await GET(new Request(`http://app/?id=${id}`)).json();
}
const forged = await told(new Request("http://app/", { method: "POST", body: "{}" }));
console.log(JSON.stringify({ refused: refused.status, forged: forged.status, ...found }));
receiver.close();
"""


def test_the_route_handlers_for_next(env: dict[str, str], published: Path, tmp_path: Path) -> None:
    """Against the package as it is published: its own `exports`, from `node_modules`."""
    app = tmp_path / "next_app"
    shutil.copytree(EXAMPLES / "next_app", app)
    (app / "node_modules").symlink_to(published)
    config = json.loads((app / "tsconfig.json").read_text())
    config["extends"] = str(TYPESCRIPT / "tsconfig.json")
    config["compilerOptions"]["typeRoots"] = [str(TYPESCRIPT / "node_modules/@types")]
    (app / "tsconfig.json").write_text(json.dumps(config))
    compiled(app / "tsconfig.json", app / "made")
    (app / "made/test.js").write_text(_CALLS_THE_HANDLERS)
    told = json.loads(run_by_node(app / "made/test.js", env))
    assert told == {"refused": 400, "forged": 400, "status": "succeeded", "files": 2}


#: A workflow as n8n exports it: https://docs.n8n.io/workflows/export-import
_WORKFLOW = {
    "type": "object",
    "required": ["name", "nodes", "connections", "settings"],
    "properties": {
        "name": {"type": "string"},
        "nodes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "name", "type", "typeVersion", "position", "parameters"],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "name": {"type": "string"},
                    "type": {"type": "string", "pattern": r"^n8n-nodes-base\.\w+$"},
                    "typeVersion": {"type": "number"},
                    "position": {
                        "type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"},
                    },
                    "parameters": {"type": "object"},
                    "webhookId": {"type": "string", "format": "uuid"},
                },
            },
        },
        "connections": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "main": {
                        "type": "array",
                        "items": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["node", "type", "index"],
                                "properties": {"type": {"const": "main"}},
                            },
                        },
                    }
                },
            },
        },
    },
}  # fmt: skip


def test_the_workflow_of_n8n_has_its_shape_and_makes_calls_that_there_are() -> None:
    workflow = json.loads((EXAMPLES / "n8n/picture.json").read_text())
    jsonschema_rs.Draft202012Validator(_WORKFLOW, validate_formats=True).validate(workflow)
    nodes: dict[str, dict[str, Any]] = {node["name"]: node for node in workflow["nodes"]}
    assert len(nodes) == len({node["id"] for node in nodes.values()}) == len(workflow["nodes"])
    targets = {
        target["node"]
        for outputs in workflow["connections"].values()
        for output in outputs["main"]
        for target in output
    }
    assert workflow["connections"].keys() <= nodes.keys()
    assert targets == nodes.keys() - {"Start"}
    paths = document()["paths"]
    for node in nodes.values():
        if not node["type"].endswith("httpRequest"):
            continue
        given = node["parameters"]
        path = given["url"].removeprefix("=").removeprefix("http://127.0.0.1:8000")
        shape = re.sub(r"{{.*?}}", "{}", path).replace("/files/0", "/files/{}")
        assert any(
            re.sub(r"{\w+}", "{}", known) == shape and given["method"].lower() in calls
            for known, calls in paths.items()
        ), path
        if "jsonBody" in given:
            parse_request(json.loads(given["jsonBody"]))
