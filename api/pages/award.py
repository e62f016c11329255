"""The officer's way from the analysis to the contract in effect: name, decide, notify, record the reception."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import OFFICER, Who
from api.awarding import decide_with_acte, standstill_figure, to_award
from api.candidacy_view import belonging_words
from api.context import Ctx
from api.contracts import read_date, read_euros
from api.db import Db, reading
from api.errors import PageInvalid
from api.groups import GROUPINGS, read_group
from api.render import euros, page
from api.signing import circuit_of
from procurement.appeals import ENDS
from procurement.award import award_of, check_decision, name_intended, set_aside
from procurement.candidacy import Candidacy, received
from procurement.consultation import Consultation
from procurement.contract import Contract, acknowledge, contract_of, notify, paris_day
from procurement.deliveries import plan
from procurement.errors import Invalid, NotFound
from procurement.piece_requests import missing, requests_of
from procurement.pieces import WINNER, Piece, pieces_of
from procurement.signing import remind, sign_by_hand
from siret_lookup.catalogue import PIECES
from siret_lookup.outcome import Outcome
from siret_lookup.words import LABELS

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PATH = "/acheteur/consultations/{ref}/attribuer"
STEPS = ["Attributaire pressenti", "Preuves et décision", "Signature", "Notification", "Réception"]
STEP_OF = {"opened": 1, "intended": 2, "awarded": 3, "signed": 4, "notified": 5}
STEP = {"awaiting_signature": 3, "signed": 4, "notified": 5, "in_effect": 5}
# Words and symbols say it; the tone only repeats them.
TONES = {
    "obtained": "success",
    "refused_by_authority": "warning",
    "unavailable": "waiting",
    "not_authorised": "warning",
}


def piece_row(piece: Piece) -> dict[str, Any]:
    """One proof as the officer reads it."""
    outcome = piece.outcome or ""
    return {
        "label": PIECES[piece.key].title,
        "words": LABELS[Outcome(outcome)] if outcome else "Demandée, réponse attendue",
        "tone": TONES.get(outcome, "neutral") if outcome else "waiting",
        "fetched_at": piece.fetched_at,
        "valid_until": piece.valid_until,
        "next_try_at": piece.next_try_at if piece.state == "waiting" and piece.attempts else None,
    }


def _choice(candidacy: Candidacy) -> tuple[str, str, str]:
    """A candidacy as one option of the form: value, label, hint."""
    amount = candidacy.opened_amount
    hint = f"Montant de l’offre : {euros(amount)} HT" if amount else "Montant non déposé ici"
    return candidacy.ref, f"{candidacy.name} – SIRET {candidacy.siret}", hint


def _context(db: Session, consultation: Consultation) -> dict[str, Any]:
    award = award_of(db, consultation) if consultation.state != "opened" else None
    contract = contract_of(db, award.candidacy) if award else None
    asked = requests_of(db, award.candidacy) if award else []
    proofs = pieces_of(db, award.candidacy) if award else []
    return {
        "consultation": consultation,
        "candidacies": [_choice(c) for c in received(db, consultation)] if consultation.opened_at else [],
        "award": award,
        "belonging": belonging_words(award.candidacy) if award else "",
        "proofs": [piece_row(piece) for piece in proofs if piece.key in WINNER],
        "waiting": any(p.state == "waiting" and p.attempts == 0 for p in proofs if p.key in WINNER),
        "missing": [(p.key, PIECES[p.key].title) for p in missing(proofs, asked, paris_day(database.now(db)))],
        "asked": asked,
        "contract": contract,
        "groupings": GROUPINGS,
        "standstill_days": standstill_figure(paris_day(database.now(db))),
        "appeal_ends": list(ENDS.items()),
        "appeal_words": ENDS,
        **(circuit_of(db, contract.act) if contract else {}),
        "steps": STEPS,
        "step": STEP[contract.state] if contract else STEP_OF.get(consultation.state, 1),
        "values": {"amount": award.candidacy.opened_amount or "" if award else "", "motive": ""},
    }


def again(db: Session, consultation: Consultation, error: Invalid, **values: str) -> PageInvalid:
    context = _context(db, consultation)
    return PageInvalid(error, "award/award.html", context | {"values": {"amount": "", "motive": "", **values}})


def back(ref: str, flash: str) -> Response:
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok={flash}", 303)


@router.get(PATH, dependencies=[Depends(OFFICER)])
def award_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "award/award.html", **_context(db, to_award(db, ref, who)))


@router.post(PATH + "/designer", dependencies=[Depends(OFFICER)])
def name(request: Request, db: Db, who: Who, ref: str, candidacy: Text = "") -> Response:
    consultation = to_award(db, ref, who)
    if candidacy not in {c.ref for c in received(db, consultation)}:
        raise again(db, consultation, Invalid({"candidacy": "Choisissez une des candidatures reçues."}))
    name_intended(db, consultation, candidacy, who, database.now(db))
    return back(ref, "pressenti")


@router.post(PATH + "/ecarter", dependencies=[Depends(OFFICER)])
def put_aside(request: Request, db: Db, who: Who, ref: str, reason: Text = "") -> Response:
    """Back to the analysis; the motive is kept in the register."""
    consultation = to_award(db, ref, who)
    try:
        set_aside(db, consultation, reason, who, database.now(db))
    except Invalid as error:
        shown = Invalid({"reason": error.fields.get("motive", error.sentence)})
        raise again(db, consultation, shown, reason=reason) from None
    return back(ref, "motif")


@router.post(PATH + "/decider", dependencies=[Depends(OFFICER)])
def award(
    request: Request, ctx: Ctx, who: Who, ref: str, candidacy: Text = "", amount: Text = "", motive: Text = "",
    grouping: Text = "", members: Text = "", powers: Text = "", standstill: Text = "", certificate: Text = "",
    in_order: Text = "",
) -> Response:  # fmt: skip
    """Decide: the acte d’engagement is made first, so that letters never leave without a document to sign."""
    typed = {
        "amount": amount, "motive": motive, "grouping": grouping, "members": members, "powers": powers,
        "standstill": standstill, "certificate": certificate, "in_order": in_order,
    }  # fmt: skip
    with reading(ctx.database) as db:
        consultation = to_award(db, ref, who)
        try:
            price = _price(db, consultation, amount, motive)
        except Invalid as error:
            raise again(db, consultation, error, **typed) from None
    try:
        group = read_group(grouping, members, bool(powers), price, in_order == "1")
        decide_with_acte(
            ctx, who, ref, price, motive, candidacy, group, wait=standstill == "1",
            certificate_required=certificate == "1",
        )  # fmt: skip
    except Invalid as error:
        with reading(ctx.database) as db:
            raise again(db, to_award(db, ref, who), error, **typed) from None
    return back(ref, "attribue")


def _price(db: Session, consultation: Consultation, amount: str, motive: str) -> Decimal:
    """The amount, once everything allows the decision; both fields are checked together."""
    try:
        price = read_euros(amount)
    except Invalid as wrong:
        try:
            check_decision(db, consultation, Decimal(1), motive)
        except Invalid as also:
            raise Invalid(wrong.fields | also.fields) from None
        raise
    check_decision(db, consultation, price, motive)
    return price


def _contract(db: Session, consultation: Consultation) -> Contract:
    chosen = award_of(db, consultation)
    contract = contract_of(db, chosen.candidacy) if chosen else None
    if contract is None:
        raise NotFound
    return contract


@router.post(PATH + "/notifier", dependencies=[Depends(OFFICER)])
def send_notification(request: Request, db: Db, who: Who, ref: str) -> Response:
    contract = _contract(db, to_award(db, ref, who))
    notify(db, contract, who, database.now(db))
    return back(ref, "notifie")


@router.post(PATH + "/reception", dependencies=[Depends(OFFICER)])
def record_reception(request: Request, db: Db, who: Who, ref: str, received_on: Text = "") -> Response:
    """The buyer holds the proof of reception (paper receipt, answer by mail): it gives its date."""
    consultation = to_award(db, ref, who)
    contract = _contract(db, consultation)
    try:
        day: date = read_date(received_on, "received_on")
        acknowledge(db, contract, day, who.email, database.now(db))
        plan(db, contract, database.now(db))
    except Invalid as error:
        raise again(db, consultation, error, received_on=received_on) from None
    return back(ref, "recu")


@router.post(PATH + "/relancer", dependencies=[Depends(OFFICER)])
def remind_signers(request: Request, db: Db, who: Who, ref: str) -> Response:
    """A mail to each company that has not signed yet."""
    remind(db, _contract(db, to_award(db, ref, who)).act, who, database.now(db))
    return back(ref, "rappel")


@router.post(PATH + "/signe-a-la-main", dependencies=[Depends(OFFICER)])
def signed_by_hand(request: Request, db: Db, who: Who, ref: str) -> Response:
    """The officer holds the paper original, signed by every company (R2182-3)."""
    sign_by_hand(db, _contract(db, to_award(db, ref, who)).act, who, database.now(db))
    return back(ref, "signe-main")
