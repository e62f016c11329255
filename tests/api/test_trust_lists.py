"""Trusted lists followed by the service: read over HTTP, kept, used to judge, told to administrators when they fail."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api import trusted
from api.context import Context
from api.db import now, reading, transaction
from api.sandbox import pki
from api.sandbox.server import SandboxUrls
from api.steps.trust_lists import read_one
from procurement.trust_lists import FollowedList, ListVersion, held, states
from signature.facts import Embedded
from signature.making.desk import pades
from signature.making.keys import Pkcs12
from tests.award_scene import PASSWORD
from tests.factories import make_administrator, make_buyer, make_siret
from tests.signature.conftest import blank_pdf


@pytest.fixture
def real(context: Context, sandbox: SandboxUrls, tmp_path: Path) -> Context:
    """As in production: no authority is trusted beforehand, the address and the signer's certificate are settings."""
    signer = tmp_path / "lotl.pem"
    with reading(context.database) as db:
        signer.write_bytes(pem(now(db)))
    given = context.settings.model_copy(update={"trust_list": sandbox.lists, "trust_list_cert": signer})
    return replace(context, settings=given, services={})


def pem(moment: datetime) -> bytes:
    pki.delegate(pki.FOLDER, "lotl", moment)
    return (pki.FOLDER / "lotl.pem").read_bytes()


def moment(context: Context) -> datetime:
    with reading(context.database) as db:
        return now(db)


def signed(context: Context, sandbox: SandboxUrls, *, revoked: bool = False, named: bool = True) -> bytes:
    """By a person whose certificate says where its revocation is told (`named`)."""
    at = moment(context)
    base = f"{sandbox.base}/pki" if named else ""
    key = pki.issue_signer(pki.FOLDER, "Ada Roy", "Essai", make_siret(6100), PASSWORD, base, revoked=revoked, now=at)
    return pades(blank_pdf(), Pkcs12(key.read_bytes(), PASSWORD), "B", None, at.isoformat(), Embedded()).content


def read_all(context: Context) -> int:
    done = 0
    while read_one(context):
        done += 1
    return done


def again(context: Context) -> None:
    """Every list is due now."""
    with transaction(context.database) as db:
        db.query(FollowedList).update({"due_at": now(db)})


def followed(context: Context) -> dict[str, FollowedList]:
    with reading(context.database) as db:
        return {row.territory: row for row in db.query(FollowedList)}


def test_the_list_of_lists_then_each_that_it_names(real: Context) -> None:
    assert read_all(real) == 2
    rows = followed(real)
    assert set(rows) == {"EU", "FR"}
    assert all(row.problem == "" and row.read_at for row in rows.values())
    with reading(real.database) as db:
        [french] = held(db)
        version = db.query(ListVersion).filter_by(sha256=french.sha256).one()
    assert (french.territory, version.services, version.unread) == ("FR", 2, [])
    assert b"TrustServiceStatusList" in real.storage.get(french.key)
    assert not read_one(real)


def test_in_the_sandbox_nothing_is_to_be_set(context: Context) -> None:
    assert read_all(context) == 2
    assert {row.problem for row in followed(context).values()} == {""}


def test_without_an_address_nothing_is_followed(context: Context) -> None:
    assert not read_one(replace(context, services={}))
    assert followed(context) == {}


def test_a_signature_is_judged_by_the_lists_held_and_its_revocation_is_asked(
    real: Context, sandbox: SandboxUrls
) -> None:
    content = signed(real, sandbox)
    before, _ = trusted.judged(real, content, sandbox=False)
    assert [s["indication"] for s in before["signatures"]] == ["INDETERMINATE"]
    read_all(real)
    report, trust = trusted.judged(real, content, sandbox=False)
    [verdict] = report["signatures"]
    assert (verdict["indication"], verdict["sub_indication"]) == ("TOTAL-PASSED", None), verdict
    assert verdict["arrete_2019"]["receivable"] is True
    assert len(trust.ocsps) == 1


def test_revoked_is_seen_by_asking(real: Context, sandbox: SandboxUrls) -> None:
    read_all(real)
    report, _ = trusted.judged(real, signed(real, sandbox, revoked=True), sandbox=False)
    [verdict] = report["signatures"]
    assert verdict["indication"] != "TOTAL-PASSED"
    assert "REVOKED" in verdict["sub_indication"]


def test_where_nobody_answers_the_verdict_stays_open(real: Context, sandbox: SandboxUrls) -> None:
    read_all(real)
    report, _ = trusted.judged(real, signed(real, sandbox, named=False), sandbox=False)
    assert [s["indication"] for s in report["signatures"]] == ["INDETERMINATE"]


def test_a_list_signed_by_another_is_not_believed(real: Context, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes((pki.FOLDER / "root.pem").read_bytes())
    wrong = replace(real, settings=real.settings.model_copy(update={"trust_list_cert": other}))
    assert read_one(wrong)
    row = followed(real)["EU"]
    assert "signée par un autre certificat" in row.problem
    assert row.due_at > moment(real) + timedelta(minutes=5)
    with reading(real.database) as db:
        assert "Jamais lue" in states(db, now(db))[0].alarm
        assert held(db) == []


def test_what_fails_is_tried_later_and_the_last_version_goes_on_serving(real: Context, sandbox: SandboxUrls) -> None:
    read_all(real)
    gone = f"{sandbox.base}/pki/absent.xml"
    nowhere = replace(real, settings=real.settings.model_copy(update={"trust_list": gone}))
    again(real)
    assert read_all(nowhere) == 2
    rows = followed(real)
    assert "réponse 404" in rows["EU"].problem
    assert rows["FR"].problem == ""
    with reading(real.database) as db:
        assert [each.territory for each in held(db)] == ["FR"]


def test_an_older_list_replayed_is_set_aside(real: Context) -> None:
    read_all(real)
    with transaction(real.database) as db:
        for version in db.query(ListVersion):
            version.sequence += 10_000
    again(real)
    read_all(real)
    assert "plus ancienne" in followed(real)["FR"].problem
    with reading(real.database) as db:
        assert db.query(ListVersion).count() == 2
    assert len([key for key in real.storage.names() if key.startswith("lists/")]) == 2


def test_a_territory_that_is_no_longer_named_is_dropped(real: Context) -> None:
    read_all(real)
    belgian = replace(real, settings=real.settings.model_copy(update={"trust_list_territories": "BE"}))
    again(real)
    read_all(belgian)
    assert followed(real)["FR"].dropped_at is not None
    with reading(real.database) as db:
        assert held(db) == []
    again(real)
    read_all(real)
    assert followed(real)["FR"].dropped_at is None


def test_a_stale_list_raises_an_alarm(real: Context) -> None:
    read_all(real)
    with reading(real.database) as db:
        assert [s.alarm for s in states(db, now(db))] == ["", ""]
        assert {s.alarm for s in states(db, now(db) + timedelta(days=4))} == {"Non relue depuis plus de trois jours."}
        assert {s.alarm for s in states(db, now(db) + timedelta(days=200))} == {
            "Périmée : une version plus récente devait paraître."
        }


def test_administrators_see_the_lists_and_what_fails(real: Context, browser: object) -> None:
    read_all(real)
    page = browser(make_administrator(real.database, make_buyer(real.database))).get("/administration/listes")  # type: ignore[operator]
    assert "FR" in page.text
    assert "Lue" in page.text
