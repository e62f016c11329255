"""A supplier makes its invoice on a phone, from the contract: right at once, or told why, field by field."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import now, reading, transaction
from procurement.contract import Contract, paris_day
from procurement.execution.engagements import Line as Engaged
from procurement.execution.engagements import open_engagement
from procurement.execution.parties import Party, write_parties
from procurement.execution.prices import Priced, keep_prices
from procurement.execution.receptions import receive
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.check import check_invoice
from procurement.invoicing.parsing import read_invoice
from procurement.people import User, person_of
from procurement.subcontract import Subcontract
from tests.award_scene import IBAN, Scene, contract_of_scene
from tests.billing_scene import kept, member_of
from tests.candidacy_scene import SAME_ORIGIN, Browser
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

MATE = make_siret(6200)


def path_of(scene: Scene) -> str:
    return f"{scene.contract}/facture"


def typed(**changes: Any) -> dict[str, Any]:
    """Three rows, one written; of today, since the account is known from today."""
    today = datetime.now(ZoneInfo("Europe/Paris")).date().isoformat()
    return {
        "do": "check", "number": "F-2026-001", "issued_on": today, "iban": IBAN, "name": "Relevés et Cie",
        "street": "1 rue de l’Exemple", "postcode": "75001", "city": "Paris", "code": ["", "", ""],
        "label": ["Comptages, premier trimestre", "", ""], "quantity": ["2", "", ""],
        "unit_price": ["1 450,50", "", ""], "vat_rate": ["", "", ""],
    } | changes  # fmt: skip


def test_from_the_card_to_a_file_that_every_rule_accepts(context: Context, scene: Scene, browser: Browser) -> None:
    winner = browser(scene.winner)
    assert f'href="{path_of(scene)}?siret=' in winner.get(f"{scene.contract}/facturation").text
    form = winner.get(path_of(scene))
    assert form.status_code == 200
    assert 'name="iban"' in form.text
    assert IBAN not in form.text
    checked = winner.post(path_of(scene), data=typed(), headers=SAME_ORIGIN)
    assert checked.status_code == 200
    assert "l’acheteur y reconnaît son marché" in checked.text
    assert "3 481,20" in " ".join(checked.text.split())
    given = winner.post(path_of(scene), data=typed(do="download"), headers=SAME_ORIGIN)
    assert given.headers["content-type"] == "application/pdf"
    assert 'filename="facture-F-2026-001.pdf"' in given.headers["content-disposition"]
    invoice, report = read_invoice(given.content), check_invoice(given.content)
    assert report.valid, report.findings
    contract = contract_of_scene(context.database, scene)
    assert (invoice.contract, invoice.seller.sirets, invoice.ibans) == (
        contract.number,
        (contract.holder_siret,),
        (IBAN,),
    )
    assert (invoice.totals.net, invoice.engagement) == (Decimal("2901.00"), "EJ-2026-77")
    with reading(context.database) as db:
        assert db.scalars(select(InvoiceCopy)).all() == []


def test_a_code_of_the_price_list_is_enough(context: Context, scene: Scene, browser: Browser) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        officer = person_of(db.get_one(User, scene.officer.id))
        keep_prices(
            db, contract, [Priced("P7", "Jour de comptage", "jour", Decimal("310.00"))], "essai", officer, now(db)
        )
    winner = browser(scene.winner)
    line = {"code": ["", "P7", ""], "label": ["", "", ""], "quantity": ["", "3", ""], "unit_price": ["", "", ""]}
    given = winner.post(path_of(scene), data=typed(do="download", **line), headers=SAME_ORIGIN)
    (billed,) = read_invoice(given.content).lines
    assert (billed.code, billed.name, billed.unit_price, billed.net) == (
        "P7", "Jour de comptage", Decimal("310.00"), Decimal("930.00")
    )  # fmt: skip


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no line": (
        {"label": ["", "", ""], "quantity": ["", "", ""], "unit_price": ["", "", ""]},
        "label-1",
        "au moins une",
    ),
    "not a number": ({"quantity": ["deux", "", ""]}, "quantity-1", "Ligne 1 : écrivez un nombre"),
    "nothing sold": ({"quantity": ["0", "", ""]}, "quantity-1", "Ligne 1 : nombre positif"),
    "no price": ({"unit_price": ["", "", ""]}, "unit_price-1", "Ligne 1 : la ligne"),
    "no number": ({"number": ""}, "number", "vide"),
    "a long number": ({"number": "F" * 21}, "number", "20 caractères"),
    "a space in the number": ({"number": "F 2026"}, "number", "seulement"),
    "a bad day": ({"issued_on": "31/02/2026"}, "issued_on", "Écrivez une date"),
    "a day that nobody means": ({"issued_on": "9999-12-31"}, "issued_on", "Écrivez une date"),
    "a year that no invoice bears": ({"issued_on": "1999-12-31"}, "issued_on", "de 2000 à 2100"),
    "a period without end": ({"period_end": "2150-01-01"}, "period_end", "de 2000 à 2100"),
    "digits of another script": ({"quantity": ["９", "", ""]}, "quantity-1", "Ligne 1 : écrivez un nombre"),
    "a number without end": ({"quantity": ["1e999999", "", ""]}, "quantity-1", "Ligne 1 : écrivez un nombre"),
    "no day": ({"issued_on": ""}, "issued_on", "obligatoire"),
    "no account": ({"iban": ""}, "iban", "Écrivez l’IBAN du compte"),
    "a mistyped account": ({"iban": IBAN[:-1] + "0"}, "iban", "sa longueur ou sa clé ne correspond pas"),
    "no town": ({"city": ""}, "city", "vide"),
    "half a credit note": ({"credit_number": "F-2026-000"}, "credit_number", "avoir"),
    "half a period": ({"period_start": "2026-10-01"}, "period_start", "deux dates"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_beside_its_field(scene: Scene, browser: Browser, case: str) -> None:
    changes, field, sentence = WRONG[case]
    winner = browser(scene.winner)
    answer = winner.post(path_of(scene), data=typed(**changes), headers=SAME_ORIGIN)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert sentence in winner.page.main
    assert "Comptages, premier trimestre" in answer.text or case == "no line"


def test_of_two_engagements_the_supplier_says_which(context: Context, scene: Scene, browser: Browser) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        line = Engaged(contract.number, "EJ-2026-78")
        open_engagement(db, contract, line, person_of(db.get_one(User, scene.finance.id)), now(db))
    winner = browser(scene.winner)
    assert '<select id="engagement"' in winner.get(path_of(scene)).text
    given = winner.post(path_of(scene), data=typed(do="download", engagement="EJ-2026-78"), headers=SAME_ORIGIN)
    assert read_invoice(given.content).engagement == "EJ-2026-78"


def test_more_lines_are_given_and_nothing_typed_is_lost(scene: Scene, browser: Browser) -> None:
    winner = browser(scene.winner)
    answer = winner.post(path_of(scene), data=typed(do="more"), headers=SAME_ORIGIN)
    assert (answer.status_code, answer.text.count("<legend>Ligne ")) == (200, 8)
    assert "Comptages, premier trimestre" in answer.text
    full = {name: [""] * 60 for name in ("code", "label", "quantity", "unit_price", "vat_rate")}
    answer = winner.post(path_of(scene), data=typed(do="more", **full), headers=SAME_ORIGIN)
    assert (answer.text.count("<legend>Ligne "), "Ajouter des lignes" in answer.text) == (60, False)


def test_what_the_buyer_would_find_is_said_before_it_is_sent(context: Context, scene: Scene, browser: Browser) -> None:
    kept(context, scene, "2901", number="F-2026-001")
    winner = browser(scene.winner)
    answer = winner.post(path_of(scene), data=typed(), headers=SAME_ORIGIN)
    assert answer.status_code == 200
    assert "lirait ceci en la recevant" in answer.text
    assert "déjà enregistrée" in answer.text


def test_a_member_of_the_group_bills_in_its_own_name_and_learns_nothing(
    context: Context, scene: Scene, browser: Browser
) -> None:
    with transaction(context.database) as db:
        contract = db.get_one(Contract, contract_of_scene(context.database, scene).id)
        write_parties(
            db, contract,
            [Party(siret=contract.holder_siret, name=contract.holder_name), Party(siret=MATE, name="Relevés SARL")],
        )  # fmt: skip
        holder = contract.holder_siret
    kept(context, scene, "77777", number="F-2026-001")
    winner = browser(member_of(context, MATE, "Relevés SARL"))
    answer = winner.post(path_of(scene), data=typed(name="Relevés SARL", siret=MATE), headers=SAME_ORIGIN)
    assert answer.status_code == 200
    assert "77 777" not in " ".join(answer.text.split())
    given = winner.post(path_of(scene), data=typed(siret=MATE, do="download"), headers=SAME_ORIGIN)
    invoice = read_invoice(given.content)
    assert (invoice.process, invoice.seller.sirets, invoice.agent_sirets) == ("S6", (MATE,), (holder,))
    assert winner.post(path_of(scene), data=typed(siret=holder), headers=SAME_ORIGIN).status_code == 404


def priced_and_subcontracted(context: Context, scene: Scene) -> None:
    """A price list, a reception and a formula of the holder; a subcontractor paid directly, 12 000 € HT."""
    with transaction(context.database) as db:
        contract, at = db.get_one(Contract, contract_of_scene(context.database, scene).id), now(db)
        officer = person_of(db.get_one(User, scene.officer.id))
        priced = [Priced("SECRET1", "Jour de comptage", "jour", Decimal("777.00"))]
        keep_prices(db, contract, priced, "essai", officer, at)
        receive(
            db, contract, on=paris_day(at), label="Comptages", amount_ht=Decimal(555), part="", code="", quantity=None,
            person=officer, now=at,
        )  # fmt: skip
        db.add(Subcontract(
            contract_id=contract.id, number=1, siret=MATE, name="Pose SARL", work="Pose", amount_ht=Decimal(12000),
            amount_ttc=Decimal(14400), months=6, price_change="Ferme", direct_payment=True, state="accepted",
            declared_at=at, declared_by="test", accepted_on=paris_day(at), key="a/b", sha256="0" * 64,
        ))  # fmt: skip


def test_a_subcontractor_reads_no_price_of_the_holder(context: Context, scene: Scene, browser: Browser) -> None:
    priced_and_subcontracted(context, scene)
    theirs = browser(member_of(context, MATE, "Pose SARL"))
    form = theirs.get(path_of(scene)).text
    assert "Écrivez vos prix" in form
    for hidden in ("SECRET1", "Jour de comptage", "bordereau"):
        assert hidden not in form, hidden
    for price, quantity in (("", "1"), ("1", "1"), ("9 999", "1")):
        line = {"code": ["SECRET1"], "label": [""], "quantity": [quantity], "unit_price": [price], "vat_rate": ["20"]}
        text = " ".join(theirs.post(path_of(scene), data=typed(siret=MATE, **line), headers=SAME_ORIGIN).text.split())
        for hidden in ("777", "Jour de comptage", "555", "932,40"):
            assert hidden not in text.replace("\xa0", " "), (hidden, price)
    given = theirs.post(path_of(scene), data=typed(siret=MATE, do="download"), headers=SAME_ORIGIN)
    invoice = read_invoice(given.content)
    assert (invoice.seller.sirets, invoice.totals.net) == ((MATE,), Decimal("2901.00"))


def test_the_holder_of_the_same_contract_reads_its_own(context: Context, scene: Scene, browser: Browser) -> None:
    priced_and_subcontracted(context, scene)
    assert "SECRET1" in browser(scene.winner).get(path_of(scene)).text


def test_nobody_else_makes_an_invoice_here(
    context: Context, scene: Scene, client: CheckedClient, browser: Browser
) -> None:
    assert client.get(path_of(scene), follow_redirects=False).status_code == 303
    for person in (scene.loser, make_account(context.database), scene.officer, scene.finance):
        stranger = browser(person)
        assert stranger.get(path_of(scene)).status_code == 404
        assert stranger.post(path_of(scene), data=typed(), headers=SAME_ORIGIN).status_code == 404
