"""Both syntaxes, for whatever must hold in each."""

import pytest

from api.sandbox.invoices import cii, ubl
from tests.procurement.invoicing.stories import Made


@pytest.fixture(params=[ubl, cii], ids=["ubl", "cii"])
def made(request: pytest.FixtureRequest) -> Made:
    made: Made = request.param
    return made
