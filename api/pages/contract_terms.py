"""The contract's money terms: read by officers and finance, written by both, with the indices that revise its price.

Officers write them too: they hold the signed act. Finance corrects what changes (advance paid, guarantee). Each change
is in the register with its author.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, Who
from api.contract_record import EVERYONE, Sent, Typed, find_for_writing, frame, page_again
from api.db import Db
from api.render import page
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid, Refused
from procurement.execution.advance import explained, promised, short_of
from procurement.execution.indices import values_of, write_index
from procurement.execution.revision import MOST_TERMS, ROUNDINGS, coefficient, latest_month
from procurement.execution.sizes import SIZES, known_of
from procurement.execution.terms import DELAYS, EVOLUTIONS, FORMS, KINDS, Terms, terms_of, write_terms
from procurement.people import Person
from procurement.renewals import contract_end

router = APIRouter(include_in_schema=False)
READ, WRITE = "contracts/terms.html", "contracts/terms_form.html"
RATES = ("advance_rate", "repayment_starts", "repayment_ends", "retention_rate")
AMOUNTS = ("floor_ht", "ceiling_ht", "advance_ttc")
DAYS = ("starts_on", "ends_on", "advance_paid_on", "retention_released_on")


def _read_context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    terms = terms_of(db, contract)
    formula = terms.revision
    named = {str(term["index"]) for term in formula["terms"]} if formula else set()
    values = values_of(db, contract, named) if named else []
    known = known_of(contract, terms.holder_size, terms.holder_size_source)
    month, found = latest_month(formula, values) if formula else "", promised(contract.consultation.dossier)
    return frame(contract, who) | {
        "terms": terms,
        "known": known,
        "advance": explained(found, terms.advance_rate, known),
        "short": short_of(found, terms.advance_rate, known),
        "doubt": known.doubt(Decimal(terms.retention_rate)) if not terms.guarantee else "",
        "starts_on": terms.starts_on or contract.received_on,
        "ends_on": terms.ends_on or contract_end(contract),
        "words": {"kind": KINDS.get(terms.kind, terms.kind), "price": EVOLUTIONS.get(terms.price_kind, "")},
        "rates": {name: _percent(getattr(terms, name)) for name in RATES},
        "formula": formula,
        "published": _published(contract),
        "every": _every(formula.get("months", 1)) if formula else "",
        "rounding": ROUNDINGS.get(str((formula or {}).get("rounding", "half_up")), ""),
        "series": [(name, name) for name in sorted(named)],
        "indices": values,
        "worked": coefficient(formula, values, month) if formula and month else None,
    }


def _published(contract: Contract) -> str:
    """What the dossier says of the revision, in its own words: a person turns it into a formula."""
    price = contract.consultation.dossier.get("price") or {}
    said = (price.get("revision_formula"), price.get("revision_index"))
    months = price.get("revision_months")
    return " ; ".join([*(str(each) for each in said if each), *([_every(months)] if months else [])])


def _every(months: int | str) -> str:
    return "chaque mois" if int(months) == 1 else f"tous les {months} mois"


def _form_context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    return frame(contract, who) | {
        "kinds": list(KINDS.items()),
        "forms": [(form, form) for form in FORMS],
        "evolutions": list(EVOLUTIONS.items()),
        "delays": [(days, f"{days} jours") for days in DELAYS],
        "sizes": list(SIZES.items()),
        "register": known_of(contract),
        "roundings": list(ROUNDINGS.items()),
        "published": _published(contract),
        "rows": range(1, MOST_TERMS + 1),
        "values": to_form(terms_of(db, contract), contract),
    }


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}".replace(".", ",")


def _percent(rate: str) -> str:
    return _plain((Decimal(rate) * 100).normalize()) if Decimal(rate) else "0"


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def to_form(terms: Terms, contract: Contract) -> dict[str, str]:
    """Field → what stands in it; the months of a revision that nobody wrote yet are the dossier's."""
    found = {name: str(getattr(terms, name)) for name in ("kind", "price_form", "price_kind", "payment_days")}
    found |= {name: _percent(getattr(terms, name)) for name in RATES}
    found |= {name: _plain(getattr(terms, name)) for name in AMOUNTS}
    found |= {name: _day(getattr(terms, name)) for name in DAYS}
    found |= {"holder_size": terms.holder_size, "holder_size_source": terms.holder_size_source}
    found |= {"guarantee": terms.guarantee, "penalties": terms.penalties, "pieces": "\n".join(terms.pieces)}
    found["vat_rates"] = " ; ".join(str(rate).replace(".", ",") for rate in terms.vat_rates)
    published = contract.consultation.dossier.get("price") or {}
    formula = terms.revision or {"months": published.get("revision_months") or 1}
    found |= {"fixed": _plain(Decimal(formula["fixed"])) if "fixed" in formula else ""}
    found |= {"decimals": str(formula.get("decimals", 4)), "months": str(formula.get("months", 1))}
    found["rounding"] = str(formula.get("rounding", "half_up"))
    for row, term in enumerate(formula.get("terms", []), 1):
        found |= {f"index_{row}": term["index"], f"base_{row}": term["base"]}
        found[f"weight_{row}"] = _plain(Decimal(term["weight"]))
    return found


def from_form(typed: Typed) -> dict[str, Any]:
    """What `write_terms` takes. Raises Invalid."""
    typed.need(*RATES, "decimals", "months", "rounding")
    said: dict[str, Any] = {name: typed.text(name, 20) for name in ("kind", "price_form", "price_kind")}
    said["payment_days"] = typed.whole("payment_days")
    said |= {name: typed.percent(name) for name in RATES}
    said |= {name: typed.euros(name) for name in AMOUNTS}
    said |= {name: typed.day(name) for name in DAYS}
    said |= {"holder_size": typed.text("holder_size", 10)}
    said |= {"holder_size_source": typed.text("holder_size_source", 300) if said["holder_size"] else ""}
    said |= {"guarantee": typed.text("guarantee", 300), "penalties": typed.text("penalties", 1000)}
    said["pieces"] = [line.strip() for line in typed.text("pieces", 2000).splitlines() if line.strip()]
    rates = typed.text("vat_rates", 60).replace("%", "").replace(",", ".").split(";")
    said["vat_rates"] = [rate.strip() for rate in rates if rate.strip()]
    said["revision"] = _formula(typed)
    typed.hold()
    return said


def _formula(typed: Typed) -> dict[str, Any] | None:
    """None where no row names an index."""
    terms = []
    for row in range(1, MOST_TERMS + 1):
        index, weight, base = (typed.text(f"{name}_{row}", 20) for name in ("index", "weight", "base"))
        if index or weight or base:
            terms.append({"index": index, "weight": weight.replace(",", "."), "base": base})
    fixed = typed.text("fixed", 20).replace(",", ".")
    if not terms and not fixed:
        return None
    return {
        "fixed": fixed or "0", "terms": terms, "decimals": typed.whole("decimals", 4),
        "months": typed.whole("months", 1), "rounding": typed.text("rounding", 10) or "half_up",
    }  # fmt: skip


@router.get("/contrats/{ref}/fiche", dependencies=[Depends(BUYER)])
def read_terms(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, READ, **_read_context(db, find_contract(db, ref, who), who))


@router.get("/contrats/{ref}/fiche/modifier", dependencies=[Depends(BUYER)])
def terms_form(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, WRITE, **_form_context(db, find_contract(db, ref, who), who))


@router.post("/contrats/{ref}/fiche/modifier", dependencies=[Depends(BUYER)])
def keep_terms(db: Db, who: Who, ref: str, sent: Sent) -> Response:
    contract = find_for_writing(db, ref, who, EVERYONE)
    try:
        write_terms(db, contract, from_form(Typed(sent.fields)), who, database.now(db))
    except Invalid as error:
        context = _form_context(db, contract, who)
        raise page_again(error, WRITE, context | {"values": {}}, sent.fields) from None
    return RedirectResponse(f"/contrats/{ref}/fiche?ok=enregistre", 303)


@router.post("/contrats/{ref}/fiche/indices", dependencies=[Depends(BUYER)])
def keep_index(db: Db, who: Who, ref: str, sent: Sent) -> Response:
    """One month of an index of the formula, provisional or final."""
    contract, typed = find_for_writing(db, ref, who, EVERYONE), Typed(sent.fields)
    try:
        series, month, value = (typed.text(name, 25) for name in ("series", "month", "value"))
        formula = terms_of(db, contract).revision
        if not formula:
            raise Refused("Écrivez d’abord la formule de révision : une valeur y est celle d’un de ses indices.")
        if series not in {term["index"] for term in formula["terms"]}:
            typed.wrong["series"] = "Choisissez un indice de la formule."
        typed.hold()
        final, correct = sent.fields.get("final") == "1", sent.fields.get("correct") == "1"
        write_index(db, contract, series, month, value, who, database.now(db), final=final, correct=correct)
    except Invalid as error:
        raise page_again(error, READ, _read_context(db, contract, who), sent.fields) from None
    return RedirectResponse(f"/contrats/{ref}/fiche?ok=enregistre", 303)
