"""Suppliers' invoices for tests and the demo: `procurement.invoicing.making` makes them, what follows breaks them."""

from collections.abc import Callable

from procurement.invoicing.making import (
    NOTES,
    PROFILE_B2G,
    PROFILE_EN16931,
    Discount,
    Draft,
    Line,
    Party,
    cents,
    cii,
    facturx_pdf,
    totals,
    ubl,
    vat_breakdown,
)
from procurement.invoicing.making import readable as page

__all__ = [
    "BREAKS",
    "NOTES",
    "PROFILE_B2G",
    "PROFILE_EN16931",
    "Discount",
    "Draft",
    "Line",
    "Party",
    "cents",
    "cii",
    "facturx_pdf",
    "page",
    "totals",
    "ubl",
    "vat_breakdown",
]


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
