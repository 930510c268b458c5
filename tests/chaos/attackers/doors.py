"""Every door through which a job can name a queue to notify, and queues that it must not name."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import redis

from tests.chaos.attackers.poison import envelope
from tests.chaos.stage import Stage
from tests.chaos.system import SECRETS
from tests.support.processes import hookline
from worker.domain.errors import HooklineError
from worker.domain.job import Job

#: kombu's own keys, ours, and spellings of them.
RESERVED = (
    "unacked",
    "unacked_index",
    "unacked_mutex",
    "hookline.unacked",
    "_kombu.binding.celery",
    "_kombu.binding.hookline",
    " unacked",
    "hookline",
    "hookline.wake",
    "hookline:jobs",
    "unacked\x06\x163",
    "hookline\x06\x163",
)
#: One that may be named: what shows that a door is one.
ALLOWED = "shop"
_DOORS = 7
_BATCHES = 200


def knock(stage: Stage, broker: "redis.Redis") -> int:
    """Name each queue at each door; how often a reserved one was named."""
    for queue in (*RESERVED, ALLOWED):
        notify = {"celery_task": "shop.image_ready", "queue": queue}
        row = {"prompt": f"a door, {queue}"}
        job = {"kind": "imagine", **row, "notify": notify}
        _post(stage, "/v1/jobs", job)
        _post(stage, _batch("itself", notify=notify), row)
        _post(stage, _batch("defaults", defaults={"notify": notify}), row)
        _post(stage, _batch("row"), {**row, "notify": notify})
        with suppress(HooklineError):
            stage.services.enqueuer.submit(job, key=None)
        kwargs = {**row, "notify": notify}
        body = b64encode(json.dumps([[], kwargs, {}]).encode()).decode()
        headers = {"lang": "py", "task": "hookline.imagine", "id": f"door-{queue}"}
        broker.lpush("hookline", json.dumps(envelope(body=body, headers=headers)))
    for queue in (RESERVED[0], ALLOWED):
        _command_line(stage, queue)
    return (_DOORS - 1) * len(RESERVED) + 1


def let_in(stage: Stage, jobs: Sequence[Job]) -> Iterator[str]:
    """What notifies a reserved queue, and which; doors that let nobody in."""
    targets = [(f"the job {job.id}", job.spec.options.notify) for job in jobs]
    batches = stage.services.store.batches.newest(_BATCHES)
    targets += [(f"the batch {batch.id}", batch.notify) for batch in batches]
    named = [(what, notify.queue) for what, notify in targets if notify and notify.queue]
    yield from (f"{what}: {queue!r}" for what, queue in named if queue.strip() in RESERVED)
    opened = sum(queue == ALLOWED for _, queue in named)
    if opened != _DOORS:
        yield f"{opened} of {_DOORS} doors are open for {ALLOWED}"


def _batch(name: str, **fields: Any) -> str:
    told = {field: json.dumps(value) for field, value in fields.items()}
    return f"/v1/batches?{urlencode({'name': f'doors, {name}', 'form': 'ndjson', **told})}"


def _post(stage: Stage, path: str, body: Any) -> None:
    kind = "application/x-ndjson" if "batches" in path else "application/json"
    headers = {"Authorization": f"Bearer {stage.api_token}", "Content-Type": kind}
    connection = HTTPConnection(urlsplit(stage.web_url).netloc, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body) + "\n", headers)
        connection.getresponse().read()
    finally:
        connection.close()


def _command_line(stage: Stage, queue: str) -> None:
    env = {
        "HOOKLINE_REDIS_URL": stage.server.url(),
        "HOOKLINE_ACCOUNTS": str(stage.folder / "accounts.toml"),
        "HOOKLINE_STATE_DIR": str(stage.folder / "state"),
        **{name: value for name, value in SECRETS.items() if name != "HOOKLINE_PROVIDER_KEY"},
    }
    asked = ("imagine", "a door", "--notify-task", f"shop.image_ready@{queue}")
    hookline(stage.folder, *asked, **env)
