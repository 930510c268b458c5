"""Names by which the web process is called."""

import pytest

from webhooks.hosts import Hosts


@pytest.mark.parametrize(
    ("bind", "host", "ours"),
    [
        ("127.0.0.1", "", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LOCALHOST.:8000", True),
        ("127.0.0.1", "127.0.0.1:", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "hooks.example", True),
        ("127.0.0.1", "192.0.2.7", False),
        ("192.0.2.7", "192.0.2.7:8000", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("web.internal", "Web.Internal", True),
        ("0.0.0.0", "192.0.2.7:8000", True),
        ("::", "[2001:db8::7]:8000", True),
        ("0.0.0.0", "evil.example", False),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "evil.localhost", False),
        ("127.0.0.1", "localhost:80@evil.example", False),
        ("127.0.0.1", "localhost,evil.example", False),
        ("127.0.0.1", "local host", False),
        ("127.0.0.1", "[::1", False),
        ("127.0.0.1", ":8000", False),
    ],
)
def test_whose_requests_are_answered(bind: str, host: str, *, ours: bool) -> None:
    assert Hosts(bind, ("hooks.example", "")).accepts(host) is ours
