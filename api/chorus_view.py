"""What an invoice's page shows of Chorus Pro: where it stands there, what is still to be told."""

from typing import Any

from procurement.chorus_status import CDAR, WORDS
from procurement.invoice_copy import InvoiceCopy


def portal_view(copy: InvoiceCopy) -> dict[str, Any] | None:
    """None for a copy that does not come from the portal."""
    if not copy.portal_id:
        return None
    return {
        "status": WORDS.get(copy.portal_status, copy.portal_status),
        "wanted": WORDS.get(copy.portal_wanted, copy.portal_wanted) or "rien pour l’instant",
        "progress": _progress(copy),
        "cdar": CDAR.get(copy.portal_status, "–"),
        "trouble": "Chorus Pro refuse ce statut"
        if copy.portal_due_at is None
        else "Chorus Pro n’a pas encore ce statut",
    }


def _progress(copy: InvoiceCopy) -> str:
    if not copy.portal_wanted:
        return "Votre décision y sera transmise."
    if copy.portal_status == copy.portal_wanted:
        return "Transmis."
    if copy.portal_due_at is None:
        return "Refusé par le portail : la décision reste gardée ici."
    return "En attente de transmission."
