"""Rules of the account and of its job rows that no portal is needed for."""

from datetime import UTC, datetime, timedelta

import pytest

from api.sandbox.invoices import Party, cii
from procurement.chorus import EVERY, LAST_RETRY, ChorusAccount, account_failed, pause, window_read
from procurement.invoicing.matching import match
from procurement.invoicing.parsing import read_invoice
from tests.procurement.invoicing.samples import BUYER, contract, draft, loaded

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def account(**changes: object) -> ChorusAccount:
    given = {"read_until": NOW - timedelta(days=2), "window_to": NOW, "attempts": 3, "problem": "x", "stopped_at": None}
    return ChorusAccount(**given | changes)


def test_a_window_that_was_read_is_where_the_next_one_starts() -> None:
    row = account()
    window_read(row, NOW, NOW)
    assert (row.read_until, row.window_to, row.problem, row.attempts) == (NOW, None, "", 0)
    assert row.due_at == NOW + EVERY


def test_a_window_of_the_past_is_followed_at_once() -> None:
    end = NOW - timedelta(days=1)
    row = account(window_to=end)
    window_read(row, end, NOW)
    assert (row.read_until, row.due_at) == (end, NOW)


@pytest.mark.parametrize("changes", [{"window_to": None}, {"stopped_at": NOW}])
def test_an_account_changed_meanwhile_is_left_as_it_is(changes: dict[str, object]) -> None:
    row = account(due_at=None, **changes)
    window_read(row, NOW, NOW)
    assert (row.read_until, row.due_at) == (NOW - timedelta(days=2), None)


def test_failures_wait_longer_and_longer_and_at_least_what_is_asked() -> None:
    assert [pause(n, 0) for n in (1, 2, 3)] == [timedelta(minutes=m) for m in (1, 2, 4)]
    assert pause(50, 0) == LAST_RETRY
    assert pause(1, 3600) == timedelta(hours=1)
    stopped = account(stopped_at=NOW, due_at=None)
    account_failed(stopped, "Non.", 0, NOW)
    assert stopped.due_at is None


@pytest.mark.parametrize(
    ("engagement", "service", "code"),
    [("", "", "CMD_ERR"), ("EJ-77", "", None), ("", "VOIRIE", None)],
)
def test_one_of_engagement_and_service_where_the_buyer_asks_for_either(
    engagement: str, service: str, code: str | None
) -> None:
    """Without the number of the contract, which stands in for an engagement."""
    requires = {"engagement": False, "service": False, "either": True}
    known = contract(buyer={"siret": BUYER.siret, "services": ["VOIRIE"], "requires": requires})
    sent = draft(contract="", engagement=engagement, buyer=Party(BUYER.name, BUYER.siret, service=service))
    found = {finding.reason_code for finding in match(read_invoice(cii(sent)), loaded(known)).findings}
    assert (code in found) if code else ("CMD_ERR" not in found)
