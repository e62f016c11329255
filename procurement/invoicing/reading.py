"""The hardened door: bytes of unknown origin → a parsed document, or one French sentence.

Sources: EN 16931-1 (BT and BG numbers), bindings CII D16B/D22B and UBL 2.1.
"""

import re
from dataclasses import dataclass

from lxml import etree

from procurement.invoicing.hardened import XmlRefused, parse_xml
from procurement.invoicing.invoice import MAX_FILE, InvoiceUnreadable
from procurement.invoicing.pdf import embedded_xml

MAX_XML = 10 * 1024 * 1024
# Rule engines take a minute over a number of a million digits; a text of figures (a description) may be long.
MAX_DIGITS = 10_000
CII_NAMESPACE = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_NUMBER = re.compile(r"[\s\d.+-]*")
UBL_ROOTS = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": "Invoice",
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": "CreditNote",
}
NAMESPACES = {
    "rsm": CII_NAMESPACE,
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}

# Rules compare each row of the VAT breakdown with all lines: ten thousand take minutes.
MAX_VAT_ROWS = 500
_TOO_MANY_VAT_ROWS = {
    "CII": etree.XPath(
        f"count(//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax) > {MAX_VAT_ROWS}", namespaces=NAMESPACES
    ),
    "UBL": etree.XPath(f"count(//cac:TaxSubtotal) > {MAX_VAT_ROWS}", namespaces=NAMESPACES),
}
_CROWDED = "Cette facture a plus de {limit} lignes de récapitulatif de TVA (BG-23) : il en faut une par taux."

_TOO_BIG = "Ce fichier est trop gros pour une facture (20 Mo au plus)."
_EMPTY = "Ce fichier est vide."
_NO_XML = "Ce PDF ne contient pas de facture électronique (aucun fichier XML joint) : ce n’est pas un Factur-X."
_TWO = (
    "Ce PDF contient deux factures différentes, « {first} » et « {second} » : on ne peut pas savoir laquelle est due. "
    "Demandez au fournisseur un fichier qui n’en contient qu’une."
)
_TOO_LONG = "Ce fichier contient un nombre de plus de {limit} chiffres (élément « {element} ») : il n’est pas lu."
_NOT_INVOICE = "Ce fichier XML n’est pas une facture CII ou UBL (élément racine « {root} »)."


@dataclass(frozen=True)
class Source:
    """A document that passed the door. `root` is the local name of the root element, `container` pdf or xml.

    `attachment` is the name under which a PDF carries it.
    """

    tree: etree._Element
    syntax: str
    root: str
    container: str
    attachment: str = ""

    @property
    def text(self) -> str:
        """The document re-serialised: no DOCTYPE, no BOM, no entity left."""
        return etree.tostring(self.tree, encoding="unicode")


def open_invoice(content: bytes) -> Source:
    """Read a CII or UBL XML, or a PDF that embeds one. Raises InvoiceUnreadable with the reason."""
    if not content.strip():
        raise InvoiceUnreadable(_EMPTY)
    if len(content) > MAX_FILE:
        raise InvoiceUnreadable(_TOO_BIG)
    if b"%PDF-" in content[:1024]:
        return _only_invoice(embedded_xml(content, MAX_XML))
    return _source(content, "xml")


def probe(content: bytes) -> str:
    """The syntax, CII or UBL, of what `open_invoice` accepts: the quick part, to be given a short time."""
    return open_invoice(content).syntax


def _only_invoice(attached: list[tuple[str, bytes]]) -> Source:
    """The one invoice among the XML attachments; the same one twice is one. Raises InvoiceUnreadable."""
    if not attached:
        raise InvoiceUnreadable(_NO_XML)
    found: list[Source] = []
    refused: list[InvoiceUnreadable] = []
    for name, data in attached:
        try:
            found.append(_source(data, "pdf", name))
        except InvoiceUnreadable as error:
            refused.append(error)
    if not found:
        raise refused[0]
    for other in found[1:]:
        if _canonical(other) != _canonical(found[0]):
            raise InvoiceUnreadable(_TWO.format(first=found[0].attachment, second=other.attachment))
    return found[0]


def _canonical(source: Source) -> bytes:
    return etree.tostring(source.tree, method="c14n", exclusive=True)


def _source(content: bytes, container: str, attachment: str = "") -> Source:
    try:
        tree = parse_xml(content, MAX_XML)
    except XmlRefused as error:
        raise InvoiceUnreadable(error.sentence) from error
    _refuse_endless_numbers(tree)
    if tree.tag == f"{{{CII_NAMESPACE}}}CrossIndustryInvoice":
        source = Source(tree, "CII", "CrossIndustryInvoice", container, attachment)
    elif tree.tag in UBL_ROOTS:
        source = Source(tree, "UBL", UBL_ROOTS[str(tree.tag)], container, attachment)
    else:
        raise InvoiceUnreadable(_NOT_INVOICE.format(root=etree.QName(tree).localname))
    if _TOO_MANY_VAT_ROWS[source.syntax](tree):
        raise InvoiceUnreadable(_CROWDED.format(limit=MAX_VAT_ROWS))
    return source


def _refuse_endless_numbers(tree: etree._Element) -> None:
    for node in tree.iter(etree.Element):
        text = node.text or ""
        if len(text) > MAX_DIGITS and _NUMBER.fullmatch(text):
            element = etree.QName(node).localname
            raise InvoiceUnreadable(_TOO_LONG.format(limit=MAX_DIGITS, element=element))
