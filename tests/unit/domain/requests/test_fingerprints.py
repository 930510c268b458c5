"""Requests are told from one another as version 0.1.0 told them.

One that is repeated under its key after an upgrade, and a file that is handed in again, must be
known again: otherwise they are paid twice.
"""

import json
from typing import Any

import pytest

from worker.domain.batch.records import Form
from worker.domain.batch.rows import Row, read_rows
from worker.domain.requests.requests import parse_press, parse_request

#: Requests, with their fingerprint and their key as a row, which 0.1.0 computed.
REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"kind": "imagine", "prompt": "a cat"},
        "7c6f402dbc03a091fb2d93285d2faf95",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {
            "kind": "imagine",
            "prompt": "a cat",
            "priority": 5,
            "deadline_s": 3600,
            "seed": False,
            "metadata": {},
            "then": [],
        },
        "7c6f402dbc03a091fb2d93285d2faf95",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {
            "kind": "imagine",
            "prompt": " a cat --ar 3:2 ",
            "images": ["https://a.example/1.png"],
            "bot_type": "NIJI_JOURNEY",
            "seed": True,
            "priority": 9,
            "tenant": "acme",
            "mode": "turbo",
            "deadline_s": 60,
            "account": "main",
            "metadata": {"order": 17, "é": [1.5, None]},
            "then": [
                {"press": "U1", "retry": {"attempts": 2}},
                {
                    "press": "V2",
                    "modal": {"prompt": "x"},
                    "then": [{"imagine": "{prompt}, at night"}],
                },
            ],
        },
        "34e009630b0c7e593fa24508fd499c32",
        "a42b65947d3ecde798edcad20751e397",
    ),
    (
        {"kind": "imagine", "prompt": "a cat", "retry": {}},
        "96b5c38aceed8117850bbf762ef49acc",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {
            "kind": "imagine",
            "prompt": "a cat",
            "retry": {"attempts": 2, "backoff_s": 60, "on": ["failed", "timeout", "failed"]},
        },
        "4183be0323185d0efe7dccf9eb980e0f",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {"kind": "imagine", "prompt": "a cat", "notify": {"url": "https://caller.example/hook"}},
        "8c9bd5552d042db6462c500e864ba37e",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {
            "kind": "imagine",
            "prompt": "a cat",
            "notify": {"celery_task": "shop.ready", "queue": "shop", "on": ["job.failed"]},
        },
        "976f8a113e8c3031b2f9c7e702827d2a",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {"kind": "imagine", "prompt": "a cat", "assets": "all"},
        "56bae7ff4b2a4b58ca7266eaf5fd71ba",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {"kind": "imagine", "prompt": "a cat", "assets": {"files": "grid", "tiles": True}},
        "a7afeea6036bdde5f38ac9bcdff7df1e",
        "148da6bcb4b0589f489c2b96c59ed093",
    ),
    (
        {
            "kind": "blend",
            "images": ["https://a.example/1.png", "https://a.example/2.png"],
            "dimensions": "SQUARE",
        },
        "e6f8d5ab5a100dd0c50427cec062781a",
        "bb865fe0de82459cd6a836d64f87485f",
    ),
    (
        {"kind": "action", "job_id": "00000000000000000000000000000000", "button": "U1"},
        "5190a8b8e89241fe8315f337700e31a9",
        "89b560108814eb842a6fa9b36ff23519",
    ),
    (
        {
            "kind": "video",
            "prompt": "it moves",
            "image": "https://a.example/1.png",
            "loop": True,
            "batch_size": 2,
        },
        "ab2cc3c862fa90d339137e12b676a1af",
        "0dfeb684ff321d07eeae0cc7f7a62df1",
    ),
    (
        {"kind": "upload", "images": ["https://a.example/1.png"]},
        "97fce119fc66ff0c2cd6275e2ff9a74b",
        "dc3b2dfccb04fc953070e62051b69d45",
    ),
]
PRESSES: list[tuple[dict[str, Any], str]] = [
    ({"button": "U1"}, "3c8418a307b27b4ebee3fa7508b31976"),
    (
        {"button": "Vary", "modal": {"prompt": "a door"}, "then": [{"press": "U2"}]},
        "151e03692b36b805c4bffb0761e74719",
    ),
]


@pytest.mark.parametrize(("request_", "fingerprint", "key"), REQUESTS)
def test_a_request_has_the_fingerprint_that_it_had(
    request_: dict[str, Any], fingerprint: str, key: str
) -> None:
    assert parse_request(request_).fingerprint == fingerprint
    [row] = read_rows([json.dumps(request_).encode()], Form.NDJSON)
    assert isinstance(row, Row)
    assert row.key == key


@pytest.mark.parametrize(("press", "fingerprint"), PRESSES)
def test_a_press_has_the_fingerprint_that_it_had(press: dict[str, Any], fingerprint: str) -> None:
    assert parse_press(press).fingerprint == fingerprint
