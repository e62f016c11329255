"""A company's own answers: list, page, answers and deposit, replacement, withdrawal, receipt."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import vault
from api.auth import SIGNED_IN, Who
from api.candidacy_view import CORRECTABLE, summary, view
from api.context import Context, Ctx
from api.contracts import read_euros
from api.cursor import Cursor
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.render import page
from procurement.candidacy import (
    QUESTIONS,
    answer,
    find_own,
    find_own_locked,
    list_own,
    replace,
    set_amount,
    submit,
    withdraw,
)
from procurement.errors import Invalid, Unavailable
from procurement.people import Person
from procurement.space import INSURANCE_END
from procurement.ways import declare

router = APIRouter(include_in_schema=False)
TEMPLATE = "candidacies/candidacy.html"
SIZE = 20


class Answers(BaseModel):
    """The one form of a draft; `action` says which of its two buttons was pressed."""

    capacity: str = ""
    turnover_share: str = ""
    references: str = ""
    insurance: str = ""
    insurance_until: str = ""
    foreign_workers: str = ""
    correct_name: str = ""
    correct_address: str = ""
    correct_legal_form: str = ""
    correct_activity: str = ""
    why_name: str = ""
    why_address: str = ""
    why_legal_form: str = ""
    why_activity: str = ""
    amount: str = ""
    attested: str = ""
    action: str = "save"

    def given(self) -> dict[str, str]:
        return {key: getattr(self, key) for key in (*QUESTIONS, INSURANCE_END)}

    def corrections(self) -> dict[str, str]:
        return {key: getattr(self, f"correct_{key}") for key in CORRECTABLE}

    def reasons(self) -> dict[str, str]:
        return {key: getattr(self, f"why_{key}") for key in CORRECTABLE}


@router.get("/candidatures", dependencies=[Depends(SIGNED_IN)])
def own_list(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    found = list_own(db, who, avant, SIZE + 1)
    rows = [summary(candidacy) for candidacy in found[:SIZE]]
    more = f"/candidatures?avant={rows[-1]['id']}" if len(found) > SIZE else None
    return page(request, "candidacies/list.html", rows=rows, next=more)


@router.get("/candidatures/{ref}", dependencies=[Depends(SIGNED_IN)])
def own_page(request: Request, ctx: Ctx, db: Db, who: Who, ref: str) -> Response:
    return page(request, TEMPLATE, candidacy=view(db, find_own(db, ref, who), ctx.settings, database.now(db)))


def shown(ctx: Context, who: Person, ref: str) -> dict[str, Any]:
    """The page's values, read anew: for a form that comes back with an error."""
    with reading(ctx.database) as db:
        return view(db, find_own(db, ref, who), ctx.settings, database.now(db))


@router.post("/candidatures/{ref}/deposer", dependencies=[Depends(SIGNED_IN)])
def save_or_deposit(ctx: Ctx, who: Who, ref: str, form: Annotated[Answers, Form()]) -> Response:
    """Keep what was typed, then deposit if that button was pressed: a refused deposit loses no answer."""
    try:
        _save(ctx, who, ref, form)
        if form.action != "deposit":
            return RedirectResponse(f"/candidatures/{ref}?ok=enregistre", 303)
        with transaction(ctx.database) as db:
            candidacy = find_own_locked(db, ref, who)
            submit(db, candidacy, form.attested == "1", database.now(db))
            said = "tard" if candidacy.state == "late" else "depose"
    except Invalid as error:
        raise PageInvalid(error, TEMPLATE, {"candidacy": shown(ctx, who, ref), "values": form.model_dump()}) from None
    return RedirectResponse(f"/candidatures/{ref}?ok={said}", 303)


def _save(ctx: Context, who: Person, ref: str, form: Answers) -> None:
    amount = read_amount(form.amount) if form.amount.strip() else None
    with transaction(ctx.database) as db:
        candidacy = find_own_locked(db, ref, who)
        now = database.now(db)
        answer(candidacy, form.given(), form.corrections(), now, form.reasons())
        if amount is not None:
            recipient = candidacy.consultation.seal_recipient or ""
            set_amount(candidacy, vault.seal_bytes(recipient, str(amount).encode()))


def read_amount(text: str) -> Decimal:
    """Euros before tax, more than zero, cents at most. Raises Invalid."""
    amount = read_euros(text)
    if amount <= 0 or amount >= 10**12 or amount != round(amount, 2):
        raise Invalid({"amount": "Écrivez un montant en euros, plus grand que zéro, avec deux décimales au plus."})
    return round(amount, 2)


@router.post("/candidatures/{ref}/montant", dependencies=[Depends(SIGNED_IN)])
def take_amount_back(db: Db, who: Who, ref: str) -> Response:
    set_amount(find_own_locked(db, ref, who), None)
    return RedirectResponse(f"/candidatures/{ref}?ok=enregistre", 303)


@router.post("/candidatures/{ref}/remplacer", dependencies=[Depends(SIGNED_IN)])
def replace_deposit(db: Db, who: Who, ref: str) -> Response:
    """A new draft that starts from the deposit, which stands until the draft is deposited."""
    candidacy = find_own_locked(db, ref, who)
    fresh = replace(db, candidacy, database.now(db))
    return RedirectResponse(f"/candidatures/{fresh.ref}", 303)


@router.post("/candidatures/{ref}/retirer", dependencies=[Depends(SIGNED_IN)])
def withdraw_deposit(db: Db, who: Who, ref: str) -> Response:
    candidacy = find_own_locked(db, ref, who)
    if candidacy.state != "withdrawn":
        withdraw(db, candidacy, database.now(db))
    return RedirectResponse(f"/candidatures/{ref}?ok=retire", 303)


@router.post("/candidatures/{ref}/certificat", dependencies=[Depends(SIGNED_IN)])
def declare_certificate(ctx: Ctx, who: Who, ref: str, certificate: Annotated[str, Form()] = "") -> Response:
    """« Avez-vous un certificat ? », once deposited: optional, part of no answer."""
    with transaction(ctx.database) as db:
        declare(find_own_locked(db, ref, who), certificate)
    return RedirectResponse(f"/candidatures/{ref}?ok=enregistre", 303)


@router.get("/candidatures/{ref}/recu", dependencies=[Depends(SIGNED_IN)])
def receipt(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        key = find_own(db, ref, who).receipt_key
    if key is None:
        raise Unavailable("Le récépissé n’est pas encore prêt : rechargez cette page dans un instant.", 5)
    return attachment(ctx.storage.get(key), f"recepisse-{ref}.pdf", "application/pdf")
