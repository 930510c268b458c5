"""Which connection gives way, and which has used up its time."""

from dataclasses import dataclass

import pytest

from webhooks.front.limits import PATIENCE, Limits, Phase
from webhooks.front.table import NoRoom, Table, peer_of


@dataclass(eq=False)
class Connection:
    peer: str | None = None
    phase: Phase = Phase.SILENT


def table(connections: int = 3, per_peer: int = 0) -> Table[Connection]:
    return Table(Limits(connections, per_peer))


def opened(places: Table[Connection], *phases: Phase, peer: str | None = None) -> list[Connection]:
    found = []
    for phase in phases:
        found.append(each := Connection(peer))
        places.add(each, 0.0)
        places.move(each, phase, 0.0)
    return found


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_counts_as_one_peer(address: str, peer: str | None) -> None:
    assert peer_of(address) == peer


def test_nothing_gives_way_while_there_is_room() -> None:
    places = table(2)
    assert places.room_for("a") is None
    opened(places, Phase.SILENT)
    assert places.room_for("a") is None


@pytest.mark.parametrize(
    ("phases", "dropped"),
    [
        ((Phase.KEPT, Phase.SILENT, Phase.HEAD), 1),
        ((Phase.KEPT, Phase.HEAD, Phase.BODY), 1),
        ((Phase.BODY, Phase.KEPT, Phase.KEPT), 1),
        ((Phase.SENDING, Phase.BODY, Phase.BODY), 1),
        ((Phase.RUNNING, Phase.RUNNING, Phase.SENDING), 2),
        ((Phase.SILENT, Phase.SILENT, Phase.SILENT), 0),
    ],
)
def test_the_least_useful_and_oldest_gives_way(phases: tuple[Phase, ...], dropped: int) -> None:
    places = table()
    connections = opened(places, *phases)
    assert places.room_for("a") is connections[dropped]


def test_what_is_in_use_never_gives_way() -> None:
    places = table()
    opened(places, Phase.RUNNING, Phase.RUNNING, Phase.LEAVING)
    with pytest.raises(NoRoom):
        places.room_for("a")
    with pytest.raises(NoRoom):
        places.least()


def test_a_peer_at_its_limit_drops_its_own() -> None:
    places = table(100, per_peer=2)
    (others,) = opened(places, Phase.SILENT, peer="b")
    other, mine = opened(places, Phase.BODY, Phase.KEPT, peer="a")
    assert places.room_for("a") is mine
    assert places.room_for("b") is None
    assert others.phase is Phase.SILENT
    places.move(mine, Phase.RUNNING, 1.0)
    assert places.room_for("a") is other
    places.move(other, Phase.RUNNING, 1.0)
    with pytest.raises(NoRoom):
        places.room_for("a")
    places.remove(mine)
    assert places.room_for("a") is None


def test_this_machine_has_no_limit_of_its_own() -> None:
    places = table(100, per_peer=1)
    opened(places, *[Phase.BODY] * 5, peer=None)
    assert places.room_for(None) is None


def test_a_removed_connection_takes_no_place() -> None:
    places = table(1, per_peer=1)
    (mine,) = opened(places, Phase.BODY, peer="a")
    places.remove(mine)
    places.remove(mine)
    assert len(places) == 0
    places.move(mine, Phase.KEPT, 1.0)  # it is told of its end later
    assert places.room_for("a") is None
    assert places.overdue(10_000.0) == []


def test_each_phase_has_its_own_patience() -> None:
    places = table(100)
    connections = {phase: opened(places, phase)[0] for phase in Phase}
    assert places.overdue(min(PATIENCE.values()) - 0.1) == []
    for phase, patience in PATIENCE.items():
        late = places.overdue(patience)
        assert connections[phase] in late
        assert connections[Phase.RUNNING] not in late
    places.move(connections[Phase.BODY], Phase.BODY, 5.0)
    assert connections[Phase.BODY] not in places.overdue(PATIENCE[Phase.BODY])
