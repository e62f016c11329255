"""What is decided by two persons: an invoice above the buyer's threshold, and one whose account is not sure.

Each buyer says its threshold; who changed it is kept, and told.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from dce_templates.french import euros
from procurement.invoice_copy import InvoiceCopy
from procurement.mail import post
from procurement.people import Organisation, Person, Role, hold_buyer, staff_of

UNSURE = "COORD_BANC_ERR"


def wants_two(buyer: Organisation, copy: InvoiceCopy) -> bool:
    """An amount that nobody knows may be above any threshold; an account that is not sure has none."""
    above, amount = buyer.second_above, copy.admitted_ttc
    return is_account_unsure(copy) or (above is not None and (amount is None or abs(amount) > above))


def is_account_unsure(copy: InvoiceCopy) -> bool:
    """Was a call-back asked for, or another payee found, when the invoice was last compared with its contract?"""
    findings = (copy.match or {}).get("findings", [])
    return any(one["reason_code"] == UNSURE and one["effect"] == "hold" for one in findings)


def set_threshold(db: Session, buyer: Organisation, value: Decimal | None, person: Person, now: datetime) -> None:
    """`value` in euros TTC, None: one person decides whatever the amount. Those whom it concerns are written to."""
    buyer = hold_buyer(db, buyer.id)
    before = buyer.second_above
    if value == before:
        return
    buyer.second_above, buyer.second_above_by, buyer.second_above_at = value, person.email, now
    body = TOLD.format(person=person, buyer=buyer, before=_said(before), after=_said(value))
    for address in staff_of(db, buyer.id, Role.FINANCE, Role.ADMINISTRATOR):
        post(db, to=address, subject="Factures décidées à deux : le seuil change", body=body, now=now)


def _said(value: Decimal | None) -> str:
    return "aucun seuil, une seule personne suffit" if value is None else f"à deux au-dessus de {euros(value)} TTC"


TOLD = """Madame, Monsieur,

{person.name} ({person.email}) a changé le seuil des factures décidées à deux de {buyer.name}.

Avant : {before}.
Maintenant : {after}.

Si ce changement vous surprend, parlez-en à votre administrateur.
"""
