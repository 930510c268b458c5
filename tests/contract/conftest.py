"""Each contract test has a store of its own."""

import pytest

from tests.support.stores import OwnStore


@pytest.fixture
def store() -> OwnStore:
    return OwnStore()
