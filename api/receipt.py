"""The receipt of a deposit: five legal items (arrêté of 22 March 2019, ECOM1831552A, art. 2-II), in words.

api/receipt_pdf.py draws it in a worker process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTE = (
    "Récépissé établi selon l’article 2-II de l’arrêté du 22 mars 2019 (ECOM1831552A) : déposant, acheteur, "
    "intitulé et objet, date et heure, liste des documents. Chaque empreinte se recalcule sur votre fichier ; si elle "
    "est la même, c’est bien ce fichier qui a été reçu. Les fichiers sont scellés jusqu’à l’ouverture des plis."
)
SEALED = (
    "Ce fichier porte le cachet du service, qui prouve son origine et son intégrité et ne vaut pas signature : la page "
    "/verifier le lit."
)
KINDS = {"candidacy": "Candidature", "offer": "Offre"}


@dataclass(frozen=True)
class ReceiptFile:
    """One received document; sha256 and size (bytes) are of the clear file."""

    number: str
    kind: str
    name: str
    size: str
    sha256: str
    received_at: str


@dataclass(frozen=True)
class Receipt:
    """What the paper says, in words; lists are (label, value)."""

    title: str
    reference: str
    buyer: str
    offer: str
    depositor: list[tuple[str, str]]
    consultation: list[tuple[str, str]]
    time: list[tuple[str, str]]
    files: list[ReceiptFile]
    snapshot_sha256: str
    note: str = NOTE


def offer_sentence(snapshot: Mapping[str, Any], offers_here: bool, elsewhere: str) -> str:
    """In so many words: the OFFER is, or is not, received here."""
    files = sum(1 for f in snapshot["files"] if f["kind"] == "offer")
    if files:
        amount = ", et son montant" if snapshot["amount_sealed"] else ""
        return f"L’OFFRE EST REÇUE ICI : {files} fichier{'s' if files > 1 else ''} d’offre{amount}."
    if not offers_here:
        return f"L’OFFRE N’EST PAS REÇUE ICI : elle se dépose à cette adresse : {elsewhere}"
    if snapshot["amount_sealed"]:
        return "L’OFFRE N’EST PAS REÇUE ICI EN ENTIER : un montant est déposé, mais aucun fichier d’offre."
    return "L’OFFRE N’EST PAS REÇUE ICI : seule la candidature est déposée."


def late_sentence(deadline: str) -> str:
    """What a late deposit is worth (R2143-2 and R2151-5 eliminate it), before anything else on the paper."""
    return (
        f"REÇUE HORS DÉLAI, NON OUVERTE : la date limite était le {deadline}. Cette réponse est conservée scellée ; "
        "elle ne sera ni ouverte ni examinée (articles R2143-2 et R2151-5 du code de la commande publique)."
    )
