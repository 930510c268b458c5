import socket

import pytest

from worker.adapters.local.listening import listen, port_of
from worker.domain.errors import ServiceUnavailable


def test_nobody_else_listens_there_not_even_who_would_share() -> None:
    with listen("127.0.0.1", 0) as ours:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(ours.getsockname(), reuse_port=True)
        with pytest.raises(
            ServiceUnavailable, match=f"port {port_of(ours)} is taken.*--port, HOOKLINE_PORT"
        ):
            listen("127.0.0.1", port_of(ours))


def test_a_port_is_free_again_afterwards() -> None:
    with listen("127.0.0.1", 0) as ours, socket.create_connection(ours.getsockname()):
        ours.accept()[0].close()  # first to close: this side lingers
        port = port_of(ours)
    with listen("127.0.0.1", port) as again:
        assert port_of(again) == port


def test_small_answers_leave_at_once() -> None:
    with listen("127.0.0.1", 0) as ours, socket.create_connection(ours.getsockname()):
        accepted = ours.accept()[0]
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()


def test_a_host_may_be_a_name() -> None:
    with listen("localhost", 0) as ours:
        assert ours.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ServiceUnavailable, match=r"HOOKLINE_HOST nowhere\.invalid"):
        listen("nowhere.invalid", 0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_all_addresses_are_those_of_both_kinds() -> None:
    with listen("::", 0) as ours:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port_of(ours)), timeout=5) as caller:
                accepted, _ = ours.accept()
                assert accepted.getpeername()[1] == caller.getsockname()[1]
                accepted.close()
