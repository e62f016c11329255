"""One sandbox for these tests; each test has a minute of its own, so that quotas do not meet."""

from collections.abc import Iterator

import pytest

from api.sandbox.server import LOOKUP, running_sandbox
from tests.siret_lookup.scene import Clock, Lookup, access_to


@pytest.fixture(scope="session")
def running_lookup() -> Iterator[Lookup]:
    clock = Clock()
    with running_sandbox(clock=clock, services=LOOKUP) as urls:
        yield Lookup(urls, clock, access_to(urls))


@pytest.fixture
def lookup(running_lookup: Lookup) -> Lookup:
    running_lookup.clock.next_minute()
    return Lookup(running_lookup.urls, running_lookup.clock, running_lookup.access)
