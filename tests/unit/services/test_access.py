"""Who is behind a secret: rotation, expiry, revocation, limits, and what a look costs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support.jobs import NOW
from tests.support.stores import OwnStore
from worker.domain.access import Caller, Limits, Scope
from worker.domain.errors import Conflict, NotFound, StoreUnavailable, TooMuch
from worker.domain.money import amount
from worker.domain.requests.base import validate
from worker.domain.requests.tokens import NewToken, Rotation
from worker.services import access as module
from worker.services.access import AGE_S, Access, afford
from worker.services.api_tokens import ApiTokens

Steady = Callable[[float], None]


@dataclass
class House:
    store: OwnStore = field(default_factory=OwnStore)
    now: float = NOW

    def __post_init__(self) -> None:
        self.tokens = ApiTokens(self.store, lambda: self.now)
        self.access = Access(self.store, lambda: self.now)

    def issue(self, name: str = "shop", **more: object) -> str:
        asked = validate(NewToken, {"name": name, "scopes": ["read"], **more})
        return self.tokens.create(asked)[1]

    def rotate(self, grace_s: int, name: str = "shop") -> str:
        return self.tokens.rotate(name, Rotation(grace_s=grace_s))[1]

    def knows(self, secret: str) -> bool:
        return Access(self.store, lambda: self.now).caller(secret) is not None


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Steady:
    """Sets the steady clock."""
    monkeypatch.setattr(module, "monotonic", lambda: 1000.0)
    return lambda now: monkeypatch.setattr(module, "monotonic", lambda: 1000.0 + now)


def test_a_secret_leads_to_its_caller(house: House) -> None:
    secret = house.issue(tenant="acme", requests_per_minute=7, budget_per_day=2.5)
    assert house.access.caller(secret) == Caller(
        "shop", frozenset({Scope.READ}), "acme", Limits(7, amount(2.5))
    )
    for wrong in ("", "x", secret[:-1], secret + "x", secret[:-1] + "~", f" {secret}"):
        assert house.access.caller(wrong) is None
    other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert house.access.caller(other) is None


def test_no_secret_is_stored(house: House) -> None:
    secrets = [house.issue(), house.rotate(60), house.issue("other", budget_per_day=1)]
    stored = repr(house.store.snapshot().keys)
    assert [each for each in secrets if each.partition("_")[2] in stored] == []


def test_a_name_is_taken_once(house: House) -> None:
    house.issue()
    with pytest.raises(Conflict, match="rotate it, or revoke it"):
        house.issue()


def test_rotation_has_no_pause(house: House) -> None:
    first = house.issue()
    second = house.rotate(3600)
    assert house.knows(first)
    assert house.knows(second)
    house.now += 3599
    third = house.rotate(3600)
    assert house.knows(first), "its time is not prolonged"
    house.now += 1
    assert not house.knows(first)
    assert house.knows(second)
    house.now += 3599
    assert not house.knows(second)
    assert house.knows(third)
    fourth = house.rotate(0)
    assert not house.knows(third)
    assert house.knows(fourth)
    assert len(house.tokens.get("shop").secrets) == 1, "what expired is forgotten"


def test_only_so_many_secrets_are_valid_at_once(house: House) -> None:
    house.issue()
    for _ in range(4):
        house.rotate(60)
    with pytest.raises(Conflict, match="5 secrets that are still valid"):
        house.rotate(60)
    house.rotate(0)


def test_a_secret_expires(house: House) -> None:
    secret = house.issue(expires_s=60)
    house.now += 59.9
    assert house.access.caller(secret)
    house.now += 0.1
    assert house.access.caller(secret) is None, "even from the cache"


def test_a_revoked_token_is_refused_within_a_second(house: House, steady: Steady) -> None:
    secret = house.issue()
    assert house.access.caller(secret)
    house.tokens.revoke("shop")
    steady(AGE_S)
    assert house.access.caller(secret), "as it was a second ago"
    steady(AGE_S + 0.01)
    assert house.access.caller(secret) is None
    with pytest.raises(NotFound):
        house.tokens.revoke("shop")
    assert house.issue() != secret
    assert not house.knows(secret)


def test_a_look_costs_one_read_a_second(house: House, steady: Steady) -> None:
    secret = house.issue()
    house.access.caller(secret)  # also loads the script
    steady(2)
    before = house.store.line.asked
    for _ in range(100):
        assert house.access.caller(secret)
    assert house.store.line.asked == before + 1
    house.access.count(Caller("without a limit"))
    house.access.caller("no secret at all")
    assert house.store.line.asked == before + 1


def test_without_the_store_nobody_is_known(house: House) -> None:
    secret = house.issue()
    house.store.line.cut = "gone"
    with pytest.raises(StoreUnavailable):
        house.access.caller(secret)
    assert house.access.caller("no secret at all") is None


def test_requests_of_a_minute_are_counted_over_all_processes(house: House) -> None:
    shop = Caller("shop", limits=Limits(requests_per_minute=3))
    others = Access(house.store, lambda: house.now)
    house.now = NOW - NOW % 60 + 20
    for each in (house.access, others, others):
        each.count(shop)
    with pytest.raises(TooMuch, match="Wait 40 s") as found:
        house.access.count(shop)
    assert found.value.again_s == 40
    house.access.count(Caller("other", limits=Limits(requests_per_minute=3)))
    house.now += 40
    house.access.count(shop)


def test_a_day_has_a_budget(house: House) -> None:
    shop = Caller("shop", limits=Limits(budget_per_day=amount(5)))
    house.now = NOW - NOW % 86_400 + 86_000
    afford(house.store, shop, amount(3), house.now)
    with pytest.raises(TooMuch, match="5 a day") as found:
        afford(house.store, shop, amount(2.5), house.now)
    assert found.value.again_s == 400
    afford(house.store, shop, amount(2), house.now)
    afford(house.store, shop, 0, house.now)
    with pytest.raises(TooMuch):
        afford(house.store, shop, 1, house.now)
    afford(house.store, shop, amount(5), house.now + 400)
    afford(house.store, Caller("free"), amount(100), house.now)
