"""Our client of Chorus Pro and the sandbox that stands in: deposits, limits, status moves, what must not leak."""

import base64
import io
import logging
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from api.context import Context
from api.remote import chorus, piste
from api.remote.piste import AccessRefused, Portal, PortalRefused, TooLarge, call
from api.sandbox import alone, invoices
from api.sandbox.chorus import CLIENT_SECRET, PASSWORD
from api.sandbox.companies import book
from procurement.chorus_status import CDAR, WORDS
from procurement.errors import Unavailable
from procurement.invoicing.archive import unpack
from procurement.invoicing.invoice import InvoiceUnreadable
from tests.chorus_scene import Levers, levers_of, portal_for
from tests.factories import make_buyer, make_siret

SELLER = book().companies[0]
WHOLE, NOBODY = datetime(2026, 1, 1, tzinfo=UTC), make_siret(9999)


@pytest.fixture
def levers(context: Context) -> Levers:
    return levers_of(context)


@pytest.fixture
def buyer(context: Context) -> str:
    return make_buyer(context.database).siret


def made(number: str, buyer: str) -> bytes:
    """An invoice of an invented company."""
    party = invoices.Party(SELLER.name, SELLER.head_office.siret, vat="FR00" + SELLER.siren)
    line = invoices.Line("P", "Pain", Decimal(1), Decimal(10))
    day = datetime(2026, 11, 2, tzinfo=UTC).date()
    return invoices.cii(invoices.Draft(number, day, party, invoices.Party("Ville", buyer), (line,)))


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def flow_of(portal: Portal, content: bytes, name: str) -> chorus.Flow:
    return chorus.flow(portal, chorus.deposit(portal, content, name, "IN_DP_E1_CII_16B"))


def test_a_supplier_s_flow_whole_partial_and_refused(context: Context, levers: Levers, buyer: str) -> None:
    supplier = portal_for(context, SELLER.head_office.siret)
    good, other = made(f"D-{buyer}", buyer), made(f"E-{buyer}", buyer)
    whole = flow_of(supplier, good, "facture.xml")
    assert (whole.state, whole.errors, whole.is_whole) == ("IN_INTEGRE", (), True)
    part = flow_of(supplier, tar(("e.xml", other), ("mots.xml", b"bonjour")), "lot.tar.gz")
    assert (part.state, part.is_over, part.is_whole) == ("IN_INTEGRE_PARTIEL", True, False)
    assert part.errors[0].startswith("Facture mots.xml : ")
    refused = flow_of(supplier, good, "facture.xml")
    assert refused.state == "IN_REJETE"
    assert "porte déjà ce numéro" in refused.errors[0]
    stranger = flow_of(portal_for(context, NOBODY), made(f"F-{buyer}", buyer), "facture.xml")
    assert "pas celui qui dépose" in stranger.errors[0]
    assert {each["numero"] for each in levers("etat", buyer=buyer)["factures"]} == {f"D-{buyer}", f"E-{buyer}"}


@pytest.mark.parametrize("name", ["facture.exe", "f" * 47 + ".xml", "sans-extension"])
def test_the_names_of_files_have_their_limits(context: Context, buyer: str, name: str) -> None:
    with pytest.raises(PortalRefused, match="caractères au plus et une extension permise"):
        chorus.deposit(portal_for(context, buyer), b"<a/>", name, "IN_DP_E1_CII_16B")


def test_a_buyer_sees_its_own_invoices_and_no_other(context: Context, levers: Levers, buyer: str) -> None:
    number = levers("depose", buyer=buyer, number=f"X-{buyer}", content=base64.b64encode(b"<a/>").decode())["idFacture"]
    mine, theirs = portal_for(context, buyer), portal_for(context, NOBODY)
    structure = chorus.find_structure(mine, buyer) or 0
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert [line.portal_id for lines in chorus.received(mine, structure, WHOLE, now) for line in lines] == [str(number)]
    assert [status for status, _ in chorus.history(mine, str(number))] == ["DEPOSEE", "MISE_A_DISPOSITION"]
    with pytest.raises(PortalRefused, match="pas rattaché"):
        list(chorus.received(theirs, structure, WHOLE, now))
    for act in (chorus.history, lambda portal, invoice: chorus.download(portal, [invoice])):
        with pytest.raises(PortalRefused, match="habilité"):
            act(theirs, str(number))
    with pytest.raises(PortalRefused, match="habilité"):
        chorus.tell(theirs, str(number), "REJETEE", "motif")


@pytest.mark.parametrize(
    ("first", "then", "allowed"),
    [
        ("SERVICE_FAIT", "MANDATEE", True),
        ("MANDATEE", "MISE_EN_PAIEMENT", True),
        ("SUSPENDUE", "SERVICE_FAIT", False),
        ("REJETEE", "SERVICE_FAIT", False),
        ("A_RECYCLER", "MANDATEE", False),
        ("MISE_EN_PAIEMENT", "REJETEE", False),
    ],
)
def test_statuses_follow_one_another(
    context: Context, levers: Levers, buyer: str, first: str, then: str, allowed: bool
) -> None:
    content = base64.b64encode(b"<a/>").decode()
    number = str(levers("depose", buyer=buyer, number=f"S-{buyer}", content=content)["idFacture"])
    portal = portal_for(context, buyer)
    chorus.tell(portal, number, first, "un motif")
    if allowed:
        chorus.tell(portal, number, then)
    else:
        with pytest.raises(PortalRefused, match="ne permet pas"):
            chorus.tell(portal, number, then, "un motif")
    assert chorus.history(portal, number)[-1][0] == (then if allowed else first)


@pytest.mark.parametrize("status", ["SUSPENDUE", "REJETEE"])
def test_a_motive_is_owed(context: Context, levers: Levers, buyer: str, status: str) -> None:
    content = base64.b64encode(b"<a/>").decode()
    number = str(levers("depose", buyer=buyer, number=f"M-{buyer}", content=content)["idFacture"])
    with pytest.raises(PortalRefused, match="motif est obligatoire"):
        chorus.tell(portal_for(context, buyer), number, status)


def test_a_page_has_its_limit(context: Context, buyer: str) -> None:
    asked = {"paramRecherche": {"nbResultatsParPage": 1001, "pageResultatDemandee": 1}}
    with pytest.raises(PortalRefused, match="de 1 à 1000"):
        call(portal_for(context, buyer), "factures/v1/rechercher/recipiendaire", asked)


def test_a_group_above_the_limit_is_413(context: Context, levers: Levers, buyer: str) -> None:
    content = base64.b64encode(b"x" * 2000).decode()
    numbers = [
        str(levers("depose", buyer=buyer, number=f"{n}-{buyer}", content=content)["idFacture"]) for n in range(3)
    ]
    portal = portal_for(context, buyer)
    levers("limites", download=2500)
    with pytest.raises(TooLarge):
        chorus.download(portal, numbers)
    groups = list(chorus.download_all(portal, numbers))
    levers("limites", download=120 << 20)
    assert sorted(number for asked, _ in groups for number in asked) == sorted(numbers)
    assert all(set(unpack(archive, asked)) == set(asked) for asked, archive in groups)


def test_the_structure_s_switches_and_open_services(context: Context, levers: Levers, buyer: str) -> None:
    services = [[f"S{rank:03d}", "Service", True] for rank in range(3)]
    services += [["FERME", "Fermé", False], ["FACTURES_PUBLIQUES", "", True]]
    levers("structure", siret=buyer, switches={"codeServiceDoitEtreRenseigne": True}, services=services)
    portal = portal_for(context, buyer)
    found = chorus.structure(portal, chorus.find_structure(portal, buyer) or 0)
    assert [code for code, _ in found.services] == ["S000", "S001", "S002"]
    assert found.switches["codeServiceDoitEtreRenseigne"]


def test_nothing_secret_is_told(context: Context, buyer: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    portal = portal_for(context, buyer, client_secret=SecretStr("un-secret-faux"))
    with pytest.raises(AccessRefused) as refused:
        chorus.find_structure(portal, buyer)
    told = f"{refused.value} {refused.value.__context__!r} {portal!r} {caplog.text}"
    assert not [secret for secret in ("un-secret-faux", PASSWORD, CLIENT_SECRET, portal.account) if secret in told]


# A portal that is none.


def odd(answer: Any) -> Starlette:
    """A token for anybody, then `answer`."""

    async def token(request: Request) -> Response:
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 3600})

    async def cpro(request: Request) -> Response:
        made: Response = answer()
        return made

    return Starlette(routes=[Route("/token", token, methods=["POST"]), Route("/cpro/{m:path}", cpro, methods=["POST"])])


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 65_536


@pytest.mark.parametrize(
    "answer",
    [
        lambda: RedirectResponse("http://127.0.0.1:9/ailleurs"),
        lambda: JSONResponse([1]),
        lambda: Response(b'{"codeRetour": 0, "listeStructures": 3, "parametres": []}', media_type="application/json"),
        lambda: Response(b"[" * 100_000),
        lambda: StreamingResponse(endless()),
        lambda: JSONResponse({"libelle": "sans code"}),
    ],
    ids=["redirect", "list", "shape", "deep", "endless", "no code"],
)
def test_an_odd_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(piste, "MAX_BYTES", 1 << 20)
    with alone.running(odd(answer)) as url:
        portal = Portal(url, f"{url}token", "c", SecretStr("s"), "l", SecretStr("p"))
        with pytest.raises(Unavailable, match="nouvel essai"):
            chorus.find_structure(portal, NOBODY)


def test_a_portal_that_sleeps_is_left(monkeypatch: pytest.MonkeyPatch, context: Context, levers: Levers) -> None:
    monkeypatch.setattr(piste, "SECONDS", 1.0)
    levers.breaks("structures/v1/rechercher", status=200, wait=20.0)
    with pytest.raises(Unavailable, match="ne répond pas"):
        chorus.find_structure(portal_for(context, NOBODY), NOBODY)


def test_archives_that_are_none() -> None:
    for content in (b"", b"PK\x03\x04 rien"):
        with pytest.raises(InvoiceUnreadable):
            unpack(content, ["1"])
    assert unpack(b"%PDF-1.7", ["1"])["1"].reads is False
    assert unpack(b"%PDF-1.7", ["1", "2"]) == {}, "whose it is cannot be told"


def test_every_status_has_its_words() -> None:
    assert set(CDAR) <= set(WORDS)
