"""What the tests of invoices start from; a file that wants another scene says its own."""

import pytest

from api.context import Context
from tests.award_scene import Scene, in_effect, quotes
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient


@pytest.fixture
def scene(context: Context) -> Scene:
    """A contract in effect, of which finance has said the engagement, the service and the account."""
    made = in_effect(context)
    quotes(context.database, made)
    return made


@pytest.fixture
def finance(scene: Scene, browser: Browser) -> CheckedClient:
    """Signed in as a person of that buyer's finance."""
    return browser(scene.finance)
