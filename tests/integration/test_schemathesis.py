"""The app held against its OpenAPI document by machine: what is sent is made from the document,
valid and not, and what comes back must be described there.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Config, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.jobs import GRID, NOW
from tests.support.openapi import described
from tests.support.tenants import issue
from tests.support.web import AUTH, Web
from worker.bootstrap import HOOK_PATH
from worker.domain.batch.progress import whole
from worker.domain.batch.request import parse_batch
from worker.domain.job import Attempt, Status
from worker.domain.result import Result

_REJECTION = checks.negative_data_rejection
_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    _REJECTION,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
]
_MODES = {"valid": GenerationMode.POSITIVE, "not valid": GenerationMode.NEGATIVE}
_ANY_TEXT = "^[^/]+$"


def _can_be_wrong(call: dict[str, Any]) -> bool:
    """What takes nothing, or only a name that may be any text, cannot be called in a wrong way."""
    told = (p["schema"].get("pattern") != _ANY_TEXT for p in call.get("parameters", ()))
    return "requestBody" in call or any(told)


_CASES = [
    (call["operationId"], mode)
    for _, _, call in described()
    for mode in _MODES
    if mode == "valid" or _can_be_wrong(call)
]
_EACH = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The app, its document, and something for each path to be about."""

    web: Web
    schema: OpenApiSchema

    def path(self, call: str) -> dict[str, Any]:
        """Values for the call's path, of a job that was not touched by the inputs before."""
        if call.startswith("callback"):
            return {"token": self.web.hook(self.web.running()).rpartition("/")[2]}
        if call == "resolve":
            doubt = {"status": Status.IN_DOUBT, "attempts": (Attempt(1, NOW),), "due_at": NOW}
            return {"job_id": self.web.put(**doubt).id}
        if call.endswith(("_account", "_kind")):
            return {"name": "default" if call.endswith("_account") else "imagine"}
        if call.endswith("_batch") or call == "manifest":
            return {"batch_id": self.batch()}
        if call.endswith("_token"):
            name = f"t{uuid4().hex}"
            issue(self.web, name, ["read"])
            return {"name": name}
        if call.endswith("_delivery"):
            return {"delivery_id": self.web.told().id}
        if call.endswith("_callback"):
            return {"callback_id": self.foreign()}
        if call == "read_file":
            return {"job_id": self.web.put(status=Status.SUCCEEDED).id, "number": 0}
        if call == "retry":
            return {"job_id": self.web.put(status=Status.FAILED).id}
        grid = Result(image_url="https://cdn.example/1.png", buttons=GRID)
        job = self.web.put(status=Status.SUCCEEDED, task_id="t1", result=grid)
        return {"pipeline_id" if call == "pipeline" else "job_id": job.id}

    def foreign(self) -> str:
        """The id of a stray callback in the inbox."""
        token = self.web.services.tokens.for_account("default")
        told = {"id": uuid4().hex, "status": "IN_PROGRESS", "progress": "40%"}
        self.web.client.post(f"{HOOK_PATH}/{token}", json=told)
        self.web.services.inbox.write()
        page = self.web.client.get("/v1/callbacks?verdict=foreign", headers=AUTH).get_json()
        return str(page["items"][0]["id"])

    def batch(self) -> str:
        """The name of a batch with a job and a bad row."""
        asked = parse_batch({"name": "cats", "form": "ndjson"})
        whole(self.web.services.batches.submit(asked, [b'{"prompt": "a cat"}\n{}\n']))
        return asked.name


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    web = Web(tmp_path_factory.mktemp("machine"))
    # Every call brings its token; that one without is refused is a check of its own.
    config = Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_wsgi(
        "/v1/openapi.json", web.app, headers=AUTH, config=config
    )
    return Subject(web, schema)


@pytest.mark.parametrize(("call", "mode"), _CASES)
def test_every_answer_is_described(
    subject: Subject, call: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.health.ping", lambda _: None)
    operation = subject.schema.find_operation_by_id(call)
    named = any(p["in"] == "path" for p in operation.definition.raw.get("parameters", ()))

    # Any text at all is a file of prompts, so that no body of a batch is wrong by its type.
    held = [each for each in _CHECKS if call != "create_batch" or each is not _REJECTION]

    @_EACH
    @given(case=operation.as_strategy(_MODES[mode]))
    def check(case: "schemathesis.Case[Any]") -> None:
        if named and mode == "valid":
            case.path_parameters = subject.path(call)
        headers = {} if operation.definition.raw.get("security") == [] else AUTH
        case.call_and_validate(headers=headers, checks=held)

    check()
