"""The one adapter over pypdf: the invoice embedded in a Factur-X (or ZUGFeRD, XRechnung) PDF.

`facturx.get_xml_from_pdf` is not used: it parses each attachment with a parser that is not hardened. pypdf caps what
a compressed stream may unfold to.
"""

import logging
import time
from collections.abc import Iterator
from io import BytesIO

from pypdf import Configuration, PdfReader, apply_configuration

from procurement.invoicing.invoice import InvoiceUnreadable

MAX_ATTACHMENTS = 100
# Each stream that is read: an invoice's XML is smaller, and unfolding more, row by row, takes half a minute.
MAX_STREAM = 12 * 1024 * 1024
_LIMITS = Configuration(
    zlib_maximum_output_length=MAX_STREAM,
    lzw_maximum_output_length=MAX_STREAM,
    run_length_maximum_output_length=MAX_STREAM,
)
# Seconds for all attachments, looked at between two of them.
MAX_SECONDS = 3.0
# What is wrong with a PDF is said in French by the exception; pypdf would say it again on the standard error.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)
_FIRST = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "order-x.xml")
_GARBAGE = "Ce PDF est abîmé ou incomplet : il ne peut pas être lu. Demandez à nouveau le fichier au fournisseur."
_LOCKED = "Ce PDF est protégé par un mot de passe : la facture qu’il contient ne peut pas être lue."
_CROWDED = "Ce PDF contient trop de pièces jointes pour être une facture."
_SLOW = "Les pièces jointes de ce PDF prennent trop de temps à lire : ce n’est pas une facture ordinaire."


def embedded_xml(content: bytes, max_bytes: int) -> list[tuple[str, bytes]]:
    """The XML attachments of a PDF as (name, content), the standard file names first; empty where there is none.

    Raises InvoiceUnreadable for a damaged, locked or overcrowded PDF, or an attachment over `max_bytes`.
    """
    try:
        with apply_configuration(_LIMITS):
            found = sorted(_attachments(content, max_bytes), key=_rank)
    except InvoiceUnreadable:
        raise
    except Exception as error:  # pypdf raises many kinds on hostile files; all mean the same to the reader
        raise InvoiceUnreadable(_GARBAGE) from error
    return found


def _rank(item: tuple[str, bytes]) -> int:
    return _FIRST.index(item[0]) if item[0] in _FIRST else len(_FIRST)


def _attachments(content: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    until = time.monotonic() + MAX_SECONDS
    reader = PdfReader(BytesIO(content))
    # Encrypted without a password, as some printers do, it opens for anyone.
    if reader.is_encrypted and not reader.decrypt(""):
        raise InvoiceUnreadable(_LOCKED)
    if not len(reader.pages):
        raise InvoiceUnreadable(_GARBAGE)
    for number, attachment in enumerate(reader.attachment_list):
        if number >= MAX_ATTACHMENTS:
            raise InvoiceUnreadable(_CROWDED)
        name = str(attachment.name).lower()
        if not name.endswith(".xml"):
            continue
        if time.monotonic() > until:
            raise InvoiceUnreadable(_SLOW)
        data = bytes(attachment.content)
        if len(data) > max_bytes:
            raise InvoiceUnreadable("Le fichier XML joint à ce PDF est trop gros pour une facture.")
        yield name, data
