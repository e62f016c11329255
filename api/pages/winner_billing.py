"""A company paid under a contract: what its invoices must bear, where each one is, its certificat de cessibilité."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.billing_card import UNASKED, engagement_rows, part_rows
from api.context import Ctx
from api.cursor import Cursor
from api.db import Db, reading
from api.downloads import attachment
from api.invoice_view import ESTIMATE, clock_dict, delay_of
from api.render import page
from procurement.contract import Contract, paris_day
from procurement.errors import NotFound
from procurement.execution.assignments import Assignability
from procurement.execution.engagements import Quoted, quoted
from procurement.execution.parties import HOLDER, Party, holder_now, parties_of
from procurement.execution.terms import terms_of
from procurement.invoice_copy import InvoiceCopy
from procurement.invoicing.reasons import REASONS
from procurement.suppliers import SUBCONTRACTOR, billed_by, copies_of, find_billed

router = APIRouter(include_in_schema=False)
PATH = "/candidatures/{ref}/contrat"
PAGE = 20
# What a supplier reads: not who decides, nor that a second person is awaited.
STATES: dict[str, tuple[str, str]] = {
    "received": ("En cours de contrôle", "waiting"), "to_confirm": ("En cours de contrôle", "waiting"),
    "held": ("Suspendue : une pièce est attendue", "warning"), "completed": ("Complète, à décider", "waiting"),
    "approved": ("Approuvée, à payer", "success"), "partial": ("Approuvée en partie, à payer", "success"),
    "paid": ("Payée", "success"), "refused": ("Rejetée", "danger"), "sent_back": ("À corriger", "warning"),
}  # fmt: skip
# A credit note is not paid: it is taken off what is.
CREDIT_STATES: Mapping[str, tuple[str, str]] = STATES | {
    "approved": ("Avoir accepté, à déduire", "success"), "paid": ("Avoir accepté, déduit", "success"),
    "partial": ("Avoir accepté en partie, à déduire", "success"), "refused": ("Avoir rejeté", "danger"),
}  # fmt: skip
# BT-23 by the role of who bills (CPRO-24): a member of a group bills in its own name under S6, for its leader to check.
FRAMES: Mapping[str, tuple[str, str]] = {
    HOLDER: ("S1", "BT-23 ; B1 pour une livraison, M1 pour les deux"),
    "cocontractor": ("S6", "BT-23, avec le mandataire en agent du vendeur (EXT-FR-FE-BG-03)"),
    "subcontractor": ("S3", "BT-23, avec le titulaire en agent du vendeur (EXT-FR-FE-BG-03)"),
}
DECIDED = frozenset({"approved", "partial", "paid"})


@router.get("/mes-marches", dependencies=[Depends(SIGNED_IN)])
def my_contracts(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    """The contracts for which this person's companies send invoices, whoever deposited the answer."""
    found = billed_by(db, who, avant, PAGE)
    return page(request, "winner/contracts.html", contracts=found, older=found[-1].id if len(found) == PAGE else None)


def state_of(copy: InvoiceCopy) -> tuple[str, str]:
    """In its supplier's words."""
    return (CREDIT_STATES if copy.is_credit else STATES)[copy.state]


def card_of(db: Session, contract: Contract, party: Party, engagements: Quoted) -> list[dict[str, Any]]:
    """What to write where: label, value, note, and the business term for programs."""
    buyer, (engagement, *_) = contract.organisation, engagement_rows(engagements)
    frame, where = FRAMES.get(party.role, FRAMES[HOLDER])
    rows = [
        ("BT-46", "SIRET de l’acheteur", buyer.siret, "BT-46, schéma 0009"),
        ("BT-49", "Adresse électronique", f"{buyer.siret[:9]}_{buyer.siret}", "BT-49, schéma 0225"),
        ("BT-10", "Code service", contract.service, "BT-10, et BT-46 schéma 0224" if contract.service else UNASKED),
        ("BT-13", *engagement),
        ("BT-12", "Numéro de marché", contract.number, "BT-12"),
        ("BT-29", "Votre SIRET", party.siret, "BT-29, schéma 0009 ; ses neuf premiers chiffres sont le SIREN (BT-30)"),
        ("BT-23", "Cadre de facturation", frame, where),
    ]
    if party.role != HOLDER:
        lead = holder_now(parties_of(db, contract))
        rows.append(
            ("EXT-FR-FE-BG-03", "Titulaire ou mandataire", f"{lead.name}, SIRET {lead.siret}", "agent du vendeur")
        )
    days = terms_of(db, contract).payment_days
    rows.append(("BT-9", "Délai de paiement", f"{days} jours", "à compter de la notification du portail (R2192-15)"))
    return [{"term": term, "label": label, "value": value, "note": note} for term, label, value, note in rows]


def _shown(fields: list[dict[str, Any]], engagements: Quoted) -> list[dict[str, Any]]:
    """The card as a page shows it: the engagements of tranches and orders come after the contract's."""
    after = 1 + next(rank for rank, row in enumerate(fields) if row["term"] == "BT-13")
    parts = [{"label": label, "value": value, "note": note} for label, value, note in part_rows(engagements)]
    return fields[:after] + parts + fields[after:]


@router.get(PATH + "/facturation", dependencies=[Depends(SIGNED_IN)])
def billing_page(request: Request, db: Db, who: Who, ref: str, avant: Cursor = None) -> Response:
    """The card, one for each company of this person, then their invoices and theirs alone."""
    contract, parties = find_billed(db, ref, who)
    today, terms, engagements = paris_day(database.now(db)), terms_of(db, contract), quoted(db, contract)
    copies = copies_of(db, contract, [party.siret for party in parties], avant, PAGE)
    return page(
        request, "winner/billing.html", ref=ref, contract=contract, buyer=contract.organisation,
        cards=[(party, _shown(card_of(db, contract, party, engagements), engagements)) for party in parties],
        copies=[(copy, state_of(copy), delay_of(copy, terms.payment_days, today)) for copy in copies],
        older=copies[-1].id if len(copies) == PAGE else None, reasons=REASONS, decided=DECIDED, estimate=ESTIMATE,
        certificates=_certificates(db, contract, parties),
        mine=contract.candidacy.account_id == who.id,
        holds=any(party.role != SUBCONTRACTOR for party in parties),
    )  # fmt: skip


@router.get(PATH + "/facturation.json", dependencies=[Depends(SIGNED_IN)])
def billing_json(db: Db, who: Who, ref: str, avant: Cursor = None) -> Response:
    """The same for programs; ask again with `avant=next` until `next` is null."""
    contract, parties = find_billed(db, ref, who)
    today, terms, engagements = paris_day(database.now(db)), terms_of(db, contract), quoted(db, contract)
    copies = copies_of(db, contract, [party.siret for party in parties], avant, PAGE)
    body = {
        "contract": contract.number,
        "cards": [{"siret": party.siret, "fields": card_of(db, contract, party, engagements)} for party in parties],
        "engagements": [asdict(row) for row in engagements.parts],
        "invoices": [_told(copy, clock_dict(delay_of(copy, terms.payment_days, today))) for copy in copies],
        "next": copies[-1].id if len(copies) == PAGE else None,
    }
    return JSONResponse(body)


def _told(copy: InvoiceCopy, clock: dict[str, Any] | None) -> dict[str, Any]:
    """What its supplier may know of it; amounts as strings."""
    done = copy.state in DECIDED
    state = "received" if copy.state == "to_confirm" else copy.state
    return {
        "number": copy.number, "issued_on": copy.issued_on.isoformat() if copy.issued_on else None, "state": state,
        "amount_ht": _text(copy.amount_ht), "amount_ttc": _text(copy.amount_ttc), "clock": clock,
        "admitted_ht": _text(copy.admitted_ht) if done else None, "net_ttc": _text(copy.net_ttc) if done else None,
        "reason": copy.reason_code if copy.state in TOLD else "", "motive": copy.motive if _is_told(copy) else "",
        "paid_on": copy.paid_on.isoformat() if copy.paid_on else None,
    }  # fmt: skip


def _is_told(copy: InvoiceCopy) -> bool:
    """An invoice approved whole has no reason: its motive, a call-back about its account, is the buyer's own."""
    return copy.state in TOLD and (copy.state != "paid" or bool(copy.reason_code))


# Where the motive is the supplier's to read; while a second person is awaited nothing is decided.
TOLD = frozenset({"partial", "held", "completed", "refused", "sent_back", "paid"})


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _certificates(db: Session, contract: Contract, parties: list[Party]) -> list[Assignability]:
    sirets = [party.siret for party in parties]
    query = select(Assignability).where(Assignability.contract_id == contract.id, Assignability.siret.in_(sirets))
    return list(db.scalars(query.order_by(Assignability.id)))


@router.get(PATH + "/cessibilite/{cref}.pdf", dependencies=[Depends(SIGNED_IN)])
def certificate(ctx: Ctx, who: Who, ref: str, cref: str) -> Response:
    """The certificat de cessibilité that was issued to this person's company (R2191-46)."""
    with reading(ctx.database) as db:
        contract, parties = find_billed(db, ref, who)
        found = next((row for row in _certificates(db, contract, parties) if row.ref == cref), None)
        if found is None:
            raise NotFound
        key, name = found.key, f"certificat-cessibilite-{contract.number}.pdf"
    return attachment(ctx.storage.get(key), name, "application/pdf")
