"""Finance decides: the decision with its liquidation, the second person, what was missing, the days, the payment."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Ctx
from api.contracts import read_date, read_euros
from api.db import Db, transaction
from api.errors import PageInvalid
from api.invoice_view import LABELS
from api.invoices import compare_again
from api.pages.invoices import context_of
from procurement.errors import Invalid
from procurement.invoice_copy import InvoiceCopy, find_invoice
from procurement.invoice_decision import (
    PAYABLE,
    Decision,
    Liquidation,
    complete_copy,
    confirm_copy,
    decide_copy,
    impute,
    pay_copy,
    send_back_to_first,
    set_reception,
)

router = APIRouter(include_in_schema=False)
HERE = "/factures/{ref}"
Text = Annotated[str, Form()]
Act = Callable[[InvoiceCopy], None]


def _done(db: Db, who: Who, ref: str, typed: Mapping[str, str], act: Act, ok: str = "enregistre") -> Response:
    """Act, then back to the invoice; what is wrong is shown on its page with what was typed."""
    copy = find_invoice(db, ref, who)
    try:
        act(copy)
    except Invalid as error:
        context = context_of(db, copy, who)
        context["values"] = context["values"] | dict(typed)
        raise PageInvalid(error, "invoices/invoice.html", context) from None
    return RedirectResponse(f"/factures/{ref}?ok={ok}", 303)


def _day(text: str, field: str) -> date | None:
    return read_date(text, field) if text.strip() else None


def _euros(text: str, field: str) -> Decimal | None:
    """To the cent; nothing typed is None."""
    if not text.strip():
        return None
    value = read_euros(text, field)
    if abs(value) >= 10**13 or value != round(value, 2):
        raise Invalid({field: "Écrivez un montant en euros, au centime près."})
    return value


@router.post(HERE + "/decision", dependencies=[Depends(FINANCE)])
def decide(
    request: Request, ctx: Ctx, who: Who, ref: str, decision: Text = "", motive: Text = "", reason: Text = "",
    done_on: Text = "", admitted_ht: Text = "", admitted_ttc: Text = "", retention_ttc: Text = "",
    advance_ttc: Text = "", penalties_ttc: Text = "", seen: Text = "",
) -> Response:  # fmt: skip
    """The choice of a person, with the amounts that it reads or writes; what is paid is compared once more before.

    Where the contract says something else meanwhile, `seen` is no longer what its page showed: it is read again.
    """
    off = {"retention_ttc": retention_ttc, "advance_ttc": advance_ttc, "penalties_ttc": penalties_ttc}
    typed = {
        "decision": decision, "motive": motive, "reason": reason, "done_on": done_on, "admitted_ht": admitted_ht,
        "admitted_ttc": admitted_ttc, **off,
    }  # fmt: skip

    if decision in PAYABLE:
        compare_again(ctx, ref, who)

    def act(db: Session, copy: InvoiceCopy) -> None:
        if decision not in LABELS:
            raise Invalid({"decision": "Choisissez une décision."})
        ht, ttc = _euros(admitted_ht, "admitted_ht"), _euros(admitted_ttc, "admitted_ttc")
        said = Liquidation(ht, ttc, *(_euros(text, name) or Decimal(0) for name, text in off.items()))
        made = Decision(decision, motive, reason, _day(done_on, "done_on"), said, seen)
        decide_copy(db, copy, made, who, database.now(db))

    with transaction(ctx.database) as db:
        return _done(db, who, ref, typed, partial(act, db), "decide")


@router.post(HERE + "/confirmer", dependencies=[Depends(FINANCE)])
def confirm(request: Request, ctx: Ctx, who: Who, ref: str, seen: Text = "") -> Response:
    """The second person agrees with the proposal that its page showed, and with what the contract says now."""
    compare_again(ctx, ref, who)
    with transaction(ctx.database) as db:
        return _done(db, who, ref, {}, lambda copy: confirm_copy(db, copy, seen, who, database.now(db)), "decide")


@router.post(HERE + "/comparer", dependencies=[Depends(FINANCE)])
def compare(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """The contract has changed: an account was confirmed, a reception written, another invoice decided."""
    changed = compare_again(ctx, ref, who)
    return RedirectResponse(f"/factures/{ref}?ok={'compare' if changed else 'compare-pareil'}", 303)


@router.post(HERE + "/reprendre", dependencies=[Depends(FINANCE)])
def send_back(request: Request, db: Db, who: Who, ref: str, disagreement: Text = "") -> Response:
    """The second person does not agree: to be decided again."""

    def act(copy: InvoiceCopy) -> None:
        try:
            send_back_to_first(db, copy, disagreement, who, database.now(db))
        except Invalid as error:
            raise Invalid({"disagreement": error.fields["motive"]}) from None

    return _done(db, who, ref, {"disagreement": disagreement}, act)


@router.post(HERE + "/completer", dependencies=[Depends(FINANCE)])
def complete(request: Request, db: Db, who: Who, ref: str, on: Text = "") -> Response:
    """The missing piece came: the delay runs again."""
    return _done(db, who, ref, {"on": on}, lambda copy: complete_copy(db, copy, _day(on, "on"), who, database.now(db)))


@router.post(HERE + "/paiement", dependencies=[Depends(FINANCE)])
def pay(request: Request, db: Db, who: Who, ref: str, mandate: Text = "", paid_on: Text = "") -> Response:
    """The accountant paid it, under this mandate."""
    typed = {"mandate": mandate, "paid_on": paid_on}
    return _done(
        db, who, ref, typed,
        lambda copy: pay_copy(db, copy, mandate, _day(paid_on, "paid_on"), who, database.now(db)),
    )  # fmt: skip


@router.post(HERE + "/reception", dependencies=[Depends(FINANCE)])
def reception(request: Request, db: Db, who: Who, ref: str, received_on: Text = "") -> Response:
    """The day of the portal's notification, where the copy was dropped here."""
    return _done(
        db, who, ref, {"received_on": received_on},
        lambda copy: set_reception(db, copy, _day(received_on, "received_on"), who, database.now(db)),
    )  # fmt: skip


@router.post(HERE + "/imputation", dependencies=[Depends(FINANCE)])
def imputation(request: Request, db: Db, who: Who, ref: str, part: Text = "", engagement: Text = "") -> Response:
    """Which tranche or order it bills, which engagement pays."""
    typed = {"part": part, "engagement": engagement}
    return _done(db, who, ref, typed, lambda copy: impute(db, copy, part, engagement, who, database.now(db)))
