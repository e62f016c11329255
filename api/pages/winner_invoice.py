"""A supplier makes its invoice from the contract: checked, compared as the buyer would, taken home. Nothing is kept."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import SIGNED_IN, Who
from api.context import Ctx
from api.contracts import read_date
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.pages.winner_billing import PATH
from api.render import page
from procurement.billing import Whole, engagements_for, open_engagements, whole_of
from procurement.contract import paris_day
from procurement.errors import Invalid, NotFound
from procurement.execution.parties import Party, holder_now
from procurement.iban import wrong_iban
from procurement.spreadsheet import number_of
from procurement.supplier_bill import address_of, buyer_address, is_party, prices_for, record_for
from procurement.suppliers import SUBCONTRACTOR, find_billed

router = APIRouter(include_in_schema=False)
ROUTE, TEMPLATE = PATH + "/facture", "winner/invoice.html"
MAKE = "procurement.invoicing.bill_making:make_typed"
ROWS, MORE, MOST = 3, 5, 60
LISTED = 300  # codes proposed while typing; any code of the contract is known
COLUMNS = ("code", "label", "quantity", "unit_price", "vat_rate")
FIGURES = ("quantity", "unit_price", "vat_rate")
DAYS = ("issued_on", "period_start", "period_end", "credit_on")
NUMBER = "écrivez un nombre, par exemple 450,50."


class Typed(BaseModel):
    """The form, as it was typed; the columns of the lines are lists of one length."""

    do: str = "check"
    siret: str = ""
    name: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    buyer_street: str = ""
    buyer_postcode: str = ""
    buyer_city: str = ""
    number: str = ""
    issued_on: str = ""
    period_start: str = ""
    period_end: str = ""
    iban: str = ""
    engagement: str = ""
    service: str = ""
    credit_number: str = ""
    credit_on: str = ""
    code: list[str] = []
    label: list[str] = []
    quantity: list[str] = []
    unit_price: list[str] = []
    vat_rate: list[str] = []


@router.get(ROUTE, dependencies=[Depends(SIGNED_IN)])
def form(request: Request, db: Db, who: Who, ref: str, siret: str = "") -> Response:
    contract, parties = find_billed(db, ref, who)
    party = _chosen(parties, siret)
    typed = Typed(
        siret=party.siret, name=party.name, issued_on=paris_day(database.now(db)).isoformat(),
        **address_of(contract, party),
    )  # fmt: skip
    return page(request, TEMPLATE, **_context(ref, whole_of(db, contract), parties, typed))


@router.post(ROUTE, dependencies=[Depends(SIGNED_IN)])
def make(request: Request, ctx: Ctx, who: Who, ref: str, typed: Annotated[Typed, Form()]) -> Response:
    """`do`: check it and say what was found, give the PDF, or show more lines. Made in a worker, kept nowhere."""
    with reading(ctx.database) as db:
        contract, parties = find_billed(db, ref, who)
        whole = whole_of(db, contract)
        siret = _chosen(parties, typed.siret).siret
        record = record_for(whole, siret)
        context = _context(ref, whole, parties, typed)
        if typed.do == "more":
            return page(request, TEMPLATE, **context)
        try:
            bill, places = _bill(whole, siret, typed)
        except Invalid as error:
            raise PageInvalid(error, TEMPLATE, context) from None
    content, said = isolate.run(MAKE, record, bill, seconds=60)
    if problems := said.get("problems"):
        whole = problems.pop("", "")
        raise PageInvalid(Invalid(_named(problems, places)), TEMPLATE, context | {"whole": whole})
    if typed.do == "download" and said["valid"]:
        return attachment(content, f"facture-{said['number'].replace('/', '-')}.pdf", "application/pdf")
    return page(request, TEMPLATE, status=200 if said["valid"] else 422, **context | {"said": said})


def _chosen(parties: list[Party], siret: str) -> Party:
    """The company that bills: the only one, or the one named. Raises NotFound for a company of somebody else."""
    if not siret:
        return parties[0]
    found = next((party for party in parties if party.siret == siret), None)
    if found is None:
        raise NotFound
    return found


def _context(ref: str, whole: Whole, parties: list[Party], typed: Typed) -> dict[str, Any]:
    contract, terms, party = whole.contract, whole.terms, _chosen(parties, typed.siret)
    engagements, services = _engagements(whole), whole.switches.services
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(typed)]
    wanted = min(MOST, max(ROWS, len(rows) + (MORE if typed.do == "more" else 0)))
    rows += [dict.fromkeys(COLUMNS, "") for _ in range(wanted - len(rows))]
    prices, holds = prices_for(whole, party.siret), is_party(whole, party.siret)
    return {
        "ref": ref, "contract": contract, "buyer": contract.organisation, "party": party, "parties": parties,
        "values": typed.model_dump(), "rows": rows, "full": len(rows) >= MOST,
        "prices": prices[:LISTED], "priced": len(prices), "holds": holds,
        "rates": [(str(rate), str(rate).replace(".", ",")) for rate in terms.vat_rates],
        "reverse": party.role == SUBCONTRACTOR and terms.kind == "works",
        "revised": holds and terms.revision is not None,
        "buyer_known": bool(buyer_address(contract)), "days": terms.payment_days, "works": terms.kind == "works",
        "engagements": engagements, "services": [(one, one) for one in services],
        "said": None, "whole": "",
    }  # fmt: skip


def _engagements(whole: Whole) -> list[tuple[str, str]]:
    """The numbers that may be quoted; those of a tranche or an order say so."""
    titles = {number: part.title for part in whole.parts for number in engagements_for(whole, part)}
    return [(one, f"{one} – {titles[one]}" if one in titles else one) for one in open_engagements(whole)]


def _rows(typed: Typed) -> list[tuple[str, ...]]:
    columns = [[cell.strip() for cell in getattr(typed, name)[:MOST]] for name in COLUMNS]
    return list(zip_longest(*columns, fillvalue=""))


def _bill(whole: Whole, siret: str, typed: Typed) -> tuple[dict[str, Any], list[int]]:
    """Plain data for the worker, and on which row of the form each line stands. Raises Invalid field by field."""
    wrong: dict[str, str] = {}
    days = {name: day for name in DAYS if (day := _day(getattr(typed, name), name, wrong))}
    written = [(place, row) for place, row in enumerate(_rows(typed), 1) if any(row[:4])]
    labels = {price.code: price.label for price in prices_for(whole, siret)}
    lines = [_line(place, row, labels, wrong) for place, row in written]
    if sentence := wrong_iban(typed.iban):
        wrong["iban"] = sentence
    if not lines:
        wrong["label-1"] = "Écrivez au moins une ligne."
    if wrong:
        raise Invalid(wrong)
    seller = {key: getattr(typed, key) for key in ("name", "street", "postcode", "city", "siret")}
    buyer = buyer_address(whole.contract) or {
        "street": typed.buyer_street, "postcode": typed.buyer_postcode, "city": typed.buyer_city
    }  # fmt: skip
    bill: dict[str, Any] = {
        "number": typed.number.strip(), "iban": typed.iban, "engagement": typed.engagement.strip(),
        "service": typed.service.strip(), "seller": seller,
        "buyer": buyer | {"name": whole.contract.organisation.name}, "lines": lines,
        "holder_name": holder_now(whole.parties).name,
        "credit_number": typed.credit_number.strip(),
    }  # fmt: skip
    if "issued_on" in days:
        bill["due_on"] = (days["issued_on"] + timedelta(days=whole.terms.payment_days)).isoformat()
    return bill | {name: day.isoformat() for name, day in days.items()}, [place for place, _ in written]


def _day(text: str, field: str, wrong: dict[str, str]) -> date | None:
    try:
        return read_date(text, field) if text.strip() else None
    except Invalid as error:
        wrong |= error.fields
        return None


def _line(place: int, row: tuple[str, ...], labels: Mapping[str, str], wrong: dict[str, str]) -> dict[str, str]:
    """One line without its empty cells; the label of the price list where none is typed."""
    line = {name: cell for name, cell in zip(COLUMNS, row, strict=True) if cell}
    for name in FIGURES:
        if name in line:
            number = number_of(line[name])
            if number is None:
                wrong[f"{name}-{place}"] = f"Ligne {place} : {NUMBER}"
            else:
                line[name] = str(number)
    return {"code": "", "label": labels.get(row[0], "")} | line


def _named(problems: Mapping[str, str], places: list[int]) -> dict[str, str]:
    """The worker's places as fields of the form: « lines.1.quantity » → « quantity-3 »."""
    found = {}
    for where, problem in problems.items():
        parts = where.split(".")
        name, said = parts[-1], problem[0].upper() + problem[1:].rstrip(".") + "."
        # A line that is wrong is not counted: that the list is too short then says nothing more.
        if where == "lines" and len(problems) > 1:
            continue
        if parts[0] == "lines" and len(parts) == 3:
            place = places[int(parts[1]) - 1]
            name, said = f"{name}-{place}", f"Ligne {place} : {problem.rstrip('.')}."
        elif parts[0] == "buyer":
            name = f"buyer_{name}"
        found[name] = said
    return found
