"""The companies paid under a contract read their card and their own invoices; nobody reads another's."""

from decimal import Decimal
from typing import Any

import pytest

from api.context import Context
from api.db import now, transaction
from procurement.contract import Contract
from procurement.execution.assignments import Assignability
from procurement.execution.parties import Party, write_parties
from procurement.invoice_decision import Decision, decide_copy
from procurement.mail import Mail
from procurement.people import User, person_of
from tests.award_scene import Scene, contract_of_scene, opened
from tests.billing_scene import approved, copy_in, kept, member_of, spaced, threshold
from tests.candidacy_scene import Browser
from tests.factories import make_account, make_siret

MATE = make_siret(6200)


@pytest.fixture
def scene(context: Context, scene: Scene) -> Scene:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        group = [Party(siret=contract.holder_siret, name=contract.holder_name), Party(siret=MATE, name="Relevés SARL")]
        write_parties(db, contract, group)
    return scene


def path_of(scene: Scene) -> str:
    return f"{scene.contract}/facturation"


def refused(context: Context, scene: Scene, ref: str, to: str = "refused") -> None:
    with transaction(context.database) as db:
        person = person_of(db.get_one(User, scene.finance.id))
        said = Decision(to, "Le marché est terminé depuis mars.", "CONTRAT_TERM")
        decide_copy(db, copy_in(db, ref), said, person, now(db))


def test_the_holder_reads_its_card_and_its_invoices(context: Context, scene: Scene, browser: Browser) -> None:
    kept(context, scene, number="MIENNE", ago=40)
    refused(context, scene, kept(context, scene, number="REFUSEE"))
    kept(context, scene, number="AUTRUI", siret=MATE)
    holder, contract = browser(scene.winner), contract_of_scene(context.database, scene)
    holder.get(scene.contract)
    holder.get(path_of(scene))
    text = holder.page.main.replace("\u202f", " ").replace("\u00a0", " ")
    expected = (scene.buyer.siret, f"{scene.buyer.siret[:9]}_{scene.buyer.siret}", "VOIRIE", "EJ-2026-77",
                contract.number, "S1", "BT-49", "30 jours", "MIENNE", "En retard de 8 jours",
                "Intérêts et indemnité dus", "CONTRAT_TERM", "Le marché est terminé depuis mars.")  # fmt: skip
    for said in expected:
        assert said in text, said
    assert "AUTRUI" not in text
    told = holder.get(f"{path_of(scene)}.json").json()
    assert [row["number"] for row in told["invoices"]] == ["REFUSEE", "MIENNE"]
    assert told["invoices"][1]["clock"]["left"] == -8
    assert {row["term"]: row["value"] for row in told["cards"][0]["fields"]}["BT-23"] == "S1"
    with transaction(context.database) as db:
        subjects = {mail.subject for mail in db.query(Mail).filter(Mail.subject.contains("Facture"))}
    assert subjects == {"Facture REFUSEE : rejetée"}


def test_a_member_of_the_group_finds_the_contract_and_reads_its_own(
    context: Context, scene: Scene, browser: Browser
) -> None:
    kept(context, scene, number="TITULAIRE")
    refused(context, scene, kept(context, scene, number="SIENNE", siret=MATE), "held")
    user = member_of(context, MATE, "Relevés SARL")
    mate = browser(user)
    mate.get("/mes-marches")
    mate.click(mate.page, contract_of_scene(context.database, scene).number)
    text = mate.page.main
    for said in ("SIENNE", "S6", "EXT-FR-FE-BG-03", "Suspendue : une pièce est attendue"):
        assert said in text, said
    assert "TITULAIRE" not in text
    with transaction(context.database) as db:
        assert [mail.to for mail in db.query(Mail).filter(Mail.subject.contains("SIENNE"))] == []
    refused(context, scene, kept(context, scene, number="ENCORE", siret=MATE))
    with transaction(context.database) as db:
        assert [mail.to for mail in db.query(Mail).filter(Mail.subject.contains("ENCORE"))] == [user.email]


def test_nobody_reads_what_is_another_s(context: Context, scene: Scene, browser: Browser) -> None:
    kept(context, scene, number="SECRETE")
    other = opened(context.database, "2026-AUTRE", siret=make_siret(6300))
    strangers = (
        make_account(context.database), scene.loser, scene.officer, scene.finance, other.winner,
        member_of(context, make_siret(6301), "Tiers SARL"),
    )  # fmt: skip
    for user in strangers:
        who = browser(user)
        for path in (path_of(scene), f"{path_of(scene)}.json", f"/candidatures/{scene.lost}/contrat/facturation"):
            assert who.get(path).status_code == 404
        assert contract_of_scene(context.database, scene).number not in who.get("/mes-marches").text
    assert browser(other.winner).get(f"/candidatures/{other.won}/contrat/facturation").status_code == 404


def test_a_credit_note_is_taken_off_not_paid(context: Context, scene: Scene, browser: Browser) -> None:
    approved(context, scene, kept(context, scene, "-100", number="A-1"))
    holder = browser(scene.winner)
    holder.get(path_of(scene))
    assert "Avoir accepté, à déduire À déduire : 120,00 €." in spaced(holder.page)
    assert "à payer" not in holder.page.main


def test_what_waits_for_a_second_person_is_not_told(context: Context, scene: Scene, browser: Browser) -> None:
    threshold(context, scene, "10")
    approved(context, scene, kept(context, scene))
    holder = browser(scene.winner)
    holder.get(path_of(scene))
    assert "En cours de contrôle" in holder.page.main
    (told,) = holder.get(f"{path_of(scene)}.json").json()["invoices"]
    assert (told["state"], told["net_ttc"], told["motive"]) == ("received", None, "")


def certificate(context: Context, scene: Scene, siret: str) -> str:
    key = context.storage.put("certificates", b"%PDF-1.7 certificat")
    with transaction(context.database) as db:
        row: Any = Assignability(
            contract_id=contract_of_scene(context.database, scene).id, siret=siret, company="Relevés SARL",
            amount_ttc=Decimal(1000), issued_at=now(db), issued_by="x@exemple.fr", key=key, sha256="0" * 64,
        )  # fmt: skip
        db.add(row)
        db.flush()
        return str(row.ref)


def test_a_certificate_is_its_company_s(context: Context, scene: Scene, browser: Browser) -> None:
    ref = certificate(context, scene, MATE)
    mate, holder = browser(member_of(context, MATE, "Relevés SARL")), browser(scene.winner)
    mate.get(path_of(scene))
    link = next(href for href in mate.page.links.values() if "/cessibilite/" in href)
    assert link.endswith(f"{ref}.pdf")
    assert mate.get(link).content == b"%PDF-1.7 certificat"
    assert holder.get(link).status_code == 404
    holder.get(path_of(scene))
    assert "cessibilité" not in holder.page.main
