"""What the buyer's people know of a contract: its dates, its signature, what invoices must quote, its ledger."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, FINANCE, Who
from api.context import Ctx
from api.cursor import Cursor
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.pages.signing import token_of
from api.render import page
from api.signing import version_of
from api.simple_signing import evidence_file
from procurement.contract import Contract, contracts_for, find_contract, paris_day, set_service
from procurement.errors import Invalid, NotFound
from procurement.execution.engagements import Line, engagements_of, open_engagement, quoted
from procurement.execution.parties import (
    accounts_of,
    confirm_account,
    find_account,
    parties_of,
    propose_account,
    refuse_account,
)
from procurement.invoice_copy import invoices_of
from procurement.ledger import ledger_of
from procurement.people import Role
from procurement.pieces import pieces_of
from procurement.renewals import contract_end, proofs_due
from procurement.signers import circuit, party_of

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PAGE = 20
# State → (words, tone).
STATES = {
    "awaiting_signature": ("Signature attendue", "waiting"),
    "signed": ("Signé, à notifier", "info"),
    "notified": ("Notifié, réception attendue", "waiting"),
    "in_effect": ("En vigueur", "success"),
    "ended": ("Terminé", "info"),
}
ACCOUNT_STATES = {
    "proposed": ("Attend une seconde personne", "waiting"),
    "confirmed": ("Peut être payé", "success"),
    "refused": ("Écarté", "danger"),
    "closed": ("Fermé", "info"),
}
PROOF_STATES = {
    "valid": ("En cours de validité", "success"),
    "soon": ("Se termine dans le mois", "warning"),
    "past": ("Terminée", "warning"),
}
INVOICE_STATES = {
    "received": ("À décider", "waiting"),
    "held": ("Suspendue", "warning"),
    "completed": ("Complétée, à décider", "waiting"),
    "to_confirm": ("Attend une seconde personne", "waiting"),
    "paid": ("Payée", "success"),
    "approved": ("Approuvée", "success"),
    "partial": ("Approuvée en partie", "success"),
    "refused": ("Rejetée", "danger"),
    "sent_back": ("Renvoyée au fournisseur", "warning"),
}


def _context(db: Session, contract: Contract, who: Who) -> dict[str, Any]:
    copies = invoices_of(db, contract)
    return {
        "contract": contract,
        "consultation": contract.consultation,
        "buyer": contract.organisation,
        "state": STATES[contract.state],
        "finance": who.has(Role.FINANCE, contract.organisation_id),
        "officer": who.has(Role.OFFICER, contract.organisation_id),
        "copies": copies,
        "invoice_states": INVOICE_STATES,
        "ledger": ledger_of(contract, copies),
        "proofs": proofs_due(pieces_of(db, contract.candidacy), paris_day(database.now(db))),
        "proof_states": PROOF_STATES,
        "ends_on": contract_end(contract),
        "signers": circuit(db, contract.act),
        "engagements": engagements_of(db, contract),
        "accounts": accounts_of(db, contract),
        "account_states": ACCOUNT_STATES,
        "company_choices": [(party.siret, party.name) for party in parties_of(db, contract)],
        "who": who.email,
        "values": {"engagement": "", "service": contract.service, "iban": "", "call_back": ""},
    }


@router.get("/contrats", dependencies=[Depends(BUYER)])
def contracts(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    found = contracts_for(db, who, avant, PAGE)
    older = found[-1].id if len(found) == PAGE else None
    return page(
        request, "contracts/list.html", contracts=found, states=STATES, older=older, finance=who.any(Role.FINANCE)
    )


@router.get("/contrats/{ref}", dependencies=[Depends(BUYER)])
def contract_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "contracts/contract.html", **_context(db, find_contract(db, ref, who), who))


@router.get("/contrats/{ref}/carte", dependencies=[Depends(BUYER)])
def billing_card(request: Request, db: Db, who: Who, ref: str) -> Response:
    """What to give to the supplier, on one page to print."""
    contract = find_contract(db, ref, who)
    return page(
        request, "contracts/card.html", contract=contract, buyer=contract.organisation, engagement=quoted(db, contract)
    )


@router.post("/contrats/{ref}/facturation", dependencies=[Depends(FINANCE)])
def keep_billing(request: Request, db: Db, who: Who, ref: str, engagement: Text = "", service: Text = "") -> Response:
    contract, now = _finance(db, ref, who), database.now(db)
    try:
        set_service(db, contract, service, who, now)
        if engagement.strip():
            open_engagement(db, contract, Line(contract.number, engagement, service), who, now)
    except Invalid as error:
        raise _again(db, contract, who, error, engagement=engagement, service=service) from None
    return RedirectResponse(f"/contrats/{ref}?ok=enregistre", 303)


def _finance(db: Session, ref: str, who: Who) -> Contract:
    contract = find_contract(db, ref, who)
    if not who.has(Role.FINANCE, contract.organisation_id):
        raise NotFound
    return contract


def _again(db: Session, contract: Contract, who: Who, error: Invalid, **typed: str) -> PageInvalid:
    context = _context(db, contract, who)
    return PageInvalid(error, "contracts/contract.html", context | {"values": context["values"] | typed})


@router.post("/contrats/{ref}/comptes", dependencies=[Depends(FINANCE)])
def add_account(
    request: Request, db: Db, who: Who, ref: str, siret: Text = "", iban: Text = "", call_back: Text = ""
) -> Response:
    """The company's first account counts at once; another one waits for a second person."""
    contract = _finance(db, ref, who)
    try:
        if siret not in {party.siret for party in parties_of(db, contract)}:
            raise Invalid({"siret": "Choisissez une entreprise du marché."})
        propose_account(db, contract, siret, iban, call_back, who, database.now(db))
    except Invalid as error:
        raise _again(db, contract, who, error, iban=iban, call_back=call_back) from None
    return RedirectResponse(f"/contrats/{ref}?ok=enregistre", 303)


@router.post("/contrats/{ref}/comptes/{aref}/confirmer", dependencies=[Depends(FINANCE)])
def second_person_confirms(db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = _finance(db, ref, who)
    confirm_account(db, contract, find_account(db, contract, aref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}?ok=enregistre", 303)


@router.post("/contrats/{ref}/comptes/{aref}/refuser", dependencies=[Depends(FINANCE)])
def second_person_refuses(db: Db, who: Who, ref: str, aref: str) -> Response:
    contract = _finance(db, ref, who)
    refuse_account(db, contract, find_account(db, contract, aref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}?ok=enregistre", 303)


@router.get("/contrats/{ref}/preuves/{sref}", dependencies=[Depends(BUYER)])
def evidence(db: Db, who: Who, ref: str, sref: str) -> Response:
    """What is kept of a simple signature: who gave the code, when, for which bytes. For officers."""
    contract = find_contract(db, ref, who)
    signer = party_of(db, contract, sref)
    if signer.evidence is None or not who.has(Role.OFFICER, contract.organisation_id):
        raise NotFound
    name = f"preuve-signature-{contract.number}-{signer.siret}.json"
    return attachment(evidence_file(signer.evidence), name, "application/json")


@router.get("/contrats/{ref}/acte-engagement.pdf", dependencies=[Depends(BUYER)])
def signed_document(ctx: Ctx, who: Who, ref: str) -> Response:
    """The signed acte d’engagement, or the one that waits for its signature."""
    with reading(ctx.database) as db:
        contract = find_contract(db, ref, who)
        act = contract.act
        name = f"{act.file_stem}{'-signe' if act.signed_key else ''}.pdf"
    return attachment(ctx.storage.get(act.key), name, "application/pdf")


@router.get("/contrats/{ref}/jetons/{sref}", dependencies=[Depends(BUYER)])
def signature_token(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    """A signature kept beside the act: verified with it on the page « Vérifier une signature »."""
    with reading(ctx.database) as db:
        signer = party_of(db, find_contract(db, ref, who), sref)
    return token_of(ctx, signer)


@router.get("/contrats/{ref}/jetons/{sref}/acte.pdf", dependencies=[Depends(BUYER)])
def signed_by_token(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    """The version of the act that a token signs, byte for byte."""
    with reading(ctx.database) as db:
        signer = party_of(db, find_contract(db, ref, who), sref)
        act, name = signer.act, f"{signer.act.file_stem}.pdf"
    if signer.token_key is None:
        raise NotFound
    return attachment(version_of(ctx, act, signer.sha256), name, "application/pdf")
