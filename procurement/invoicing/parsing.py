"""A document that passed the hardened door → Invoice. Figures must be decimals and dates real days."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from lxml import etree

from procurement.invoicing.invoice import (
    HEADINGS,
    YEARS,
    Buyer,
    Invoice,
    InvoiceLine,
    InvoiceUnreadable,
    Period,
    Seller,
    Totals,
    VatRow,
    is_siret,
)
from procurement.invoicing.reading import NAMESPACES, Source, open_invoice
from procurement.invoicing.terms import HEADER, LINE

MAX_LINES = 100_000
# Digits of other scripts are digits for Python, and for no schema.
_DECIMAL = re.compile(r"[+-]?(\d{1,20}(\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_SIREN = re.compile(r"\d{9}", re.ASCII)
_RAW = (
    "BT-10 BT-12 BT-13 BT-20 BT-25 BT-26 BT-27 BT-28 BT-35 BT-37 BT-41 BT-44 BT-45 BT-56 BT-59 BT-60 BT-71 BT-84 "
    "BT-92 BT-97 BT-120 BT-121 BT-122 BT-125-2 BT-154 EXT-FR-FE-01 EXT-FR-FE-136 "
    "EXT-FR-FE-146 agent-contact"
)
_UBL_NOTE = re.compile(r"#([A-Z]{3})#(.*)", re.DOTALL)

# Category, rate, base and amount of one row of the VAT breakdown (BT-118, BT-119, BT-116, BT-117).
_TAX = {
    "UBL": ("cac:TaxCategory/cbc:ID", "cac:TaxCategory/cbc:Percent", "cbc:TaxableAmount", "cbc:TaxAmount"),
    "CII": ("ram:CategoryCode", "ram:RateApplicablePercent", "ram:BasisAmount", "ram:CalculatedAmount"),
}

Ids = tuple[tuple[str, str], ...]


def read_invoice(content: bytes) -> Invoice:
    """Read a CII or UBL XML, or a Factur-X PDF. Raises InvoiceUnreadable with a French sentence."""
    return to_invoice(open_invoice(content))


def to_invoice(source: Source) -> Invoice:
    """The invoice that a parsed document holds. Raises InvoiceUnreadable on a missing or impossible value."""
    doc = _Doc(source)
    vat, notes, lines = doc.taxes(), doc.notes(), _lines(doc)
    return Invoice(
        syntax=source.syntax,
        profile=doc.one("BT-24"),
        number=doc.needed("BT-1", "le numéro de la facture"),
        issued_on=_required_day(doc),
        type_code=doc.one("BT-3"),
        currency=doc.one("BT-5"),
        seller=_seller(doc),
        buyer=_buyer(doc),
        totals=_totals(doc),
        buyer_reference=doc.one("BT-10"),
        contract=doc.one("BT-12"),
        engagement=doc.one("BT-13"),
        process=doc.one("BT-23"),
        ibans=tuple(iban.replace(" ", "").upper() for iban in doc.all("BT-84")),
        payee=doc.one("BT-59"),
        agent_sirets=tuple(value for _, value in doc.ids("agent-ids") if is_siret(value)),
        lines=tuple(line for line in lines if line.kind not in HEADINGS),
        headings=tuple(line for line in lines if line.kind in HEADINGS),
        vat_rates=tuple((row.category, row.rate) for row in vat),
        vat=vat,
        period=_period(doc, lines),
        delivered_on=doc.day("BT-72"),
        notes=notes,
        agent=doc.ids("agent-ids") + doc.ids("agent-legal"),
        payee_ids=doc.ids("payee-ids") + doc.ids("payee-legal"),
        terms={term: doc.all(term) for term in _RAW.split()} | {"BT-22": tuple(text for _, text in notes)},
    )


class _Doc:
    """Reads terms from one document by the table of its syntax."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.paths = HEADER[source.syntax]

    def nodes(self, term: str) -> list[etree._Element]:
        found = self.paths[term](self.source.tree)
        return [node for node in found if isinstance(node, etree._Element)] if isinstance(found, list) else []

    def all(self, term: str) -> tuple[str, ...]:
        return _texts(self.paths[term](self.source.tree))

    def one(self, term: str) -> str:
        return next(iter(self.all(term)), "")

    def needed(self, term: str, what: str) -> str:
        if value := self.one(term):
            return value
        raise InvoiceUnreadable(f"Facture incomplète : il manque {what} ({term}).")

    def day(self, term: str) -> date | None:
        return to_day(self.one(term), term)

    def amount(self, term: str) -> Decimal | None:
        return to_decimal(self.one(term), term)

    def ids(self, term: str) -> Ids:
        return tuple((node.get("schemeID", ""), (node.text or "").strip()) for node in self.nodes(term))

    def notes(self) -> tuple[tuple[str, str], ...]:
        if self.source.syntax == "UBL":
            found = [(_UBL_NOTE.fullmatch(text), text) for text in self.all("notes")]
            return tuple((note[1], note[2].strip()) if note else ("", text) for note, text in found)
        return tuple(
            (
                node.findtext("ram:SubjectCode", "", NAMESPACES).strip(),
                node.findtext("ram:Content", "", NAMESPACES).strip(),
            )
            for node in self.nodes("notes")
        )

    def taxes(self) -> tuple[VatRow, ...]:
        category, *figures = _TAX[self.source.syntax]
        return tuple(
            VatRow(
                node.findtext(category, "", NAMESPACES).strip(),
                *(
                    to_decimal(node.findtext(path, "", NAMESPACES), term) or Decimal(0)
                    for path, term in zip(figures, ("BT-119", "BT-116", "BT-117"), strict=True)
                ),
            )
            for node in self.nodes("taxes")
        )


def plain_text(node: etree._Element) -> str:
    """All the text under an element; the hardened reader has left no comment that could cut it."""
    return "".join(map(str, node.itertext())) if len(node) else node.text or ""


def _texts(found: object) -> tuple[str, ...]:
    values = found if isinstance(found, list) else []
    texts = (plain_text(node) if isinstance(node, etree._Element) else str(node) for node in values)
    return tuple(text.strip() for text in texts if text.strip())


def to_decimal(text: str, term: str) -> Decimal | None:
    """A decimal with a point, None where empty. Raises InvoiceUnreadable on anything else (NaN, 1e9, a comma)."""
    if not (cleaned := text.strip()):
        return None
    if not _DECIMAL.fullmatch(cleaned):
        raise InvoiceUnreadable(f"« {cleaned[:40]} » n’est pas un montant ou un nombre décimal ({term}).")
    return Decimal(cleaned)


def to_day(text: str, term: str) -> date | None:
    """A day as YYYYMMDD or YYYY-MM-DD, None where empty.

    Raises InvoiceUnreadable on anything else, and on a year that no invoice bears: delays are counted from it.
    """
    if not (cleaned := text.strip()):
        return None
    found = _DAY.fullmatch(cleaned)
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])) if found else _no_day(cleaned, term)
    except ValueError:
        return _no_day(cleaned, term)
    if day.year not in YEARS:
        raise InvoiceUnreadable(
            f"« {cleaned} » ne peut pas être la date d’une facture : l’année va de {YEARS[0]} à {YEARS[-1]} ({term})."
        )
    return day


def _no_day(text: str, term: str) -> date:
    raise InvoiceUnreadable(f"« {text[:40]} » n’est pas une date ({term}).")


def _required_day(doc: _Doc) -> date:
    doc.needed("BT-2", "la date de la facture")
    return doc.day("BT-2") or _no_day("", "BT-2")


def _needed_amount(doc: _Doc, term: str, what: str) -> Decimal:
    doc.needed(term, what)
    return doc.amount(term) or Decimal(0)


def _totals(doc: _Doc) -> Totals:
    return Totals(
        net=_needed_amount(doc, "BT-109", "le total hors taxes"),
        gross=_needed_amount(doc, "BT-112", "le total toutes taxes comprises"),
        due=_needed_amount(doc, "BT-115", "le net à payer"),
        lines=doc.amount("BT-106"),
        allowances=doc.amount("BT-107"),
        charges=doc.amount("BT-108"),
        vat=doc.amount("BT-110"),
        paid=doc.amount("BT-113"),
        rounding=doc.amount("BT-114"),
    )


def _seller(doc: _Doc) -> Seller:
    ids = doc.ids("seller-ids") + doc.ids("BT-30")
    return Seller(
        name=doc.one("BT-27"),
        sirets=_sirets(ids),
        siren=_siren(doc.ids("BT-30"), _sirets(ids)),
        vat=doc.one("BT-31").replace(" ", "").upper(),
        country=doc.one("BT-40").upper(),
        schemes=tuple(scheme for scheme, _ in ids if scheme),
        ids=ids,
    )


def _buyer(doc: _Doc) -> Buyer:
    ids = doc.ids("buyer-ids") + doc.ids("BT-47")
    sirets = _named(ids) + _sirets(ids)
    routed = tuple(value for scheme, value in ids if scheme == "0224" and value)
    return Buyer(
        name=doc.one("BT-44"),
        siret=sirets[0] if sirets else "",
        siren=_siren(doc.ids("BT-47"), sirets),
        services=tuple(dict.fromkeys((*routed, *doc.all("BT-10")))),
        routed_services=routed,
        sirets=tuple(dict.fromkeys(value.replace(" ", "") for scheme, value in ids if scheme == "0009" and value)),
    )


def _named(ids: Ids) -> tuple[str, ...]:
    """What is called a SIRET, whatever it is: an addressee that is nobody's is told as it is written."""
    return tuple(bare for scheme, value in ids if scheme == "0009" and (bare := value.replace(" ", "")))


def _sirets(ids: Ids) -> tuple[str, ...]:
    """The SIRETs, those that are named as such first; a name that is none is told by MPS-SIRET."""
    plain = tuple(bare for _, value in ids if is_siret(bare := value.replace(" ", "")))
    return tuple(dict.fromkeys((*filter(is_siret, _named(ids)), *plain)))


def _siren(ids: Ids, sirets: tuple[str, ...]) -> str:
    for scheme, value in ids:
        cleaned = value.replace(" ", "")
        if scheme == "0002" or _SIREN.fullmatch(cleaned):
            return cleaned[:9]
    return sirets[0][:9] if sirets else ""


def _period(doc: _Doc, lines: tuple[InvoiceLine, ...]) -> Period:
    """BG-14, else from the first to the last day that a line gives."""
    start, end = doc.day("BT-73"), doc.day("BT-74")
    if start or end:
        return start, end
    days = [day for line in lines if line.kind != "INFORMATION" for day in line.period if day]
    return min(days, default=None), max(days, default=None)


def _lines(doc: _Doc) -> tuple[InvoiceLine, ...]:
    nodes = doc.nodes("lines")
    if len(nodes) > MAX_LINES:
        raise InvoiceUnreadable(f"Cette facture a plus de {MAX_LINES} lignes.")
    return tuple(_line(node, LINE[doc.source.syntax]) for node in nodes)


def _line(node: etree._Element, paths: Mapping[str, etree.XPath]) -> InvoiceLine:
    text = {term: _texts(path(node)) for term, path in paths.items()}
    one = {term: next(iter(values), "") for term, values in text.items()}

    def figure(term: str) -> Decimal:
        return to_decimal(one[term], term) or Decimal(0)

    def total(term: str, name: str) -> Decimal:
        return sum((to_decimal(value, name) or Decimal(0) for value in text[term]), Decimal(0))

    delivered = to_day(one["EXT-FR-FE-158"], "EXT-FR-FE-158")
    return InvoiceLine(
        id=one["BT-126"],
        name=one["BT-153"],
        code=one["BT-155"] or one["BT-156"],
        quantity=figure("BT-129"),
        unit_price=figure("BT-146"),
        base_quantity=figure("BT-149") or Decimal(1),
        net=figure("BT-131"),
        vat_category=one["BT-151"],
        vat_rate=to_decimal(one["BT-152"], "BT-152"),
        adjustments=total("charges", "BT-141") - total("allowances", "BT-136"),
        buyer_code=one["BT-156"],
        period=(to_day(one["BT-134"], "BT-134") or delivered, to_day(one["BT-135"], "BT-135") or delivered),
        kind=one["EXT-FR-FE-163"].upper(),
    )
