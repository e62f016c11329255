"""What an organisation's API Entreprise token may do and until when; its administrators are told in time."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from procurement.mail import post
from procurement.people import Organisation, Role, staff_of
from siret_lookup.health import Privileges
from siret_lookup.outcome import Outcome

READ_EVERY = timedelta(days=1)


def claim_token(db: Session, now: datetime) -> Organisation | None:
    """An organisation whose token was not read since a day; it is marked read, so that no other worker takes it."""
    organisation = db.scalar(
        select(Organisation)
        .where(
            Organisation.token_sealed.is_not(None),
            (Organisation.token_read_at.is_(None)) | (Organisation.token_read_at < now - READ_EVERY),
        )
        .order_by(Organisation.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if organisation is not None:
        organisation.token_read_at = now
    return organisation


def keep_rights(db: Session, organisation_id: int, found: Privileges, now: datetime) -> None:
    """Keep what was read. A refusal and each of 90, 60, 30, 15 days before the end are told once."""
    organisation = db.get_one(Organisation, organisation_id)
    organisation.token_expires_at = found.expires_at
    if found.outcome is Outcome.OBTAINED:
        organisation.token_rights = sorted(found.scopes)
    if found.outcome is Outcome.NOT_AUTHORISED:
        alert(db, organisation, "refused", REFUSED, now)
    elif found.warning_days is not None:
        days = "aujourd’hui" if not found.days_left else f"dans {found.days_left} jours"
        alert(db, organisation, f"{found.warning_days}", ENDS.format(days=days), now)
    else:
        organisation.token_alert = ""


def alert(db: Session, organisation: Organisation, reason: str, body: str, now: datetime) -> None:
    """Tell the buyer's administrators, once for each reason in a row."""
    if organisation.token_alert == reason:
        return
    organisation.token_alert = reason
    for address in staff_of(db, organisation.id, Role.ADMINISTRATOR):
        post(db, to=address, subject=f"{organisation.name} : jeton d’API Entreprise", body=body, now=now)


def forget_token_state(organisation: Organisation) -> None:
    """A new token: what was known of the old one is no longer true."""
    organisation.token_read_at = organisation.token_expires_at = organisation.token_rights = None
    organisation.token_alert = ""


REFUSED = """Bonjour,

API Entreprise refuse le jeton de votre organisation, ou l’un de ses droits : des pièces protégées des candidats ne
peuvent plus être obtenues. Ce n’est jamais de la faute d’un candidat.

Demandez un nouveau jeton, puis collez-le sur la page « Administration » de votre organisation.

mps
"""
ENDS = """Bonjour,

Le jeton d’API Entreprise de votre organisation se termine {days}. Sans nouveau jeton, les pièces protégées des
candidats ne pourront plus être obtenues.

Demandez-en un autre dès maintenant, puis collez-le sur la page « Administration » de votre organisation.

mps
"""
