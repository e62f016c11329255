"""One rich valid invoice with every term that Chorus Pro's rules read, and small changes to it, in both syntaxes."""

import copy
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from lxml import etree

from procurement.invoicing.directory import Directory, Recipient
from procurement.invoicing.making import Draft, cii, ubl
from procurement.invoicing.terms import HEADER
from tests.procurement.invoicing.samples import BUYER, SELLER, STRANGER, draft

MAKE: dict[str, Callable[[Draft], bytes]] = {"CII": cii, "UBL": ubl}
AGENT = (("0009", STRANGER), ("0002", STRANGER[:9]))
ASKS = Directory(
    {BUYER.siret: Recipient(service_required=True, engagement_required=True, services=frozenset({"VOIRIE", "ECOLES"}))}
)
EITHER = Directory({BUYER.siret: Recipient(either_required=True)})


def _party(name: str, siret: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "identifiers": {"0009": siret},
        "legal_identifier": siret[:9],
        "legal_identifier_schemeid": "0002",
        "einvoicing_addr": siret[:9],
        "einvoicing_addr_schemeid": "0225",
        "country_code": "FR",
        "city": "Paris",
        "postcode": "75001",
        "addr_l1": "1 rue de l’Exemple",
        "biz_name": f"Enseigne {name}",
    } | more


def _line(number: int, net: str, quantity: str, price: str, rate: str) -> dict[str, Any]:
    return {
        "BT-126": str(number),
        "BT-129": quantity,
        "BT-130": "C62",
        "BT-131": net,
        "BT-146": price,
        "BT-151": "S",
        "BT-152": rate,
        "BT-153": "Prestation",
        "BT-154": "Une prestation décrite",
        "EXT-FR-FE-136": "F-2026-000",
        "EXT-FR-FE-138": date(2026, 9, 1),
    }


EXTRA: dict[str, Any] = {
    "BT-20": "Paiement à trente jours",
    "BG-4": _party(SELLER.name, SELLER.siret, vat_identifier=SELLER.vat),
    "BG-7": _party(
        BUYER.name,
        BUYER.siret,
        identifiers={"0009": BUYER.siret, "0224": BUYER.service},
        einvoicing_addr=f"{BUYER.siret[:9]}_{BUYER.siret}",
    ),
    "BG-10": {
        "name": "Affactureur d’Exemple",
        "identifiers": {"0009": STRANGER},
        "legal_identifier": STRANGER[:9],
        "legal_identifier_schemeid": "0002",
    },
    "BG-13": {"name": "Atelier", "identifiers": {"0009": BUYER.siret}, "country_code": "FR", "city": "Paris"},
    "BG-24": [
        {
            "BT-122": "BL-1",
            "BT-123": "BON_LIVRAISON",
            "BT-125": b"%PDF-1.7",
            "BT-125-1": "application/pdf",
            "BT-125-2": "bon.pdf",
        }
    ],
    "BG-25": [_line(1, "901.00", "2", "450.50", "20"), _line(2, "60.38", "3", "20.125", "10")],
}


def rich(**changes: Any) -> Draft:
    """Corrects one earlier invoice, so that BG-3 is there."""
    extra = copy.deepcopy(EXTRA) | changes.pop("extra", {})
    return draft(**({"preceding": (("F-2026-000", date(2026, 9, 1)),)} | changes), extra=extra)


@cache
def sample(syntax: str, process: str = "S1") -> bytes:
    """The rich invoice; S3 and S6 with their agent."""
    agent = {"EXT-FR-FE-BG-03": _party("Titulaire", STRANGER)} if process in {"S3", "S6"} else {}
    return _with_contacts(MAKE[syntax](rich(process=process, extra=agent)), syntax)


def _with_contacts(xml: bytes, syntax: str) -> bytes:
    """Seller, buyer (BG-6, BG-9) and agent have a contact, which factur-x does not write here."""
    tree = etree.fromstring(xml)
    tag = "SalesAgentTradeParty/{*}Name" if syntax == "CII" else "AgentParty/{*}PartyLegalEntity/{*}RegistrationName"
    names = tree.findall(f".//{{*}}{tag}")
    for name in (*(found(tree, syntax, term)[0] for term in ("BT-27", "BT-44")), *names):
        space = etree.QName(name).namespace
        if syntax == "CII":
            before = next(name.itersiblings(f"{{{space}}}PostalTradeAddress"))
            contact = etree.Element(f"{{{space}}}DefinedTradeContact")
            etree.SubElement(contact, f"{{{space}}}PersonName").text = "Ada Exemple"
            before.addprevious(contact)
        else:
            legal = name.getparent()
            contact = etree.Element(f"{{{etree.QName(legal).namespace}}}Contact")
            etree.SubElement(contact, f"{{{space}}}Name").text = "Ada Exemple"
            legal.addnext(contact)
    return etree.tostring(tree)


def found(tree: etree._Element, syntax: str, term: str) -> list[Any]:
    nodes = HEADER[syntax][term](tree)
    assert isinstance(nodes, list)
    assert nodes, f"{term} is not in the sample"
    return nodes


def put(xml: bytes, syntax: str, term: str, value: str) -> bytes:
    """The term's first element or attribute says `value`."""
    tree = etree.fromstring(xml)
    node = found(tree, syntax, term)[0]
    if isinstance(node, etree._Element):
        node.text = value
    else:
        node.getparent().set(node.attrname, value)
    return etree.tostring(tree)


def twice(xml: bytes, syntax: str, term: str) -> bytes:
    """The element that holds the term stands twice."""
    tree = etree.fromstring(xml)
    node = found(tree, syntax, term)[0]
    holder = {"BT-25": 1 if syntax == "CII" else 2, "BT-20": 0 if syntax == "CII" else 1}.get(term, 0)
    for _ in range(holder):
        node = node.getparent()
    node.addnext(copy.deepcopy(node))
    return etree.tostring(tree)


def without(xml: bytes, syntax: str, term: str, scheme: str = "") -> bytes:
    """The term's elements (under the scheme) are gone."""
    tree = etree.fromstring(xml)
    for node in found(tree, syntax, term):
        if not scheme or node.get("schemeID") == scheme:
            parent = node.getparent()
            parent.remove(node)
            if not len(parent):
                parent.getparent().remove(parent)
    return etree.tostring(tree)


def delivered_to(xml: bytes, syntax: str, identifier: str) -> bytes:
    """The first line says where it was delivered (EXT-FR-FE-146), which factur-x does not write."""
    tree = etree.fromstring(xml)
    line = found(tree, syntax, "lines")[0]
    if syntax == "CII":
        delivery = next(line.iterchildren("{*}SpecifiedLineTradeDelivery"))
        place = etree.SubElement(delivery, f"{{{etree.QName(line).namespace}}}ShipToTradeParty")
        etree.SubElement(place, f"{{{etree.QName(line).namespace}}}ID").text = identifier
    else:
        item = next(line.iterchildren("{*}Item"))
        delivery = etree.Element(f"{{{etree.QName(item).namespace}}}Delivery")
        place = etree.SubElement(delivery, f"{{{etree.QName(item).namespace}}}DeliveryLocation")
        identifier_name = etree.QName(next(line.iterchildren("{*}ID")))
        etree.SubElement(place, identifier_name, schemeID="0088").text = identifier
        item.addprevious(delivery)
    return etree.tostring(tree)


def identified(xml: bytes, syntax: str, scheme: str, value: str) -> bytes:
    """The seller's private identifier is `value` under `scheme`."""
    tree = etree.fromstring(xml)
    node = found(tree, syntax, "seller-ids")[0]
    node.set("schemeID", scheme)
    node.text = value
    return etree.tostring(tree)
