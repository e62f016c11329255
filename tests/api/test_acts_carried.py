"""What was on the contract before there were acts: carried to its acte d’engagement, and back."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from api.migrate import config
from tests.api.test_migrations import go, on, rows, seed

ACT_OF_BEFORE = {"unsigned_key", "signed_sha256", "signature_report", "signed_at", "in_order", "certificate_required"}


def around() -> tuple[str, str]:
    """The revision that makes acts, and the one before, whatever their numbers."""
    (found,) = [s for s in ScriptDirectory.from_config(config("")).walk_revisions() if s.doc == "acts"]
    return str(found.down_revision), found.revision


def waits(connection: Connection) -> None:
    connection.execute(text("UPDATE contract SET state = 'awaiting_signature'"))


def test_the_contract_s_act_is_carried_over_and_back(empty_url: str) -> None:
    before, after = around()
    go(empty_url, before)
    on(empty_url, seed)
    held = on(empty_url, rows)
    go(empty_url, after)
    carried = on(empty_url, rows)
    act, contract = carried["act"], held["contract"]
    assert {name: act[name] for name in ACT_OF_BEFORE} == {name: contract[name] for name in ACT_OF_BEFORE}
    assert (act["kind"], act["number"], act["contract_id"]) == ("acte_engagement", 1, contract["id"])
    assert (act["state"], act["amount"]) == ("signed", contract["amount"])
    assert carried["signer"]["act_id"] == act["id"]
    assert not ACT_OF_BEFORE & set(carried["contract"])
    command.downgrade(config(empty_url), before)
    assert on(empty_url, rows) == held


def test_an_act_that_waits_still_waits(empty_url: str) -> None:
    before, after = around()
    go(empty_url, before)
    on(empty_url, seed)
    on(empty_url, waits)
    go(empty_url, after)
    assert on(empty_url, rows)["act"]["state"] == "awaiting_signature"
