"""Payments told by the finance software, line by line: an invoice is paid once, by one mandate."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload

from procurement.errors import Invalid, Refused
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_decision import PAYABLE, pay_copy
from procurement.people import Organisation, Person
from procurement.spreadsheet import delimiter_of, text_of

COLUMNS = ("facture", "siret", "mandat", "date")
MOST_LINES = 5_000


@dataclass(frozen=True)
class Paid:
    """One line of the file; `row` is its number, the header being 1."""

    row: int
    number: str
    siret: str
    mandate: str
    on: date


@dataclass(frozen=True)
class Outcome:
    """What became of a file: how many were paid by it, how many were already (same mandate), what was left and why."""

    paid: int
    known: int
    left: tuple[str, ...]


def read_payments(content: bytes) -> list[Paid]:
    """A header « facture;siret;mandat;date », days as 31/12/2026 or 2026-12-31. Raises Invalid on the first wrong line.

    Nothing is kept then.
    """
    rows = csv.DictReader(io.StringIO(text_of(content)), delimiter=delimiter_of(content))
    try:
        rows.fieldnames = _names(rows.fieldnames or [])
        written = ((n, row) for n, row in enumerate(rows, 2) if any((row.get(c) or "").strip() for c in COLUMNS))
        found = [_line(number, row) for number, row in written]
    except csv.Error:
        raise Invalid({"file": "Ce fichier n’est pas un CSV lisible."}) from None
    if len(found) > MOST_LINES:
        raise Invalid({"file": f"Ce fichier a plus de {MOST_LINES} lignes : envoyez-le en plusieurs fois."})
    if not found:
        raise Invalid({"file": "Ce fichier n’a aucune ligne de paiement."})
    return found


def _names(header: Iterable[str]) -> list[str]:
    """« Numéro facture » is « facture »."""
    names = [name.strip().lower().removeprefix("numero ").removeprefix("numéro ") for name in header]
    if missing := [name for name in COLUMNS if name not in names]:
        raise Invalid({"file": f"La première ligne nomme les colonnes : il manque {', '.join(missing)}."})
    return names


def _line(number: int, row: dict[str, str | None]) -> Paid:
    said = {name: (row.get(name) or "").strip() for name in COLUMNS}
    siret = "".join(said["siret"].split())
    if not said["facture"] or not said["mandat"] or len(said["mandat"]) > 30:
        raise Invalid({"file": f"Ligne {number} : le numéro de facture ou de mandat manque, ou il est trop long."})
    if len(siret) != 14 or not siret.isascii() or not siret.isdigit():
        raise Invalid({"file": f"Ligne {number} : « {said['siret'][:30]} » n’est pas un SIRET de 14 chiffres."})
    return Paid(number, said["facture"][:100], siret, said["mandat"], _day(number, said["date"]))


def _day(number: int, text: str) -> date:
    for form in ("%d/%m/%Y", "%Y-%m-%d") if text.isascii() else ():
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Invalid({"file": f"Ligne {number} : « {text[:30]} » n’est pas une date."})


def keep_payments(db: Session, buyer: Organisation, lines: list[Paid], person: Person, now: datetime) -> Outcome:
    """Pay each invoice that may be. A line that cannot be kept is told, and the others are kept all the same."""
    copies = _copies(db, buyer, lines)
    # Always in one order: two files sent at once never wait for each other.
    ordered = sorted(lines, key=lambda line: (_consultation(copies.get((line.number, line.siret), [])), line.row))
    paid = known = 0
    left: list[tuple[int, str]] = []
    for line in ordered:
        found = copies.get((line.number, line.siret), [])
        done = next((copy for copy in found if copy.state == "paid"), None)
        if done is not None and done.mandate == line.mandate:
            known += 1
        elif why := _pay(db, found, line, person, now):
            left.append((line.row, f"Ligne {line.row}, facture {line.number} : {why}"))
        else:
            paid += 1
    return Outcome(paid, known, tuple(words for _, words in sorted(left)))


def _pay(db: Session, found: list[InvoiceCopy], line: Paid, person: Person, now: datetime) -> str:
    """Why it was not paid, or ""."""
    if done := next((copy for copy in found if copy.state == "paid"), None):
        return f"déjà payée, par le mandat {done.mandate}."
    ready = [copy for copy in found if copy.state in PAYABLE]
    if len(ready) != 1:
        return "plusieurs copies approuvées." if ready else "pas encore approuvée." if found else "inconnue ici."
    try:
        pay_copy(db, ready[0], line.mandate, line.on, person, now)
    except Invalid as error:
        return " ".join(error.fields.values())
    except Refused as error:
        return error.sentence
    return ""


def _copies(db: Session, buyer: Organisation, lines: list[Paid]) -> dict[tuple[str, str], list[InvoiceCopy]]:
    numbers = sorted({line.number for line in lines})
    query = select(InvoiceCopy).where(InvoiceCopy.organisation_id == buyer.id, InvoiceCopy.number.in_(numbers))
    query = query.options(joinedload(InvoiceCopy.contract), defer(InvoiceCopy.report), defer(InvoiceCopy.match))
    found: dict[tuple[str, str], list[InvoiceCopy]] = {}
    for copy in db.scalars(query.order_by(InvoiceCopy.id)):
        found.setdefault((copy.number, copy.seller_siret), []).append(copy)
    return found


def _consultation(copies: list[InvoiceCopy]) -> int:
    return next((copy.contract.consultation_id for copy in copies if copy.contract), 0)
