"""What those who answer a consultation are told of it by mail: their own accounts' addresses, nobody else's."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.context import Context
from api.render import french_time
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.mail import post


def tell(db: Session, consultation: Consultation, subject: str, sentence: str, now: datetime) -> None:
    """One message each to whoever answers, or started to; the officer is never shown them before the opening."""
    named = f"{consultation.number} « {consultation.object} »"
    body = f"Bonjour,\n\n{named}\n\n{sentence}\n\n{consultation.organisation.name}\n"
    query = select(Candidacy.contact_email).where(
        Candidacy.consultation_id == consultation.id, Candidacy.state.in_(("draft", "submitted"))
    )
    for address in sorted(set(db.scalars(query))):
        title = f"{consultation.number} – {subject}"
        post(db, to=address, subject=title, body=body, now=now, consultation_id=consultation.id)


def tell_extension(db: Session, ctx: Context, consultation: Consultation, now: datetime) -> None:
    """The new date, and that the documents in force are others."""
    until = french_time(consultation.deadline)
    page = f"{ctx.settings.public_url.rstrip('/')}/consultations/{consultation.ref}"
    sentence = f"La date limite est reportée au {until}.\n\n"
    if consultation.modified_at == now:
        sentence += (
            f"Le dossier est modifié : sa version {consultation.dce_version} remplace la précédente.\n{page}\n\n"
        )
    sentence += "Une réponse déjà déposée reste valable. Vous pouvez la remplacer jusqu’à cette date."
    tell(db, consultation, "délai prolongé, dossier modifié", sentence, now)
