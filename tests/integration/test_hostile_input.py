"""What strangers write, given to what reads it: refused in our words, or read; never a crash."""

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.logs import Redactor
from tests.chaos.leaks import secrets_in
from worker.adapters.decoding.decoder import DECODER
from worker.adapters.storage.fetching import check_url
from worker.adapters.storage.inputs import ingest_request
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.errors import InvalidRequest, PictureError
from worker.domain.job_spec import Kind

TOKENS = Tokens(["a secret of this test"])

SCHEMES = st.sampled_from(["http", "https", "HTTPS", "ftp", "file", "gopher", "", "https:", "\x00"])
HOSTS = st.one_of(
    st.sampled_from(
        [
            "127.0.0.1", "127.1", "0", "0x7f.1", "2130706433", "localhost", "[::1]", "[::]",
            "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[fe80::1%25eth0]",
            "169.254.169.254", "10.0.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1", "user@x",
            "x:y@z", "cdn.example", "\u2488\u24ea\u24ea", "\u3002", "a" * 300, "-", "xn--", "[",
        ]
    ),
    st.text(max_size=20),
    st.ip_addresses().map(str),
)  # fmt: skip
URLS = st.builds(
    lambda scheme, host, port, rest: f"{scheme}://{host}{port}/{rest}",
    SCHEMES,
    HOSTS,
    st.sampled_from(["", ":", ":0", ":80", ":99999", ":-1", ":x", ":\u0661"]),
    st.text(max_size=20),
)

#: Of no machine but our own, however they are written.
PRIVATE = [
    "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.1.2.3/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://169.254.169.254/latest",
    "https://[fe80::1]/", "https://0.0.0.0/", "https://224.0.0.1/", "http://cdn.example/",
    "https://user@cdn.example/", "https://user:word@cdn.example/", "file:///etc/passwd",
]  # fmt: skip


@example("https://8.8.8.8/\ud800")
@settings(max_examples=500)
@given(URLS | st.text(max_size=60))
def test_a_url_is_allowed_or_refused(url: str) -> None:
    with suppress(PictureError):
        check_url(url, allowed_hosts=())


@pytest.mark.parametrize("url", PRIVATE)
def test_what_is_private_is_refused_without_asking_anybody(url: str) -> None:
    with pytest.raises(PictureError):
        check_url(url, allowed_hosts=())


@settings(max_examples=300)
@given(
    st.one_of(
        URLS,
        st.text(max_size=60),
        st.text(max_size=40).map(lambda text: f"data:{text}"),
        st.binary(max_size=60).map(
            lambda data: "data:image/png;base64," + base64.b64encode(data).decode()
        ),
        st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
        st.text(max_size=40).map(lambda text: f"blob:{text}"),
        st.sampled_from(["blob:../../etc/passwd", "blob:/etc/passwd", "/etc/passwd", "~/x", "."]),
    )
)
def test_a_picture_is_taken_or_refused(tmp_path_factory: Any, ref: str) -> None:
    folder: Path = tmp_path_factory.getbasetemp() / "pictures"
    with suppress(InvalidRequest):
        kept, _ = ingest_request(
            Kind.DESCRIBE,
            {"image": ref},
            (),
            storage=Storage(f"file://{folder}"),
            max_bytes=1000,
            allow_paths=False,
            allowed_hosts=(),
            decoder=DECODER,
        )
        assert kept == {"image": ref}  # a URL, to be fetched when the job is submitted


SECRETS = ["hunter2-hunter2", "canary/with+signs=", "canary", TOKENS.for_job("0" * 32, 1)]
HIDDEN_IN = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from(SECRETS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)


@settings(max_examples=500)
@given(
    value=HIDDEN_IN,
    secret=st.sampled_from(SECRETS),
    before=st.sampled_from(["", " ", "=", "'", "/webhooks/midjourney/", "?token=", "\n", "\u00e9"]),
    after=st.sampled_from(["", " ", "'", "&x", "/", "\n", ".", ")"]),
)
def test_no_log_line_holds_a_secret(value: Any, secret: str, before: str, after: str) -> None:
    redact = Redactor(SECRETS[:3])
    event = {"event": f"x{before}{secret}{after}", "value": value, "raw": [secret.encode()]}
    written = json.dumps(redact(None, "info", event), default=str)
    assert list(secrets_in(written, frozenset(SECRETS), TOKENS)) == []
