"""Bytes that wait, in memory or in a file."""

from hypothesis import given
from hypothesis import strategies as st

from webhooks.front.limits import IN_MEMORY
from webhooks.front.spool import Spool

PIECES = st.lists(st.binary(max_size=100) | st.just(b"x" * IN_MEMORY), max_size=6)


@given(st.lists(PIECES, max_size=4))
def test_what_was_added_comes_out_in_order(rounds: list[list[bytes]]) -> None:
    spool, added, taken = Spool(), b"", b""
    for pieces in rounds:
        for piece in pieces:
            spool.add(piece)
            added += piece
        taken += spool.take()
        assert spool.waiting == len(added) - len(taken)
    while piece := spool.take():
        taken += piece
    assert taken == added == spool.whole().read()
    assert spool.size == len(added)
    spool.close()
    spool.close()
