"""The account on the administrator's page; a decision told to the portal, from the page to the supplier's status."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import now, reading, transaction
from api.sandbox import invoices
from api.sandbox.chorus import CLIENT_ID, CLIENT_SECRET, PASSWORD, login_of
from api.steps import chorus
from procurement.billing import contracts_file
from procurement.contract import Contract
from procurement.events import chain_holds, register
from procurement.invoice_copy import InvoiceCopy
from procurement.people import Organisation, User
from tests.award_scene import IBAN, Scene, contract_of_scene, in_effect, invoice, quotes
from tests.checked_client import CheckedClient
from tests.chorus_scene import (
    PROCESS,
    Levers,
    account,
    at_once,
    connect,
    copies,
    levers_of,
    work,
)
from tests.factories import make_administrator, make_buyer, make_finance

Browser = Callable[[User], CheckedClient]
SAME_SITE = {"sec-fetch-site": "same-origin"}
MOTIVE = "Le procès-verbal de réception manque : joignez-le."


@pytest.fixture
def buyer(context: Context) -> Organisation:
    return make_buyer(context.database)


@pytest.fixture
def portal(context: Context) -> Levers:
    return levers_of(context)


def page_of(buyer: Organisation) -> str:
    return f"/administration/{buyer.ref}/chorus"


def typed(buyer: Organisation, **changes: str) -> dict[str, Any]:
    return {
        "login": login_of(buyer.siret), "password": PASSWORD, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "approval": "MANDATEE",
    } | changes  # fmt: skip


def test_an_administrator_gives_the_account_and_it_works(
    context: Context, buyer: Organisation, portal: Levers, browser: Browser
) -> None:
    administrator = browser(make_administrator(context.database, buyer))
    administrator.click(administrator.get(f"/administration/{buyer.ref}"), "Compte Chorus Pro")
    administrator.submit(administrator.page, page_of(buyer), **typed(buyer))
    assert "Le compte est gardé" in administrator.page.main
    for secret in (PASSWORD, CLIENT_SECRET):
        assert secret not in administrator.page.text
        assert secret.encode() not in account(context).password_sealed + account(context).client_secret_sealed
    administrator.submit(administrator.page, "/essai")
    assert f"Chorus Pro connaît cet acheteur : STRUCTURE {buyer.siret}" in administrator.page.main
    portal.sends(buyer)
    work(context)
    assert len(copies(context)) == 1
    text = administrator.get(page_of(buyer)).text
    assert "VOIRIE" in text
    assert "FACTURES_PUBLIQUES" not in text
    assert "ANCIEN" not in text
    assert "La dernière lecture n’a pas abouti" not in text


def test_what_is_left_empty_stays_and_a_bad_account_is_said(
    context: Context, buyer: Organisation, browser: Browser
) -> None:
    administrator = browser(make_administrator(context.database, buyer))
    page = administrator.get(page_of(buyer))
    assert administrator.submit(page, page_of(buyer), **typed(buyer, password="", login="a:b")).status_code == 422
    assert "Donnez le mot de passe" in administrator.page.main
    assert "Donnez l’identifiant du compte technique" in administrator.page.main
    assert CLIENT_SECRET not in administrator.page.text
    administrator.submit(administrator.get(page_of(buyer)), page_of(buyer), **typed(buyer))
    before = account(context)
    administrator.submit(
        administrator.page, page_of(buyer), **typed(buyer, password="", client_secret="", approval="SERVICE_FAIT")
    )
    after = account(context)
    assert (after.password_sealed, after.client_secret_sealed) == (before.password_sealed, before.client_secret_sealed)
    assert after.approval == "SERVICE_FAIT"
    administrator.submit(administrator.page, page_of(buyer), **typed(buyer, password="faux"))
    administrator.submit(administrator.page, "/essai")
    assert "mot de passe est refusé" in administrator.page.main
    work(context)
    assert "La dernière lecture n’a pas abouti" in administrator.get(page_of(buyer)).text
    future = (after.set_at + timedelta(days=3)).date().isoformat()
    assert administrator.submit(administrator.page, page_of(buyer), **typed(buyer, since=future)).status_code == 422
    assert "Cette date est à venir" in administrator.page.main


def test_a_stopped_account_reads_nothing(
    context: Context, buyer: Organisation, portal: Levers, browser: Browser
) -> None:
    administrator = browser(make_administrator(context.database, buyer))
    connect(context, buyer)
    administrator.submit(administrator.get(page_of(buyer)), "/arret")
    assert "arrêtée le" in administrator.page.main
    portal.sends(buyer)
    at_once(context)
    work(context)
    assert copies(context) == []
    assert administrator.post(f"{page_of(buyer)}/relire", headers=SAME_SITE).status_code == 404


def test_only_an_administrator_of_that_buyer(context: Context, buyer: Organisation, browser: Browser) -> None:
    connect(context, buyer)
    elsewhere = make_buyer(context.database)
    strangers = [make_administrator(context.database, elsewhere), make_finance(context.database, buyer)]
    for client in map(browser, strangers):
        assert client.get(page_of(buyer)).status_code == 404
        for action in ("", "/essai", "/relire", "/arret"):
            assert client.post(page_of(buyer) + action, data={}, headers=SAME_SITE).status_code == 404
    assert account(context).stopped_at is None


# A decision goes back.


@pytest.fixture
def scene(context: Context) -> Scene:
    """A contract in effect, its buyer's account, and an invoice of its holder that came in by the portal."""
    scene = in_effect(context)
    quotes(context.database, scene)
    billed = contract_of_scene(context.database, scene)
    levers_of(context).sends(
        scene.buyer, supplier=billed.holder_siret, number=f"F-{billed.ref}", contract=billed.number,
        engagement="EJ-2026-77", service="VOIRIE", iban=IBAN,
    )  # fmt: skip
    connect(context, scene.buyer)
    work(context)
    return scene


def only(context: Context) -> InvoiceCopy:
    (copy,) = copies(context)
    return copy


def decide(client: CheckedClient, context: Context, decision: str, motive: str = "") -> None:
    page = client.get(f"/factures/{only(context).ref}")
    admitted = {"admitted_ht": "10", "admitted_ttc": "12"} if decision == "partial" else {}
    said = {"decision": decision, "motive": motive, "reason": "" if decision == "approved" else "AUTRE"} | admitted
    assert client.submit(page, "/decision", **said).status_code == 200  # type: ignore[arg-type]


def at_portal(portal: Levers, scene: Scene) -> dict[str, Any]:
    (found,) = portal.state(scene.buyer).values()
    return found


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        ("approved", "SERVICE_FAIT"), ("partial", "SERVICE_FAIT"), ("sent_back", "A_RECYCLER"), ("held", "SUSPENDUE"),
        ("refused", "REJETEE"),
    ],
)  # fmt: skip
def test_each_decision_is_told_with_its_motive(
    scene: Scene, context: Context, portal: Levers, browser: Browser, decision: str, status: str
) -> None:
    finance = browser(scene.finance)
    finance.get(f"/factures/{only(context).ref}")
    text = finance.page.text
    assert "Reçue par Chorus Pro" in text
    assert "Notifiée par le portail" in text
    assert "Proposition : approuver" in text
    decide(finance, context, decision, "" if decision == "approved" else MOTIVE)
    assert "En attente de transmission." in finance.page.main
    work(context)
    found = at_portal(portal, scene)
    assert (found["statut"], found["motif"]) == (status, "" if decision == "approved" else MOTIVE)
    assert "Transmis." in finance.get(f"/factures/{only(context).ref}").text
    with reading(context.database) as db:
        consultation = db.scalars(select(Contract)).one().consultation
        assert chain_holds(db, consultation)
        assert [e.data["status"] for e in register(db, consultation) if e.kind == "invoicecopy.told"] == [status]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_portal_that_fails_delays_a_decision_and_never_drops_it(
    scene: Scene, context: Context, portal: Levers, browser: Browser, status: int
) -> None:
    finance = browser(scene.finance)
    portal.breaks(PROCESS, status=status, retry_after=600)
    decide(finance, context, "refused", MOTIVE)
    work(context)
    assert at_portal(portal, scene)["statut"] == "MISE_A_DISPOSITION"
    assert "Chorus Pro n’a pas encore ce statut" in finance.get(f"/factures/{only(context).ref}").text
    calls = portal.calls(PROCESS)
    work(context)
    assert portal.calls(PROCESS) == calls
    at_once(context)
    work(context)
    assert at_portal(portal, scene)["statut"] == "REJETEE"


def test_an_answer_that_was_lost_is_not_told_twice(
    scene: Scene, context: Context, portal: Levers, browser: Browser
) -> None:
    """The portal took the status, its answer never came: looked at before it is sent again."""
    decide(browser(scene.finance), context, "held", MOTIVE)
    number = int(only(context).portal_id or 0)
    portal.breaks(PROCESS, status=500, before={"lever": "statut", "idFacture": number, "statut": "SUSPENDUE"})
    work(context)
    at_once(context)
    calls = portal.calls(PROCESS)
    assert chorus.tell_one(context)
    assert portal.calls(PROCESS) == calls
    assert at_portal(portal, scene)["passages"].count("SUSPENDUE") == 1
    assert (only(context).portal_status, only(context).portal_due_at) == ("SUSPENDUE", None)


def test_a_status_that_the_portal_refuses_is_shown_and_told_once_it_can_be(
    scene: Scene, context: Context, portal: Levers, browser: Browser
) -> None:
    finance = browser(scene.finance)
    decide(finance, context, "held", MOTIVE)
    work(context)
    decide(finance, context, "approved")
    work(context)
    copy = only(context)
    text = finance.get(f"/factures/{copy.ref}").text
    assert "Chorus Pro refuse ce statut" in text
    assert "Le statut SUSPENDUE ne permet pas de passer à SERVICE_FAIT" in text
    assert copy.state == "approved"
    finance.submit(finance.page, "/portail")
    work(context)
    assert only(context).portal_problem != ""
    portal("statut", idFacture=int(copy.portal_id or 0), statut="COMPLETEE")
    at_once(context)
    work(context)
    assert at_portal(portal, scene)["statut"] == "SERVICE_FAIT"
    assert only(context).portal_problem == ""


def test_a_copy_decided_before_its_invoice_came_is_told_too(
    scene: Scene, context: Context, portal: Levers, browser: Browser
) -> None:
    content = invoices.cii(invoice(scene, contract_of_scene(context.database, scene), number=f"C-{scene.buyer.ref}"))
    finance = browser(scene.finance)
    page = finance.get("/factures/copie")
    finance.submit(page, "/factures/copie", file=("copie.xml", content, "text/xml"))
    assert "sans valeur de dépôt" in finance.page.main
    assert finance.submit(finance.page, "/decision", decision="approved").status_code == 200, finance.page.main
    sent = {"buyer": scene.buyer.siret, "number": f"C-{scene.buyer.ref}", "content": base64.b64encode(content).decode()}
    number = portal("depose", **sent)["idFacture"]
    at_once(context)
    work(context)
    assert len(copies(context)) == 2
    assert copies(context)[1].channel == "chorus"
    assert portal.state(scene.buyer)[number]["statut"] == "SERVICE_FAIT"


@pytest.fixture
def unreadable(scene: Scene, context: Context, portal: Levers) -> tuple[str, int]:
    """(its ref, its number at the portal): an invoice of the portal in which nothing can be read."""
    content = base64.b64encode(b"pas une facture").decode()
    number = portal("depose", buyer=scene.buyer.siret, number=f"U-{scene.buyer.ref}", content=content)["idFacture"]
    at_once(context)
    work(context)
    return copies(context)[-1].ref, number


@pytest.mark.parametrize(("decision", "status"), [("refused", "REJETEE"), ("sent_back", "A_RECYCLER")])
def test_what_does_not_read_goes_back_without_a_contract(
    scene: Scene, context: Context, portal: Levers, browser: Browser, unreadable: tuple[str, int], decision: str,
    status: str,
) -> None:  # fmt: skip
    ref, number = unreadable
    finance = browser(scene.finance)
    page = finance.get(f"/factures/{ref}")
    assert finance.submit(page, "/decision", decision=decision, motive="court", reason="").status_code == 422
    assert "Choisissez le code du motif" in finance.page.main
    said = {"decision": decision, "motive": MOTIVE, "reason": "NON_CONFORME"}
    assert finance.submit(finance.get(f"/factures/{ref}"), "/decision", **said).status_code == 200  # type: ignore[arg-type]
    assert "En attente de transmission." in finance.page.main
    work(context)
    found = portal.state(scene.buyer)[number]
    assert (found["statut"], found["motif"]) == (status, MOTIVE)
    kept = copies(context)[-1]
    assert (kept.state, kept.decided_by, kept.due_on) == (decision, scene.finance.email, None)
    again = {"decision": "refused", "motive": MOTIVE, "reason": "AUTRE"}
    assert finance.post(f"/factures/{ref}/decision", data=again, headers=SAME_SITE).status_code == 409
    approval = {"decision": "approved"}
    assert finance.post(f"/factures/{ref}/decision", data=approval, headers=SAME_SITE).status_code == 409


def test_what_does_not_read_is_attached_and_said_not_to_be_compared(
    scene: Scene, context: Context, portal: Levers, browser: Browser, unreadable: tuple[str, int]
) -> None:
    ref, number = unreadable
    finance = browser(scene.finance)
    contract = contract_of_scene(context.database, scene).ref
    assert finance.submit(finance.get(f"/factures/{ref}"), "/rattacher", contract=contract).status_code == 200
    assert "Facture non comparée au marché" in finance.page.main
    assert "Aucun écart" not in finance.page.main
    said = {"decision": "refused", "motive": MOTIVE, "reason": "NON_CONFORME"}
    assert finance.submit(finance.page, "/decision", **said).status_code == 200  # type: ignore[arg-type]
    work(context)
    assert portal.state(scene.buyer)[number]["statut"] == "REJETEE"


def test_only_finance_of_that_buyer_tells_again(scene: Scene, context: Context, browser: Browser) -> None:
    path = f"/factures/{only(context).ref}/portail"
    other = make_finance(context.database, make_buyer(context.database))
    for user in (other, scene.officer, scene.winner):
        assert browser(user).post(path, headers=SAME_SITE).status_code == 404
    assert browser(scene.finance).post(path, headers=SAME_SITE).status_code == 404, "nothing was decided yet"


def test_what_invoices_must_quote_is_what_the_portal_asks(scene: Scene, context: Context, portal: Levers) -> None:
    def asked() -> Any:
        with reading(context.database) as db:
            return contracts_file(db, [scene.buyer.id])["contracts"][0]["buyer"]["requires"]

    assert asked() == {"engagement": True, "service": False, "either": False}
    switches = {"numeroEJDoitEtreRenseigne": False, "gestionNumeroEJOuCodeService": True}
    portal("structure", siret=scene.buyer.siret, switches=switches)
    with transaction(context.database) as db:
        db.merge(account(context)).structure_due_at = now(db)
    work(context)
    assert asked() == {"engagement": False, "service": False, "either": True}
