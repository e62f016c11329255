"""A supplier's invoice for given data: CII and UBL XML, and the Factur-X PDF. Made in a worker process.

The profile EXTENDED-CTC-FR is the one that carries both the buyer's SIRET and its service code, and the agent of a
subcontractor (EN 16931 allows one buyer identifier only). VAT is computed once per category and rate, half up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from facturx import generate_from_binary, generate_xml

from procurement.invoicing.invoice import PAID_FRAMES
from procurement.invoicing.paper import page

CENT = Decimal("0.01")
PROFILE_B2G = "extended-ctc-fr"
PROFILE_EN16931 = "en16931"
# CGI, article 283, 2 nonies: the holder of a building contract pays the VAT of its subcontractor.
REVERSE_CHARGE = ("AE", "Autoliquidation (CGI, article 283, 2 nonies)", "VATEX-FR-AE")
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
    """One invoice line; `unit_price` excludes VAT and may have up to six decimals. `category` is S or AE."""

    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal = Decimal("20")
    category: str = "S"

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
    category: str = "S"


@dataclass(frozen=True)
class Draft:
    """What a supplier's software knows when it makes an invoice.

    `agent` is the holder, where its subcontractor or co-contractor bills (cadre S3, S6). `payee` is who is paid in the
    seller's place (factoring). `terms` are the terms of
    payment (BT-20). `extra` adds or replaces values by BT or BG, as `facturx.generate_xml` names them.
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
    notes: Mapping[str, str] = field(default_factory=lambda: NOTES)
    delivered_on: date | None = None
    agent: Party | None = None
    payee: Party | None = None
    discounts: tuple[Discount, ...] = ()
    prepaid: Decimal = Decimal(0)
    terms: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


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
    level = "extended" if draft.profile == PROFILE_B2G else draft.profile
    metadata = {
        "author": draft.seller.name,
        "keywords": "Facture, Factur-X",
        "title": f"{draft.seller.name} : facture {draft.number}",
        "subject": f"Facture {draft.number} du {draft.issued_on:%d/%m/%Y}",
    }
    made = generate_from_binary(
        readable(draft),
        cii(draft),
        flavor="factur-x",
        level=level,
        check_xsd=False,
        pdf_metadata=metadata,
        lang="fr-FR",
    )
    return bytes(made)


def readable(draft: Draft) -> bytes:
    """The readable page alone, PDF/A-3b, without any XML."""
    return page(_shown(draft), draft.issued_on)


def vat_breakdown(draft: Draft) -> dict[tuple[str, Decimal], tuple[Decimal, Decimal]]:
    """(category, rate) → (base, VAT), VAT computed once per rate on the sum of its lines."""
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for line in draft.lines:
        key = (line.category, line.vat_rate)
        bases[key] = bases.get(key, Decimal(0)) + line.net
    for discount in draft.discounts:
        key = (discount.category, discount.vat_rate)
        bases[key] = bases.get(key, Decimal(0)) - discount.amount
    return {key: (base, cents(base * key[1] / 100)) for key, base in sorted(bases.items())}


def totals(draft: Draft) -> dict[str, str]:
    """The totals by BT number, as strings."""
    lines = sum((line.net for line in draft.lines), Decimal(0))
    off = sum((discount.amount for discount in draft.discounts), Decimal(0))
    net = lines - off
    tax = sum((vat for _, vat in vat_breakdown(draft).values()), Decimal(0))
    paid = net + tax if draft.process in PAID_FRAMES else draft.prepaid
    figures = {"BT-106": lines, "BT-109": net, "BT-110": tax, "BT-112": net + tax, "BT-115": net + tax - paid}
    if off:
        figures["BT-107"] = off
    if paid:
        figures["BT-113"] = paid
    return {key: str(cents(value)) for key, value in figures.items()}


def _xml(draft: Draft, flavor: str) -> bytes:
    made = generate_xml(_data(draft), flavor=flavor, level=draft.profile, check_xsd=False, check_schematron=False)
    return made if isinstance(made, bytes) else str(made).encode()


def _party(party: Party, draft: Draft, *, address: str) -> dict[str, Any]:
    identifiers = {"0009": party.siret}
    if party.service and draft.profile == PROFILE_B2G:
        identifiers["0224"] = party.service
    data: dict[str, Any] = {
        "name": party.name,
        "identifiers": identifiers,
        "legal_identifier": party.siret[:9],
        "legal_identifier_schemeid": "0002",
        "einvoicing_addr": address,
        "einvoicing_addr_schemeid": "0225",
        "country_code": "FR",
        "city": party.city,
        "postcode": party.postcode,
        "addr_l1": party.street,
    }
    return data | ({"vat_identifier": party.vat} if party.vat else {})


def _data(draft: Draft) -> dict[str, Any]:
    buyer = draft.buyer
    data: dict[str, Any] = {
        "BT-1": draft.number,
        "BT-2": draft.issued_on,
        "BT-3": draft.type_code,
        "BT-5": draft.currency,
        "BT-23": draft.process,
        "BT-10": buyer.service,
        "BT-12": draft.contract,
        "BT-13": draft.engagement,
        "BT-9": draft.due_on or draft.issued_on,
        "BT-20": draft.terms,
        # An empty delivery block would be written with xsi:nil, which the schema refuses.
        "BT-72": draft.delivered_on or (draft.period[1] if draft.period else draft.issued_on),
        "BT-81": "30",
        "BT-84": draft.iban,
        "BG-1": [{"BT-21": code, "BT-22": text} for code, text in draft.notes.items()],
        "BG-3": [{"BT-25": number, "BT-26": on} for number, on in draft.preceding],
        "BG-4": _party(draft.seller, draft, address=draft.seller.siret[:9]),
        "BG-7": _party(buyer, draft, address=f"{buyer.siret[:9]}_{buyer.siret}"),
        "BG-10": {"name": draft.payee.name, "identifiers": {"0009": draft.payee.siret}} if draft.payee else None,
        "BG-20": [_discount(discount) for discount in draft.discounts],
        "BG-23": [_vat(category, rate, *figures) for (category, rate), figures in vat_breakdown(draft).items()],
        "BG-25": [_line(number, line) for number, line in enumerate(draft.lines, 1)],
    }
    if draft.period:
        data |= {"BT-73": draft.period[0], "BT-74": draft.period[1]}
    if draft.agent:
        data["EXT-FR-FE-BG-03"] = _party(draft.agent, draft, address=draft.agent.siret[:9])
    return {
        key: value for key, value in (data | totals(draft) | dict(draft.extra)).items() if value not in ("", None, [])
    }


def _discount(discount: Discount) -> dict[str, str]:
    return {
        "amount": str(discount.amount),
        "vat_category_code": discount.category,
        "vat_rate": str(discount.vat_rate),
        "reason": discount.reason,
    }


def _vat(category: str, rate: Decimal, base: Decimal, vat: Decimal) -> dict[str, str]:
    row = {"BT-116": str(base), "BT-117": str(vat), "BT-118": category, "BT-119": str(rate)}
    return row | ({"BT-120": REVERSE_CHARGE[1], "BT-121": REVERSE_CHARGE[2]} if category == "AE" else {})


def _line(number: int, line: Line) -> dict[str, Any]:
    reason = {"EXT-FR-FE-178": REVERSE_CHARGE[1], "EXT-FR-FE-179": REVERSE_CHARGE[2]} if line.category == "AE" else {}
    return reason | {
        "BT-126": str(number),
        "BT-129": str(line.quantity),
        "BT-130": "C62",
        "BT-131": str(line.net),
        "BT-146": str(line.unit_price),
        "BT-151": line.category,
        "BT-152": str(line.vat_rate),
        "BT-153": line.name,
        "BT-155": line.code,
    }


def _shown(draft: Draft) -> dict[str, Any]:
    """What the page shows: words and figures as French readers write them."""
    figures = totals(draft)
    return {
        "title": "Avoir" if draft.preceding and draft.type_code == "381" else "Facture",
        "number": draft.number,
        "seller": _shown_party(draft.seller),
        "buyer": _shown_party(draft.buyer),
        "facts": _facts(draft),
        "lines": [
            [
                line.code,
                line.name,
                french(line.quantity),
                french(line.unit_price),
                f"{french(line.vat_rate)}\u00a0%",
                french(line.net),
            ]
            for line in draft.lines
        ],
        "vat": [
            ["Autoliquidation" if category == "AE" else f"{french(rate)}\u00a0%", french(base), french(vat)]
            for (category, rate), (base, vat) in vat_breakdown(draft).items()
        ],
        "totals": [
            [label, french(Decimal(figures[term]))]
            for term, label in (
                ("BT-107", "Remises"),
                ("BT-109", "Total hors taxes"),
                ("BT-110", "TVA"),
                ("BT-112", "Total TTC"),
                ("BT-113", "Déjà payé"),
                ("BT-115", "Net à déduire" if draft.type_code == "381" else "Net à payer"),
            )
            if term in figures
        ],
        "currency": "€" if draft.currency == "EUR" else draft.currency,
        "mentions": _mentions(draft),
    }


def _shown_party(party: Party) -> list[str]:
    lines = [party.name, party.street, f"{party.postcode} {party.city}".strip(), f"SIRET : {party.siret}"]
    lines += [f"TVA : {party.vat}"] if party.vat else []
    lines += [f"Code service : {party.service}"] if party.service else []
    return [line for line in lines if line]


def _facts(draft: Draft) -> list[list[str]]:
    start, end = draft.period or (None, None)
    rows = [
        ("Date d’émission", _day(draft.issued_on)),
        ("Exécution", f"du {_day(start)} au {_day(end)}" if start and end else f"le {_day(draft.issued_on)}"),
        ("Échéance", _day(draft.due_on or draft.issued_on)),
        ("Marché", draft.contract),
        ("Engagement", draft.engagement),
        ("Cadre de facturation", draft.process),
        ("Titulaire", f"{draft.agent.name} (SIRET {draft.agent.siret})" if draft.agent else ""),
        *(("Facture d’origine", f"{number} du {_day(on)}") for number, on in draft.preceding),
    ]
    return [[label, value] for label, value in rows if value]


def _mentions(draft: Draft) -> list[str]:
    said = [text for code, text in draft.notes.items() if code != "ADN"]
    reverse = [REVERSE_CHARGE[1] + "."] if any(line.category == "AE" for line in draft.lines) else []
    paid = [f"Règlement par virement, IBAN {_grouped(draft.iban)}."] if draft.iban else []
    return [*reverse, *paid, *([draft.terms] if draft.terms else []), *said]


def _grouped(iban: str) -> str:
    return " ".join(iban[place : place + 4] for place in range(0, len(iban), 4))


def _day(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


def french(value: Decimal) -> str:
    """A figure with its decimal comma and narrow spaces between thousands: 1 234,50."""
    return f"{value:,}".replace(",", "\u202f").replace(".", ",")
