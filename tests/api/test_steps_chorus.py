"""Invoices come in from Chorus Pro: each fault of the portal by real HTTP; nothing lost, nothing twice."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from api.context import Context
from api.db import transaction
from api.steps import chorus
from api.steps.chorus import catch_up
from procurement.chorus import MOST_TRIES, ChorusNotice
from procurement.people import Organisation
from tests.chorus_scene import (
    DOWNLOAD,
    SEARCH,
    Levers,
    account,
    at_once,
    connect,
    copies,
    levers_of,
    notices,
    work,
)
from tests.factories import make_buyer


@pytest.fixture
def buyer(context: Context) -> Organisation:
    return make_buyer(context.database)


@pytest.fixture
def portal(context: Context) -> Levers:
    return levers_of(context)


def here(context: Context) -> list[int]:
    """The portal's numbers of what is kept, each once."""
    return sorted(int(copy.portal_id or 0) for copy in copies(context))


@pytest.mark.parametrize("form", ["cii", "ubl", "facturx"])
def test_an_invoice_comes_in_with_the_instant_of_its_notification(
    context: Context, buyer: Organisation, portal: Levers, form: str
) -> None:
    sent = portal.sends(buyer, form=form, supplier=3, amount="1234.50", engagement="EJ-2026-12")
    connect(context, buyer)
    work(context)
    (copy,), (notice,) = copies(context), notices(context)
    assert here(context) == [sent]
    assert (copy.channel, copy.portal_status, copy.uploaded_by) == ("chorus", "MISE_A_DISPOSITION", "Chorus Pro")
    assert copy.portal_at == notice.status_at
    assert copy.report["valid"], copy.report["findings"]
    assert "BR-FR-CPRO-12" not in {each["rule"] for each in copy.report["not_verified"]}
    assert str(copy.amount_ht) == "1234.50"
    assert notice.copy_id == copy.id
    assert account(context).problem == ""
    assert account(context).read_at is not None


def test_many_pages_and_a_second_reading_add_nothing(
    context: Context, buyer: Organisation, portal: Levers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.remote.chorus.PAGE_SIZE", 2)
    sent = sorted(portal.sends(buyer, supplier=number) for number in range(5))
    connect(context, buyer)
    work(context)
    assert here(context) == sent
    downloads = portal.calls(DOWNLOAD)
    at_once(context)
    work(context)
    assert here(context) == sent
    assert portal.calls(DOWNLOAD) == downloads


@pytest.mark.parametrize("lever", ["arrives", "leaves"])
def test_a_list_that_moves_between_two_pages_loses_nothing(
    context: Context, buyer: Organisation, portal: Levers, monkeypatch: pytest.MonkeyPatch, lever: str
) -> None:
    monkeypatch.setattr("api.remote.chorus.PAGE_SIZE", 2)
    sent = [portal.sends(buyer, supplier=number) for number in range(5)]
    if lever == "leaves":  # paid at the portal meanwhile: it goes to the head of the list, out of the window
        before = {"lever": "statut", "idFacture": sent[4], "statut": "MISE_EN_PAIEMENT"}
    else:
        content = base64.b64encode(b"<a/>").decode()
        before = {"lever": "depose", "buyer": buyer.siret, "number": f"N-{sent[0]}", "content": content}
    connect(context, buyer)
    portal.breaks(SEARCH, skip=1, before=before)
    work(context)
    at_once(context)
    work(context)
    assert set(sent) <= set(here(context))
    assert len(here(context)) == len(set(here(context))) == 5 + (lever == "arrives")


def test_an_expired_token_is_renewed_once(context: Context, buyer: Organisation, portal: Levers) -> None:
    connect(context, buyer)
    work(context)
    tokens = portal.calls("token")
    sent = portal.sends(buyer)
    portal("jetons")
    at_once(context)
    work(context)
    assert here(context) == [sent]
    assert portal.calls("token") == tokens + 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 429, "retry_after": 3600}, "demande d’attendre"),
        ({"status": 500, "title": "Erreur technique"}, "ne répond pas"),
        ({"status": 503, "empty": True}, "ne répond pas"),
        ({"status": 200, "body": "nulls"}, "réponse inattendue"),
        ({"status": 401, "empty": True}, "PISTE refuse notre accès"),
    ],
    ids=["429", "500", "503", "spoilt", "401"],
)
@pytest.mark.parametrize("path", [SEARCH, DOWNLOAD])
def test_a_portal_that_fails_is_told_in_words_and_taken_up_again(
    context: Context, buyer: Organisation, portal: Levers, path: str, fault: dict[str, Any], said: str
) -> None:
    sent = [portal.sends(buyer, supplier=number) for number in range(2)]
    connect(context, buyer)
    portal.breaks(path, times=2 if fault["status"] == 401 else 1, **fault)
    work(context)
    assert copies(context) == []
    assert said in account(context).problem
    assert all(notice.copy_id is None and notice.due_at is not None for notice in notices(context))
    at_once(context)
    work(context)
    assert here(context) == sent
    assert account(context).problem == "" or path == DOWNLOAD


def test_a_portal_that_asks_to_wait_is_left_alone_that_long(
    context: Context, buyer: Organisation, portal: Levers
) -> None:
    connect(context, buyer)
    portal.breaks(SEARCH, status=429, retry_after=3600)
    work(context)
    kept = account(context)
    assert kept.due_at is not None
    assert (kept.due_at - kept.set_at).total_seconds() > 3500
    calls = portal.calls(SEARCH)
    work(context)
    assert portal.calls(SEARCH) == calls


def test_a_group_above_the_portal_s_limit_is_halved(context: Context, buyer: Organisation, portal: Levers) -> None:
    sent = [portal.sends(buyer, supplier=number, form="cii") for number in range(5)]
    portal("limites", download=25_000)
    connect(context, buyer)
    work(context)
    portal("limites", download=120 << 20)
    assert here(context) == sent


def test_one_invoice_above_the_limit_is_named_and_the_others_come(
    context: Context, buyer: Organisation, portal: Levers
) -> None:
    sent = [portal.sends(buyer, supplier=number, form="cii") for number in range(2)]
    content = base64.b64encode(b"x" * 60_000).decode()
    portal("depose", buyer=buyer.siret, number=f"GROS-{buyer.ref}", content=content)
    portal("limites", download=50_000)
    connect(context, buyer)
    work(context)
    portal("limites", download=120 << 20)
    assert here(context) == sent
    assert ["dépasse 120 Mo" in notice.problem for notice in notices(context)].count(True) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"bonjour", "ni PDF, ni XML"),
        (b"<a/>", "n’est pas une facture"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', "DOCTYPE"),
        (b"%PDF-1.7 rien", "PDF"),
    ],
)
def test_what_does_not_read_is_kept_with_its_sentence(
    context: Context, buyer: Organisation, portal: Levers, content: bytes, said: str
) -> None:
    number = f"ILLISIBLE-{buyer.ref}"
    portal("depose", buyer=buyer.siret, number=number, content=base64.b64encode(content).decode())
    connect(context, buyer)
    work(context)
    (copy,) = copies(context)
    assert (copy.number, copy.report["valid"], copy.contract_id) == (number, False, None)
    assert said in copy.report["findings"][0]["message"]
    assert context.storage.get(copy.key) == content


def test_the_same_file_sent_twice_is_one_invoice_and_said(
    context: Context, buyer: Organisation, portal: Levers
) -> None:
    for number in ("A-1", "A-2"):
        number += buyer.ref
        portal("depose", buyer=buyer.siret, number=number, content=base64.b64encode(b"<a/>").decode())
    connect(context, buyer)
    work(context)
    assert len(copies(context)) == 1
    assert ["doublon" in notice.problem for notice in notices(context)].count(True) == 1


def test_a_worker_that_died_between_the_list_and_the_files(
    context: Context, buyer: Organisation, portal: Levers
) -> None:
    sent = portal.sends(buyer)
    connect(context, buyer)
    assert chorus.read_one(context)
    portal.breaks(DOWNLOAD, status=500)
    assert chorus.fetch_some(context)
    assert copies(context) == []
    at_once(context)
    work(context)
    assert here(context) == [sent]


def test_wrong_credentials_are_said(context: Context, buyer: Organisation, portal: Levers) -> None:
    connect(context, buyer, password="faux")
    work(context)
    assert "compte technique ou son mot de passe est refusé" in account(context).problem
    connect(context, buyer, client_id="autre")
    work(context)
    assert "PISTE refuse l’identifiant ou le secret" in account(context).problem


def test_a_long_past_is_read_month_by_month(context: Context, buyer: Organisation, portal: Levers) -> None:
    sent = portal.sends(buyer)
    connect(context, buyer)
    begun = account(context).read_until
    connect(context, buyer, since=begun - timedelta(days=80))
    calls = portal.calls(SEARCH)
    work(context)
    assert here(context) == [sent]
    assert portal.calls(SEARCH) == calls + 3 * 2, "three windows, invoices and works invoices"
    assert account(context).read_until > begun


def test_what_is_given_up_is_asked_for_again(context: Context, buyer: Organisation, portal: Levers) -> None:
    sent = portal.sends(buyer)
    connect(context, buyer)
    assert chorus.read_one(context)
    with transaction(context.database) as db:
        db.get_one(ChorusNotice, notices(context)[0].id).attempts = MOST_TRIES - 1
    portal.breaks(DOWNLOAD, status=400, title="Requête refusée")
    portal("limites", download=10)
    work(context)
    at_once(context)
    work(context)
    portal("limites", download=120 << 20)
    (notice,) = notices(context)
    assert (notice.due_at, notice.copy_id) == (None, None)
    assert "120 Mo" in notice.problem
    assert catch_up(context, buyer.id) == 1
    assert here(context) == [sent]
