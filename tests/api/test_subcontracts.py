"""A subcontractor, from its declaration to the buyer's answer: signed, refused, taken back, or accepted by silence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import Update, select, update

from api.context import Context
from api.db import Database, now, reading, transaction
from api.steps import essential
from api.steps.silence import accept_one
from procurement.act import Act
from procurement.billing import record_of, whole_of
from procurement.consultation import find
from procurement.contract import Contract, paris_day
from procurement.errors import Refused
from procurement.events import chain_holds, register
from procurement.execution.amendments import Change, agree, draft_amendment, notify_amendment
from procurement.mail import Mail
from procurement.people import User, person_of
from procurement.powers import SigningPower
from procurement.signers import Signer, circuit
from procurement.subcontract import Declared, Subcontract, declare, next_number
from procurement.suppliers import directly_by
from tests.award_scene import AMOUNT, Scene, awarded, contract_of_scene, in_effect, opened, sign
from tests.checked_client import CheckedClient, page_of
from tests.factories import make_account, make_buyer, make_officer, make_siret

Browser = Callable[[User], CheckedClient]
HOLDER, OTHER = make_siret(6100), make_siret(6300)
KNOWN = "00001002500013"  # a company of the sandbox
TYPED = {
    "siret": OTHER, "name": "Pose et Mesure SARL", "work": "Pose et dépose des capteurs.", "amount_ht": "12 000,00",
    "months": "12", "price_change": "Ferme", "receivables": "no_assignment",
}  # fmt: skip


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def theirs(scene: Scene) -> str:
    """The holder's page."""
    return f"{scene.contract}/sous-traitants"


def ours(database: Database, scene: Scene) -> str:
    """The buyer's page."""
    return f"/contrats/{contract_of_scene(database, scene).ref}/sous-traitants"


def declared(client: CheckedClient, path: str, **changes: str) -> int:
    answer = client.submit(client.get(path), path, **TYPED | changes)  # type: ignore[arg-type]
    return answer.status_code


def kept(database: Database) -> Subcontract:
    with reading(database) as db:
        return db.scalars(select(Subcontract).order_by(Subcontract.id.desc())).first()  # type: ignore[return-value]


def lines(database: Database) -> dict[str, Signer]:
    """The circuit of the last DC4: SIRET → line."""
    with reading(database) as db:
        act = db.scalars(select(Act).where(Act.kind == "dc4").order_by(Act.id.desc())).first()
        assert act is not None
        return {signer.siret: signer for signer in circuit(db, act)}


def text_of(context: Context) -> str:
    """The last DC4, as it is read."""
    return " ".join(
        page.extract_text() for page in PdfReader(BytesIO(context.storage.get(kept(context.database).key))).pages
    )


def signs(context: Context, client: CheckedClient, siret: str) -> int:
    """The file that this party signed at its desk, dropped on its page."""
    path = f"/signatures/{lines(context.database)[siret].ref}"
    signed = sign(context, client.get(f"{path}/dc4.pdf").content, siret)
    page = client.get(path)
    return client.submit(page, "/fichier", file=("dc4-signe.pdf", signed, "application/pdf")).status_code


def events(database: Database, scene: Scene) -> list[str]:
    with reading(database) as db:
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        return [e.kind for e in register(db, consultation)]


def test_declared_by_the_holder_signed_by_three_accepted(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    winner, officer = browser(scene.winner), browser(scene.officer)
    assert "Aucun sous-traitant" in winner.click(winner.get(scene.contract), "Sous-traitants").text
    assert declared(winner, theirs(scene), email="pose@exemple.fr") == 200
    assert "l’acte attend ses signatures" in winner.page.main
    row = kept(database)
    assert (row.number, row.state, row.amount_ttc, row.direct_payment) == (1, "declared", Decimal("14400.00"), True)
    assert "acte spécial de sous-traitance (DC4) n°" in winner.get("/signatures").text
    assert list(lines(database)) == [HOLDER, OTHER, scene.buyer.siret]
    other = browser(make_account(database, "pose@exemple.fr"))
    assert "acte spécial de sous-traitance" in other.get("/signatures").text
    assert signs(context, winner, HOLDER) == 200, winner.page.main[:800]
    assert "L’acheteur signe en dernier" in officer.get(f"/signatures/{lines(database)[scene.buyer.siret].ref}").text
    assert signs(context, other, OTHER) == 200, other.page.main[:800]
    page = officer.get(f"{ours(database, scene)}/{row.ref}")
    assert "Sans réponse de l’acheteur" in page.text
    assert "Signer l’acte spécial" in officer.click(page, "Signer au nom de l’acheteur").text
    assert signs(context, officer, scene.buyer.siret) == 200, officer.page.main[:800]
    row = kept(database)
    with reading(database) as db:
        today = paris_day(now(db))
        act = db.get_one(Act, row.act_id)
        contract = db.scalars(select(Contract)).one()
        assert (act.kind, act.state, act.number, act.amount) == ("dc4", "signed", 1, Decimal(12000))
        assert (contract.state, contract.act.kind) == ("in_effect", "acte_engagement")
        told = {mail.to for mail in db.scalars(select(Mail).where(Mail.subject.startswith("Sous-traitant accepté")))}
    assert (row.state, row.accepted_on, row.notified_on) == ("accepted", today, today)
    assert told == {scene.winner.email, "pose@exemple.fr"}
    assert {"subcontract.declared", "act.signed", "subcontract.accepted"} <= set(events(database, scene))
    _is_paid_and_published(context, browser, row)
    page = officer.get(f"{ours(database, scene)}/{row.ref}")
    assert "mode d’emploi pour vérifier sa signature" in page.text
    assert officer.get(f"{ours(database, scene)}/{row.ref}/dc4.pdf").content.startswith(b"%PDF-")
    officer.submit(page, "/terminer")
    assert kept(database).state == "ended"
    register = f"/acheteur/consultations/{scene.consultation}/registre"
    pages = [officer.get(f"{register}{where}").text for where in ("", "?apres=20", "?apres=40")]
    assert any("Sous-traitant accepté" in text for text in pages)


def _is_paid_and_published(context: Context, browser: Browser, row: Subcontract) -> None:
    """Finance may pay it up to its amount, the holder may assign the less, and open data says so."""
    with reading(context.database) as db:
        contract = db.scalars(select(Contract)).one()
        record, direct = record_of(whole_of(db, contract)), directly_by(db, contract)
    (theirs,) = [holder for holder in record["holders"] if holder["role"] == "subcontractor"]
    assert (theirs["siret"], theirs["share_ht"], theirs["direct_payment"]) == (OTHER, "12000.00", True)
    assert direct == {HOLDER: Decimal("14400.00")}
    while essential.publish_one(context):
        pass
    stranger = browser(make_account(context.database))
    made = stranger.get(f"/marches/{contract.ref}/donnees.json").json()
    (act,) = made["marches"]["marche"][0]["actesSousTraitance"]
    assert act["acteSousTraitance"]["sousTraitant"] == {"id": OTHER, "typeIdentifiant": "SIRET"}
    assert (act["acteSousTraitance"]["id"], act["acteSousTraitance"]["montant"]) == (row.number, 12000)


def test_what_may_be_subcontracted_follows_the_modifications(
    scene: Scene, database: Database, browser: Browser
) -> None:
    with transaction(database) as db:
        contract = db.get_one(Contract, contract_of_scene(database, scene).id)
        person, at = person_of(db.get_one(User, scene.officer.id)), now(db)
        less = draft_amendment(db, contract, Change("review", "Moins de capteurs.", Decimal(-79000)), person, at)
        agree(db, contract, less, person.email, at)
        notify_amendment(db, contract, less, paris_day(at), person, at)
    officer = browser(scene.officer)
    assert declared(officer, ours(database, scene)) == 422
    assert "5\u202f000,00" in officer.page.main.replace(" ", "\u202f")


def test_declared_by_the_buyer_signed_by_hand(scene: Scene, database: Database, browser: Browser) -> None:
    officer = browser(scene.officer)
    path = ours(database, scene)
    assert declared(officer, path, vat="reverse") == 200
    row = kept(database)
    assert (row.amount_ttc, row.reverse_charge, row.declared_by) == (None, True, scene.officer.email)
    with reading(database) as db:
        told = db.scalars(select(Mail.to).where(Mail.subject.startswith("Sous-traitant à signer"))).all()
    assert told == [scene.winner.email]
    officer.submit(officer.get(f"{path}/{row.ref}"), "/signe-a-la-main")
    assert "conservez l’original" in officer.page.main
    assert kept(database).state == "accepted"
    assert lines(database)[HOLDER].way == "hand"


def test_refused_with_a_motive(scene: Scene, database: Database, browser: Browser) -> None:
    winner, officer = browser(scene.winner), browser(scene.officer)
    declared(winner, theirs(scene))
    one = f"{ours(database, scene)}/{kept(database).ref}"
    assert officer.submit(officer.get(one), "/refuser", motive=" ").status_code == 422
    assert "Donnez le motif du refus" in officer.page.main
    officer.submit(officer.get(one), "/refuser", motive="Capacités non justifiées.")
    assert kept(database).state == "refused"
    assert "Capacités non justifiées." in winner.get(f"{theirs(scene)}/{kept(database).ref}").text
    path = f"/signatures/{lines(database)[HOLDER].ref}"
    assert "est retiré : il ne se signe plus" in page_of(winner.get(path)).text
    assert winner.get(f"{path}/distance?service=bac-a-sable").status_code == 409
    assert "Retiré" in winner.get("/signatures").text
    assert {"subcontract.refused", "act.withdrawn"} <= set(events(database, scene))


def test_who_declared_takes_it_back(scene: Scene, database: Database, browser: Browser) -> None:
    winner, officer = browser(scene.winner), browser(scene.officer)
    declared(winner, theirs(scene))
    page = f"{theirs(scene)}/{kept(database).ref}"
    refused = officer.post(
        f"{ours(database, scene)}/{kept(database).ref}/retirer", headers={"sec-fetch-site": "same-origin"}
    )
    assert (refused.status_code, "l’autre partie peut la refuser" in refused.text) == (409, True)
    winner.submit(winner.get(page), "/retirer")
    assert kept(database).state == "withdrawn"
    declared(winner, theirs(scene))
    assert kept(database).number == 2


def test_silence_accepts_after_twenty_one_days(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    """From the reception of the whole act: unsigned by the holder, it was not received."""
    winner, officer = browser(scene.winner), browser(scene.officer)
    declared(winner, theirs(scene))
    back(database, Subcontract.declared_at, 90)
    assert not accept_one(context)
    assert signs(context, winner, HOLDER) == 200
    back(database, Signer.signed_at, 21)
    assert not accept_one(context)
    back(database, Signer.signed_at, 22)
    one = f"{ours(database, scene)}/{kept(database).ref}"
    refused = officer.submit(officer.get(one), "/refuser", motive="Trop tard.")
    assert (refused.status_code, "a valu acceptation" in refused.text) == (409, True)
    assert accept_one(context)
    assert not accept_one(context)
    row = kept(database)
    with reading(database) as db:
        assert (row.state, row.accepted_on) == ("accepted", paris_day(now(db)) - timedelta(days=1))
    assert signs(context, officer, scene.buyer.siret) == 200
    assert kept(database).accepted_on == row.accepted_on


def back(database: Database, column: object, days: int) -> None:
    """So many days ago, for the lines of the DC4 alone."""
    with transaction(database) as db:
        moment = now(db) - timedelta(days=days)
        if column is Subcontract.declared_at:
            db.query(Subcontract).update({"declared_at": moment})
            return
        acts = select(Act.id).where(Act.kind == "dc4")
        db.query(Signer).filter(Signer.act_id.in_(acts), Signer.signed_at.is_not(None)).update(
            {"signed_at": moment}, synchronize_session=False
        )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("siret", "12345678901234", "SIRET"),
        ("siret", make_siret(6100), "C’est le titulaire lui-même"),
        ("name", " ", "Donnez le nom du sous-traitant"),
        ("email", "pas une adresse", "adresse"),
        ("work", "", "Dites ce qui est sous-traité"),
        ("payment_terms", "30 jours\ue000", "caractère"),
        ("amount_ht", "beaucoup", "Écrivez un montant en euros"),
        ("amount_ht", "0", "Le montant est positif"),
        ("amount_ht", "12,345", "Le montant est positif"),
        ("amount_ht", AMOUNT, "atteint celui du marché"),
        ("months", "un an", "Écrivez un nombre de mois"),
        ("months", "361", "de 1 à 360 mois"),
        ("price_change", "", "ferme, actualisable ou révisable"),
        ("payment_terms", "", "Dites comment le sous-traitant est payé"),
        ("receivables", "", "paiement direct est possible"),
        ("vat", "", "Dites qui doit la TVA"),
    ],
)
def test_what_is_typed_wrong_comes_back(
    scene: Scene, database: Database, browser: Browser, field: str, value: str, said: str
) -> None:
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene), **{field: value}) == 422
    assert said in winner.page.main
    assert "Pose et dépose" in winner.page.main or field == "work"
    assert kept(database) is None


def test_never_more_than_the_contract(scene: Scene, database: Database, browser: Browser) -> None:
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene), amount_ht="60 000") == 200
    assert declared(winner, theirs(scene), amount_ht="24 000,01") == 422
    assert "déjà sous-traités" in winner.page.main
    assert declared(winner, theirs(scene), amount_ht="24 000") == 200


def test_under_the_threshold_the_holder_pays(scene: Scene, database: Database, browser: Browser) -> None:
    """R2193-10: 600 euros including VAT."""
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene), amount_ht="499,99") == 200
    assert not kept(database).direct_payment
    assert declared(winner, theirs(scene), amount_ht="500") == 200
    assert kept(database).direct_payment


def test_before_the_contract_is_signed_there_is_no_form(context: Context, database: Database, browser: Browser) -> None:
    made = opened(database)
    awarded(context, made)
    winner = browser(made.winner)
    assert "une fois le marché signé" in winner.get(theirs(made)).text
    answer = winner.post(theirs(made), data={**TYPED, "vat": "normal", "payment_terms": "30 jours"},
                         headers={"sec-fetch-site": "same-origin"})  # fmt: skip
    assert (answer.status_code, "une fois le marché signé" in answer.text) == (409, True)


def test_a_stranger_and_the_wrong_company_get_nothing(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    winner = browser(scene.winner)
    declared(winner, theirs(scene), email="pose@exemple.fr")
    row, mine, buyers = kept(database), theirs(scene), ours(database, scene)
    lone = make_buyer(database, "Autre commune")
    strangers = [scene.loser, make_account(database), make_officer(database, lone)]
    own = {"sec-fetch-site": "same-origin"}
    for client in map(browser, strangers):
        for path in (mine, buyers, f"{mine}/{row.ref}", f"{buyers}/{row.ref}", f"{buyers}/{row.ref}/dc4.pdf"):
            assert client.get(path).status_code == 404, path
        for path in (mine, buyers, f"{mine}/{row.ref}/retirer", f"{buyers}/{row.ref}/refuser"):
            assert client.post(path, data=TYPED, headers=own).status_code == 404, path
        assert client.get(f"/signatures/{lines(database)[HOLDER].ref}/dc4.pdf").status_code == 404
    finance = browser(scene.finance)
    assert "Pose et Mesure SARL" in finance.get(f"{buyers}/{row.ref}").text
    for path in (buyers, f"{buyers}/{row.ref}/refuser", f"{buyers}/{row.ref}/terminer"):
        assert finance.post(path, data=TYPED, headers=own).status_code == 404, path
    # A row of one contract is not found under another.
    second = in_effect(context, "2026-MAPA-02", scene.buyer)
    assert browser(scene.officer).get(f"{ours(database, second)}/{row.ref}").status_code == 404
    assert kept(database).state == "declared"


def limit(ceiling: Decimal) -> Update:
    return update(SigningPower).values(ceiling=ceiling)


def test_no_power_no_signature(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    """The power must cover the subcontract, not the contract."""
    winner, officer = browser(scene.winner), browser(scene.officer)
    declared(winner, theirs(scene))
    assert signs(context, winner, HOLDER) == 200
    with transaction(database) as db:
        db.execute(limit(Decimal(11999)))
    page = officer.get(f"/signatures/{lines(database)[scene.buyer.siret].ref}")
    assert "Cet acte dépasse le plafond de votre délégation" in page.text
    with transaction(database) as db:
        db.execute(limit(Decimal(12000)))
    assert signs(context, officer, scene.buyer.siret) == 200


def said(**changes: Any) -> Declared:
    return replace(Declared(OTHER, "Pose", "Pose", Decimal(700), 1, "Ferme"), **changes)


def test_two_declarations_at_once_have_two_numbers(scene: Scene, database: Database) -> None:
    """The document bears its number: whoever comes second writes another."""
    with transaction(database) as db:
        contract = db.scalars(select(Contract)).one()
        declare(db, contract, said(), 1, "a/b", "0" * 64, "a@exemple.fr", now(db))
        with pytest.raises(Refused, match="Une autre déclaration"):
            declare(db, contract, said(), 1, "a/b", "0" * 64, "a@exemple.fr", now(db))


def test_ninety_nine_declarations_at_most(scene: Scene, database: Database) -> None:
    with transaction(database) as db:
        contract = db.scalars(select(Contract)).one()
        declare(db, contract, said(), 1, "a/b", "0" * 64, "a@exemple.fr", now(db)).number = 99
        with pytest.raises(Refused, match="99 déclarations"):
            next_number(db, contract)


def test_a_reminder_once_a_day(scene: Scene, database: Database, browser: Browser) -> None:
    winner, officer = browser(scene.winner), browser(scene.officer)
    declared(winner, theirs(scene))
    one = f"{ours(database, scene)}/{kept(database).ref}"
    officer.submit(officer.get(one), "/relancer")
    assert "Le rappel part" in officer.page.main
    with reading(database) as db:
        (mail,) = db.scalars(select(Mail).where(Mail.subject.startswith("Rappel"))).all()
    assert "l’acte spécial de sous-traitance (DC4)" in mail.body
    assert officer.submit(officer.get(one), "/relancer").status_code == 409


def test_the_address_of_a_known_subcontractor_is_written(context: Context, scene: Scene, browser: Browser) -> None:
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene), siret=KNOWN) == 200
    assert "2 RUE DES ESSAIS" in " ".join(text_of(context).split())


def test_of_an_unknown_one_it_stays_to_be_written(context: Context, scene: Scene, browser: Browser) -> None:
    winner = browser(scene.winner)
    assert declared(winner, theirs(scene)) == 200
    assert "Pose et Mesure SARL" in " ".join(text_of(context).split())
