"""A supplier's invoice for given data: CII and UBL XML, Factur-X PDF, and broken variants. For tests and the demo.

Valid under EN 16931, BR-FR and the verifiable CPRO rules. The profile EXTENDED-CTC-FR is the one that carries both
the buyer's SIRET and its service code (EN 16931 allows one buyer identifier only).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from facturx import generate_from_binary, generate_xml
from typst import compile as typst_compile

CENT = Decimal("0.01")
PROFILE_B2G = "extended-ctc-fr"
PROFILE_EN16931 = "en16931"
CREDIT_NOTES = frozenset({"261", "262", "381", "396", "502", "503"})
NOTES = {
    "PMT": "Indemnité forfaitaire pour frais de recouvrement : 40 euros.",
    "PMD": "Pénalités de retard au taux légal de la commande publique.",
    "AAB": "Pas d’escompte pour paiement anticipé.",
    "ADN": "B2G",
}


@dataclass(frozen=True)
class Party:
    """One side of the invoice. `siret` is 14 digits; `services` only for a buyer."""

    name: str
    siret: str
    street: str = "1 rue de l’Exemple"
    postcode: str = "75001"
    city: str = "Paris"
    vat: str = ""
    service: str = ""


@dataclass(frozen=True)
class Line:
    """One invoice line; `unit_price` excludes VAT and may have up to four decimals."""

    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal = Decimal("20")

    @property
    def net(self) -> Decimal:
        """Quantity × price, to the cent."""
        return cents(self.quantity * self.unit_price)


@dataclass(frozen=True)
class Discount:
    """An allowance on the whole invoice (BG-20), excluding VAT."""

    reason: str
    amount: Decimal
    vat_rate: Decimal = Decimal("20")


@dataclass(frozen=True)
class Draft:
    """What a supplier's software knows when it makes an invoice.

    `agent`: the holder, in frames S3 and S6. `payee`: who is paid in the seller's place (factoring).
    """

    number: str
    issued_on: date
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    contract: str = ""
    engagement: str = ""
    iban: str = ""
    type_code: str = "380"
    process: str = "S1"
    currency: str = "EUR"
    profile: str = PROFILE_B2G
    due_on: date | None = None
    period: tuple[date, date] | None = None
    preceding: tuple[tuple[str, date], ...] = ()
    delivered_on: date | None = None
    agent: Party | None = None
    payee: Party | None = None
    discounts: tuple[Discount, ...] = ()
    prepaid: Decimal = Decimal(0)
    notes: Mapping[str, str] = field(default_factory=lambda: NOTES)


def cents(value: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP)


def cii(draft: Draft) -> bytes:
    """The invoice as UN/CEFACT CII XML."""
    return _xml(draft, "factur-x")


def ubl(draft: Draft) -> bytes:
    """The invoice as UBL 2.1 XML (a CreditNote for credit types)."""
    return _xml(draft, "ubl-2.1")


def facturx_pdf(draft: Draft) -> bytes:
    """A readable PDF that carries the CII XML as `factur-x.xml` (PDF/A-3)."""
    xml = cii(draft)
    level = "extended" if draft.profile == PROFILE_B2G else draft.profile
    metadata = {
        "author": draft.seller.name,
        "keywords": "Facture, Factur-X",
        "title": f"{draft.seller.name} : facture {draft.number}",
        "subject": f"Facture {draft.number} du {draft.issued_on:%d/%m/%Y}",
    }
    made = generate_from_binary(
        page(draft), xml, flavor="factur-x", level=level, check_xsd=False, pdf_metadata=metadata, lang="fr-FR"
    )
    return bytes(made)


def page(draft: Draft) -> bytes:
    """The readable page alone, PDF/A-3b, without any XML."""
    rows = "".join(
        f"[{_typst(line.code)}], [{_typst(line.name)}], [{line.quantity}], [{line.unit_price}], [{line.net}],"
        for line in draft.lines
    )
    source = (
        f'#set document(title: "Facture {draft.number}", date: datetime(year: {draft.issued_on.year}, '
        f'month: {draft.issued_on.month}, day: {draft.issued_on.day}))\n#set text(lang: "fr")\n'
        f"= Facture {_typst(draft.number)}\n"
        f"{_typst(draft.seller.name)} · SIRET {draft.seller.siret}\n\n"
        f"À : {_typst(draft.buyer.name)} · SIRET {draft.buyer.siret}\n\n"
        f"Marché : {_typst(draft.contract)} · Engagement : {_typst(draft.engagement)}\n\n"
        f"#table(columns: 5, [Code], [Désignation], [Quantité], [Prix unitaire HT], [Montant HT], {rows})\n"
        f"Total HT : {totals(draft)['BT-109']} · Total TTC : {totals(draft)['BT-112']}\n"
    )
    return bytes(typst_compile(source.encode(), format="pdf", pdf_standards="a-3b"))


def _typst(text: str) -> str:
    return "".join("\\" + sign if sign in '\\#$*_`<>@[]"~/=-+' else sign for sign in text)


def vat_breakdown(draft: Draft) -> dict[Decimal, tuple[Decimal, Decimal]]:
    """Rate → (base, VAT), VAT computed once per rate on the sum of its lines."""
    bases: dict[Decimal, Decimal] = {}
    for line in draft.lines:
        bases[line.vat_rate] = bases.get(line.vat_rate, Decimal(0)) + line.net
    for discount in draft.discounts:
        bases[discount.vat_rate] = bases.get(discount.vat_rate, Decimal(0)) - discount.amount
    return {rate: (base, cents(base * rate / 100)) for rate, base in sorted(bases.items())}


def totals(draft: Draft) -> dict[str, str]:
    """The totals by BT number, as strings."""
    lines = sum((line.net for line in draft.lines), Decimal(0))
    off = sum((discount.amount for discount in draft.discounts), Decimal(0))
    net = lines - off
    tax = sum((vat for _, vat in vat_breakdown(draft).values()), Decimal(0))
    paid = net + tax if draft.process in {"B2", "S2", "M2"} else draft.prepaid
    figures = {"BT-106": lines, "BT-109": net, "BT-110": tax, "BT-112": net + tax, "BT-115": net + tax - paid}
    if off:
        figures["BT-107"] = off
    if paid:
        figures["BT-113"] = paid
    return {key: str(cents(value)) for key, value in figures.items()}


def _xml(draft: Draft, flavor: str) -> bytes:
    made = generate_xml(_data(draft), flavor=flavor, level=draft.profile, check_xsd=False, check_schematron=False)
    return made if isinstance(made, bytes) else str(made).encode()


def _party(party: Party, draft: Draft, *, is_seller: bool) -> dict[str, Any]:
    identifiers = {"0009": party.siret}
    if party.service and draft.profile == PROFILE_B2G:
        identifiers["0224"] = party.service
    data: dict[str, Any] = {
        "name": party.name,
        "identifiers": identifiers,
        "legal_identifier": party.siret[:9],
        "legal_identifier_schemeid": "0002",
        "einvoicing_addr": party.siret[:9] if is_seller else f"{party.siret[:9]}_{party.siret}",
        "einvoicing_addr_schemeid": "0225",
        "country_code": "FR",
        "city": party.city,
        "postcode": party.postcode,
        "addr_l1": party.street,
    }
    return data | ({"vat_identifier": party.vat} if party.vat else {})


def _data(draft: Draft) -> dict[str, Any]:
    data: dict[str, Any] = {
        "BT-1": draft.number,
        "BT-2": draft.issued_on,
        "BT-3": draft.type_code,
        "BT-5": draft.currency,
        "BT-23": draft.process,
        "BT-10": draft.buyer.service,
        "BT-12": draft.contract,
        "BT-13": draft.engagement,
        "BT-9": draft.due_on or draft.issued_on,
        # An empty delivery block would be written with xsi:nil, which the schema refuses.
        "BT-72": draft.delivered_on or (draft.period[1] if draft.period else draft.issued_on),
        "BT-81": "30",
        "BT-84": draft.iban,
        "BG-1": [{"BT-21": code, "BT-22": text} for code, text in draft.notes.items()],
        "BG-3": [{"BT-25": number, "BT-26": on} for number, on in draft.preceding],
        "BG-4": _party(draft.seller, draft, is_seller=True),
        "BG-7": _party(draft.buyer, draft, is_seller=False),
        "BG-10": _payee(draft.payee) if draft.payee else None,
        "EXT-FR-FE-BG-03": _party(draft.agent, draft, is_seller=True) if draft.agent else None,
        "BG-20": [_discount(discount) for discount in draft.discounts],
        "BG-23": [
            {"BT-116": str(base), "BT-117": str(vat), "BT-118": "S", "BT-119": str(rate)}
            for rate, (base, vat) in vat_breakdown(draft).items()
        ],
        "BG-25": [_line(number, line) for number, line in enumerate(draft.lines, 1)],
    }
    if draft.period:
        data |= {"BT-73": draft.period[0], "BT-74": draft.period[1]}
    return {key: value for key, value in (data | totals(draft)).items() if value not in ("", None, [])}


def _payee(payee: Party) -> dict[str, Any]:
    return {"name": payee.name, "identifiers": {"0009": payee.siret}}


def _discount(discount: Discount) -> dict[str, str]:
    return {
        "amount": str(discount.amount),
        "vat_category_code": "S",
        "vat_rate": str(discount.vat_rate),
        "reason": discount.reason,
    }


def _line(number: int, line: Line) -> dict[str, Any]:
    return {
        "BT-126": str(number),
        "BT-129": str(line.quantity),
        "BT-130": "C62",
        "BT-131": str(line.net),
        "BT-146": str(line.unit_price),
        "BT-151": "S",
        "BT-152": str(line.vat_rate),
        "BT-153": line.name,
        "BT-155": line.code,
    }


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def swap(xml: bytes) -> bytes:
        if old not in xml:
            raise ValueError(f"{old!r} is not in the invoice")
        return xml.replace(old, new, 1)

    return swap


def _doctype(body: bytes) -> Callable[[bytes], bytes]:
    def insert(xml: bytes) -> bytes:
        head, _, rest = xml.partition(b"?>")
        return head + b"?>" + body + rest if rest else body + xml

    return insert


BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "doctype": _doctype(b"<!DOCTYPE facture>"),
    "xxe": _doctype(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'),
    "laughs": _doctype(
        b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a;" * 10) for n in range(9)) + b"]>"
    ),
    "bom": lambda xml: b"\xef\xbb\xbf" + xml,
    "truncated": lambda xml: xml[: len(xml) // 2],
    "note_missing": _swap(b"PMD", b"AAI"),
    "cadre_s5": _swap(b">S1<", b">S5<"),
}
