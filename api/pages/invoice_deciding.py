"""Finance decides: the decision with its liquidation, the second person, what was missing, the days, the payment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import FINANCE, Who
from api.context import Context, Ctx
from api.contracts import read_date, read_euros
from api.db import reading, transaction
from api.errors import PageInvalid, PageRefused
from api.invoice_view import LABELS, changes
from api.invoices import compare_again
from api.pages.invoices import context_of
from procurement.as_read import Changed, stamp_of
from procurement.errors import Invalid, Refused, Unavailable
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
from procurement.people import Person

router = APIRouter(include_in_schema=False)
HERE = "/factures/{ref}"
PAGE = "invoices/invoice.html"
Text = Annotated[str, Form()]
Act = Callable[[Session, InvoiceCopy, datetime], None]
COMPARISON_CHANGED = "La comparaison a changé depuis que vous avez ouvert cette page :"
AGAIN = "Ce que vous aviez rempli est gardé plus bas : relisez, corrigez s’il le faut, puis enregistrez de nouveau."


@dataclass(frozen=True)
class _Asked:
    """What a person did on the page of one invoice: what it typed, and what the page compared, where that is known."""

    ctx: Context
    who: Person
    ref: str
    typed: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Any] | None = None

    def done(self, act: Act, ok: str = "enregistre") -> Response:
        """Act, then back to the invoice; what is wrong or refused is shown on its page with what was typed."""
        try:
            with transaction(self.ctx.database) as db:
                act(db, find_invoice(db, self.ref, self.who), database.now(db))
        except (Invalid, Refused) as error:
            raise self._again(error) from None
        return _back(self.ref, ok)

    def _again(self, error: Invalid | Refused) -> PageInvalid | PageRefused:
        with reading(self.ctx.database) as db:
            copy = find_invoice(db, self.ref, self.who)
            context = context_of(db, copy, self.who)
            context["values"] = context["values"] | dict(self.typed)
            if isinstance(error, Invalid):
                return PageInvalid(error, PAGE, context)
            return PageRefused(error, PAGE, context | {"problem": self._problem(error, copy)})

    def _problem(self, error: Refused, copy: InvoiceCopy) -> dict[str, object]:
        lines = changes(self.shown, copy) if isinstance(error, Changed) and self.shown is not None else []
        if lines:
            return {"title": COMPARISON_CHANGED, "lines": lines, "after": AGAIN if self.typed else ""}
        rule = f"Règle appliquée : {error.article}." if error.article else ""
        return {"title": error.sentence, "lines": [], "after": rule}


def _back(ref: str, ok: str) -> Response:
    return RedirectResponse(f"/factures/{ref}?ok={ok}", 303)


def _shown(ctx: Context, ref: str, who: Person, seen: str) -> Mapping[str, Any] | None:
    """What the page stamped `seen` compared; None where the invoice changed since."""
    with reading(ctx.database) as db:
        copy = find_invoice(db, ref, who)
        return copy.match if stamp_of(db, copy) == seen else None


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

    Where the contract says something else meanwhile, `seen` is no longer what its page showed: it is read again, with
    what was typed.
    """
    off = {"retention_ttc": retention_ttc, "advance_ttc": advance_ttc, "penalties_ttc": penalties_ttc}
    typed = {
        "decision": decision, "motive": motive, "reason": reason, "done_on": done_on, "admitted_ht": admitted_ht,
        "admitted_ttc": admitted_ttc, **off,
    }  # fmt: skip

    asked = _Asked(ctx, who, ref, typed, _shown(ctx, ref, who, seen))
    if decision in PAYABLE:
        compare_again(ctx, ref, who)

    def act(db: Session, copy: InvoiceCopy, now: datetime) -> None:
        if decision not in LABELS:
            raise Invalid({"decision": "Choisissez une décision."})
        ht, ttc = _euros(admitted_ht, "admitted_ht"), _euros(admitted_ttc, "admitted_ttc")
        said = Liquidation(ht, ttc, *(_euros(text, name) or Decimal(0) for name, text in off.items()))
        made = Decision(decision, motive, reason, _day(done_on, "done_on"), said, seen)
        decide_copy(db, copy, made, who, now)

    return asked.done(act, "decide")


@router.post(HERE + "/confirmer", dependencies=[Depends(FINANCE)])
def confirm(request: Request, ctx: Ctx, who: Who, ref: str, seen: Text = "") -> Response:
    """The second person agrees with the proposal that its page showed, and with what the contract says now."""
    asked = _Asked(ctx, who, ref, shown=_shown(ctx, ref, who, seen))
    compare_again(ctx, ref, who)
    return asked.done(lambda db, copy, now: confirm_copy(db, copy, seen, who, now), "decide")


@router.post(HERE + "/comparer", dependencies=[Depends(FINANCE)])
def compare(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """The contract has changed: an account was confirmed, a reception written, another invoice decided."""
    changed = compare_again(ctx, ref, who)
    return _back(ref, "compare" if changed else "compare-pareil")


@router.post(HERE + "/reprendre", dependencies=[Depends(FINANCE)])
def send_back(request: Request, ctx: Ctx, who: Who, ref: str, disagreement: Text = "") -> Response:
    """The second person does not agree: to be decided again."""

    def act(db: Session, copy: InvoiceCopy, now: datetime) -> None:
        try:
            send_back_to_first(db, copy, disagreement, who, now)
        except Invalid as error:
            raise Invalid({"disagreement": error.fields["motive"]}) from None

    return _Asked(ctx, who, ref, {"disagreement": disagreement}).done(act)


@router.post(HERE + "/completer", dependencies=[Depends(FINANCE)])
def complete(request: Request, ctx: Ctx, who: Who, ref: str, on: Text = "") -> Response:
    """The missing piece came: the delay runs again."""
    asked = _Asked(ctx, who, ref, {"on": on})
    return asked.done(lambda db, copy, now: complete_copy(db, copy, _day(on, "on"), who, now))


@router.post(HERE + "/paiement", dependencies=[Depends(FINANCE)])
def pay(request: Request, ctx: Ctx, who: Who, ref: str, mandate: Text = "", paid_on: Text = "") -> Response:
    """The accountant paid it, under this mandate."""
    asked = _Asked(ctx, who, ref, {"mandate": mandate, "paid_on": paid_on})
    return asked.done(lambda db, copy, now: pay_copy(db, copy, mandate, _day(paid_on, "paid_on"), who, now))


@router.post(HERE + "/reception", dependencies=[Depends(FINANCE)])
def reception(request: Request, ctx: Ctx, who: Who, ref: str, received_on: Text = "") -> Response:
    """The day of the portal's notification, where the copy was dropped here."""
    asked = _Asked(ctx, who, ref, {"received_on": received_on})
    return asked.done(lambda db, copy, now: set_reception(db, copy, _day(received_on, "received_on"), who, now))


@router.post(HERE + "/imputation", dependencies=[Depends(FINANCE)])
def imputation(request: Request, ctx: Ctx, who: Who, ref: str, part: Text = "", engagement: Text = "") -> Response:
    """Which tranche or order it bills, which engagement pays: what it is compared with changes at once."""
    asked = _Asked(ctx, who, ref, {"part": part, "engagement": engagement})
    done = asked.done(lambda db, copy, now: impute(db, copy, part, engagement, who, now))
    try:
        return _back(ref, "imputee") if compare_again(ctx, ref, who) else done
    except Unavailable:  # it is laid there all the same, and compared before it is approved
        return done
