"""Two tenants on one Hookline: their tokens, and what one of them has."""

import base64
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.support.drawing import draw
from tests.support.jobs import GRID, NOW, capacity
from tests.support.web import Web
from worker.domain.access import Scope
from worker.domain.job import Attempt, AttemptOutcome, Status
from worker.domain.job_spec import Notify
from worker.domain.money import amount
from worker.domain.notifications import announce
from worker.domain.requests.base import validate
from worker.domain.requests.tokens import NewToken
from worker.domain.result import Result

ACCOUNTS = """
[tenants."*"]
budget = 1000
[accounts.main]
url = "http://127.0.0.1:9"
[accounts.main.price]
default = 2
"""
ALL_OF_A_TENANT = [scope.value for scope in Scope if scope is not Scope.ADMIN]


def web_with_prices(folder: Path) -> Web:
    """A web app whose one account, `main`, takes 2 for everything."""
    accounts = folder / "accounts.toml"
    accounts.write_text(ACCOUNTS, encoding="utf-8")
    return Web(folder, env={"HOOKLINE_ACCOUNTS": str(accounts)})


def issue(web: Web, name: str, scopes: list[str], **more: Any) -> dict[str, str]:
    """The header of a new token."""
    asked = validate(NewToken, {"name": name, "scopes": scopes, **more})
    _, secret = web.services.api_tokens.create(asked)
    return {"Authorization": f"Bearer {secret}"}


def picture(words: str) -> str:
    """A picture of its own for each word, as a data URL."""
    data = draw("PNG", (40 + len(words), 30))
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@dataclass
class Tenant:
    """A tenant with everything that a tenant may have. ``secrets``: what nobody else may read."""

    web: Web
    name: str
    auth: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.auth = issue(self.web, f"token-of-{self.name}", ALL_OF_A_TENANT, tenant=self.name)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        """A request with the tenant's token."""
        headers = {**self.auth, **more.pop("headers", {})}
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        return self.web.client.open(
            path, method=method.upper(), data=data, headers=headers, content_type=kind, **more
        )

    def settle_in(self) -> "Tenant":
        """Submit, and let some of it become something."""
        image = picture(self.name)
        queued = self.call(
            "POST",
            "/v1/jobs",
            {"kind": "describe", "image": image},
            headers={"Idempotency-Key": "order-1"},
        ).get_json()
        self.queued_id: str = queued["id"]
        self.blob: str = queued["request"]["image"]
        rows = json.dumps({"prompt": f"{self.name}'s prompt"}).encode() + b"\n"
        batch = self.call("POST", f"/v1/batches?name={self.name}-cats", rows).get_json()
        self.batch_id: str = batch["id"]
        self.batch_name: str = batch["name"]
        self.task_id = f"task-of-{self.name}"
        common = {"tenant": self.name, "account": "main", "created_at": NOW}
        self.done_id = self.web.put(
            **common,
            request={"prompt": f"{self.name}'s grid"},
            status=Status.SUCCEEDED,
            task_id=self.task_id,
            attempts=(Attempt(1, NOW, posted_at=NOW, task_id=self.task_id, price=amount(2)),),
            result=Result(image_url=f"https://cdn.example/{self.name}.png", buttons=GRID),
        ).id
        self.window_id = self.web.put(**common, status=Status.AWAITING_MODAL, due_at=NOW).id
        self.doubt_id = self.web.put(
            **common, status=Status.IN_DOUBT, attempts=(Attempt(1, NOW, posted_at=NOW),), due_at=NOW
        ).id
        tried = Attempt(1, NOW, AttemptOutcome.FAILED, NOW, f"failed-{self.name}", price=amount(2))
        self.failed_id = self.web.put(**common, status=Status.FAILED, attempts=(tried,)).id
        self.delivery_id = self._told(common)
        return self

    def _told(self, common: dict[str, Any]) -> str:
        target = Notify(("job.failed",), url=f"https://{self.name}.example/hook")
        before = self.web.put(**common, notify=target)
        job, outbox = announce(before, replace(before, status=Status.FAILED), target, NOW)
        self.web.store.jobs.commit(job, capacity=capacity(100), outbox=outbox, now=NOW)
        return outbox.told[0].id

    @property
    def job_ids(self) -> list[str]:
        """Its jobs, whatever their status."""
        return [self.queued_id, self.done_id, self.window_id, self.doubt_id, self.failed_id]

    @property
    def secrets(self) -> list[str]:
        """Texts that may be in nobody else's answers."""
        return [
            *self.job_ids, self.batch_id, self.batch_name, self.delivery_id, self.task_id,
            self.blob, self.name,
        ]  # fmt: skip
