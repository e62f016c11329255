"""What the buyer's people know of a contract: its dates, its signature, what invoices must quote, its ledger."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import db as database
from api.auth import BUYER, Who
from api.billing_card import engagement_rows
from api.context import Ctx
from api.contract_summary import record_rows
from api.cursor import Cursor
from api.db import Db, reading
from api.downloads import attachment
from api.pages.signing import token_of
from api.render import page
from api.signing import version_of
from api.simple_signing import evidence_file
from procurement.contract import Contract, contracts_for, find_contract, paris_day
from procurement.errors import NotFound
from procurement.execution.engagements import quoted
from procurement.invoice_copy import invoices_of
from procurement.ledger import ledger_of
from procurement.people import Role
from procurement.pieces import pieces_of
from procurement.renewals import contract_end, proofs_due
from procurement.signers import circuit, party_of

router = APIRouter(include_in_schema=False)
PAGE = 20
# State → (words, tone).
STATES = {
    "awaiting_signature": ("Signature attendue", "waiting"),
    "signed": ("Signé, à notifier", "info"),
    "notified": ("Notifié, réception attendue", "waiting"),
    "in_effect": ("En vigueur", "success"),
    "ended": ("Terminé", "info"),
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
    "replaced": ("Remplacée par le dépôt", "neutral"),
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
        "record": record_rows(db, contract),
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
        request, "contracts/card.html", contract=contract, buyer=contract.organisation,
        engagements=engagement_rows(quoted(db, contract)),
    )  # fmt: skip


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
