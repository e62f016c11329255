"""The register of assignments and oppositions, and the certificat de cessibilité under the service's seal."""

import hashlib
import io
from datetime import UTC, datetime
from decimal import Decimal

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.context import Context
from api.db import now, reading, transaction
from api.sandbox import pki
from procurement.contract import Contract
from procurement.errors import DomainError
from procurement.execution.assignments import Assignment, assignable, certificates_of, certify, issue_certificate
from procurement.people import User, person_of
from signature.verify import examine
from tests.api.test_subcontracts import declared, kept, theirs
from tests.award_scene import IBAN
from tests.record_scene import OURS, PDF, Browser, Record, post, record


@pytest.fixture
def running(context: Context, browser: Browser) -> Record:
    return record(context, browser)


def day(running: Record) -> str:
    assert running.contract.received_on is not None
    return running.contract.received_on.isoformat()


def assign(running: Record, **fields: str) -> int:
    finance = running.finance()
    typed = {"kind": "assignment", "beneficiary": "Banque du Port", "iban": IBAN, "notified_on": day(running)}
    page = finance.get(f"{running.path}/cessions")
    answer = finance.submit(page, "/cessions", file=PDF, **typed | fields)  # type: ignore[arg-type]
    return answer.status_code


def test_an_assignment_is_kept_then_lifted(running: Record) -> None:
    assert assign(running, amount_ttc="800") == 200
    finance = running.finance()
    finance.get(f"{running.path}/cessions")
    for said in ("Banque du Port", "800,00 €", "Active", "100 000,00 €"):
        assert said in finance.page.main, said
    assert "piece.pdf" in finance.page.links
    action = next(each for each in finance.page.actions if each.endswith("/lever"))
    assert finance.submit(finance.page, action, on="2999-01-01").status_code == 422
    assert "La mainlevée va de la notification à aujourd’hui" in finance.page.main
    assert finance.submit(finance.page, action, on="hier").status_code == 422
    finance.submit(finance.page, action, on=day(running), file=PDF)
    assert "Levée" in finance.page.main
    assert post(finance, action, on=day(running)) == 409
    assert {"Cession, nantissement ou opposition notifiée", "Mainlevée reçue"} <= set(running.said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"beneficiary": ""}, "Écrivez le nom du bénéficiaire"),
        ({"iban": "FR76"}, "n’est pas juste"),
        ({"amount_ttc": "0"}, "laissez-le vide si toute la créance"),
        ({"amount_ttc": "tout"}, "Écrivez un montant"),
        ({"notified_on": "2999-01-01"}, "est passée ou d’aujourd’hui"),
        ({"notified_on": ""}, "est passée ou d’aujourd’hui"),
        ({"notified_on": "hier"}, "Écrivez une date"),
    ],
)
def test_what_cannot_be_notified_comes_back(running: Record, fields: dict[str, str], said: str) -> None:
    assert assign(running, **fields) == 422
    finance = running.finance()
    typed = {"kind": "assignment", "beneficiary": "Banque", "notified_on": day(running)} | fields
    assert finance.submit(finance.get(f"{running.path}/cessions"), "/cessions", **typed).status_code == 422  # type: ignore[arg-type]
    assert said in finance.page.main
    assert running.told("assignment.notified") == []
    assert post(finance, f"{running.path}/cessions", siret="1", kind="x") == 422


def test_a_certificate_is_sealed_one_at_a_time_and_returned(running: Record) -> None:
    assign(running, kind="pledge", amount_ttc="800")
    officer = running.officer()
    where = f"{running.path}/cessions"
    officer.submit(officer.get(where), "/certificat", subcontracted_ttc="10 000")
    assert "90 000,00 €" in officer.page.main
    link = next(href for href in officer.page.links.values() if href.endswith("/certificat.pdf"))
    content = officer.get(link).content
    (verdict,) = examine(content, pki.sandbox_trust(pki.FOLDER), datetime.now(UTC)).signatures
    assert (verdict.indication, verdict.qualification) == ("TOTAL-PASSED", "QESeal")
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    for said in ("90 000,00", "10 000,00", "800,00", "Capteurs et Mesures SAS", "ne vaut pas signature"):
        assert said in " ".join(text.replace("\u202f", " ").split()), said
    with reading(running.context.database) as db:
        (row,) = certificates_of(db, running.contract)
    assert (row.amount_ttc, row.sha256) == (Decimal("90000.00"), hashlib.sha256(content).hexdigest())
    again = officer.submit(officer.get(where), "/certificat")
    assert again.status_code == 409
    assert "il n’y en a qu’un à la fois" in officer.page.main
    officer.submit(officer.get(where), "/rendu")
    assert "Rendu le" in officer.page.main
    assert officer.submit(officer.get(where), "/certificat").status_code == 200
    kept = [name for name in running.context.storage.names() if name.startswith("certificates/")]
    assert len(kept) == 2
    assert [word for word in running.said if "Certificat" in word] == [
        "Certificat de cessibilité délivré", "Certificat de cessibilité rendu", "Certificat de cessibilité délivré",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"share_ttc": ""}, 422, "Écrivez un montant"),
        ({"share_ttc": "100 800,01"}, 422, "La part va de zéro au montant du marché"),
        ({"subcontracted_ttc": "-1"}, 422, "est positif"),
        ({"subcontracted_ttc": "100 800"}, 409, "Il ne reste rien à céder"),
    ],
)
def test_no_certificate_of_what_is_not_owed(running: Record, fields: dict[str, str], status: int, said: str) -> None:
    finance = running.finance()
    answer = finance.submit(finance.get(f"{running.path}/cessions"), "/certificat", **fields)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert said in finance.page.main
    bad = finance.post(f"{running.path}/cessions/certificat", data={"siret": "1", "share_ttc": "1"}, headers=OURS)
    assert bad.status_code == 422
    assert [name for name in running.context.storage.names() if name.startswith("certificates/")] == []


def subcontracted(running: Record) -> None:
    """The holder has a subcontractor of 12 000 € HT, accepted, whom the buyer pays: 14 400 € TTC."""
    winner, officer = running.browser(running.scene.winner), running.officer()
    assert declared(winner, theirs(running.scene)) == 200
    row = kept(running.context.database)
    officer.submit(officer.get(f"{running.path}/sous-traitants/{row.ref}"), "/signe-a-la-main")
    assert kept(running.context.database).state == "accepted"


@pytest.mark.parametrize("typed", ["0", "14 399,99"])
def test_no_certificate_of_what_the_subcontractors_are_paid(running: Record, typed: str) -> None:
    subcontracted(running)
    officer, where = running.officer(), f"{running.path}/cessions"
    answer = officer.submit(officer.get(where), "/certificat", share_ttc="100 800", subcontracted_ttc=typed)
    assert answer.status_code == 422
    assert "ont droit à 14 400,00 € TTC" in officer.page.main.replace("\xa0", " ").replace("\u202f", " ")
    with reading(running.context.database) as db:
        assert certificates_of(db, running.contract) == []


@pytest.mark.parametrize(("typed", "amount"), [("", "86400.00"), ("20 000", "80800.00")])
def test_a_certificate_deducts_them_even_where_nothing_is_typed(running: Record, typed: str, amount: str) -> None:
    subcontracted(running)
    officer, where = running.officer(), f"{running.path}/cessions"
    officer.submit(officer.get(where), "/certificat", share_ttc="100 800", subcontracted_ttc=typed)
    with reading(running.context.database) as db:
        (row,) = certificates_of(db, running.contract)
    assert row.amount_ttc == Decimal(amount)


def test_a_certificate_that_no_longer_says_the_truth_is_not_kept(running: Record) -> None:
    with transaction(running.context.database) as db:
        contract, share = db.get_one(Contract, running.contract.id), Decimal(100800)
        said = certify(db, contract, contract.holder_siret, share, None)
    subcontracted(running)
    with transaction(running.context.database) as db:
        contract = db.get_one(Contract, running.contract.id)
        officer = person_of(db.get_one(User, running.scene.officer.id))
        with pytest.raises(DomainError):
            issue_certificate(
                db, contract, said, company="E", key="a/b", sha256="0" * 64, person=officer, now=now(db)
            )  # fmt: skip


amounts = st.decimals(0, 10**6, places=2)
rows = st.lists(
    st.builds(
        Assignment, kind=st.sampled_from(["assignment", "pledge", "opposition"]), siret=st.sampled_from("ab"),
        state=st.sampled_from(["active", "released"]), amount_ttc=st.none() | amounts,
    ),
    max_size=5,
)  # fmt: skip


@given(amounts, amounts, rows)
def test_what_is_left_to_assign_never_grows_and_is_never_negative(
    share: Decimal, subcontracted: Decimal, found: list[Assignment]
) -> None:
    left = assignable(share, subcontracted, found, "a")
    assert 0 <= left <= max(share - subcontracted, Decimal(0))
    assert assignable(share, subcontracted, found[:-1], "a") >= left
    assert assignable(share, subcontracted, [row for row in found if row.siret != "a"], "a") == max(
        share - subcontracted, Decimal(0)
    )
