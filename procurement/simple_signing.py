"""Simple signature: a code mailed to the account's verified address, given back on a page that shows the act.

For contracts that need no written form (R2112-1) and whose buyer asks for no certificate. It never meets the arrêté of
22 March 2019, and nothing here says so.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from dce_templates.french import number
from procurement.act import Act, fresh
from procurement.base import Base
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import record
from procurement.mail import post
from procurement.people import Person
from procurement.rules import rule_table
from procurement.signers import Signer, is_party, signers_of
from procurement.signing import Version, complete, mark_signed, may_sign, same_version

LIFE = timedelta(minutes=10)
TRIES = 5
NOT_ALIVE = "Ce code ne vaut plus : il a servi, a plus de dix minutes, ou l’acte a changé. Demandez-en un autre."
MAIL = """Bonjour,

Votre code pour signer le marché {contract.number} « {consultation.object} » : {code}

Il sert une fois, dans les dix minutes, sur la page où vous l’avez demandé. Le donner vaut signature simple de
l’{name}, d’empreinte SHA-256 {sha256}. Si vous n’avez rien demandé, ne le donnez à personne.

{contract.organisation.name}
"""


class SigningCode(Base):
    """The one code of a signer that may be given back: for one version of the act, `sha256`. Only its hash is kept."""

    __tablename__ = "signing_code"

    signer_id: Mapped[int] = mapped_column(ForeignKey("signer.id"), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    code_hash: Mapped[str] = mapped_column(String(200))
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    def alive(self, sha256: str, now: datetime) -> bool:
        return self.used_at is None and self.tries < TRIES and now < self.expires_at and self.sha256 == sha256


def may_sign_simply(db: Session, signer: Signer) -> None:
    """Raises Refused where this contract is not signed by a code: its amount, its buyer, another's certificate."""
    act = signer.act
    needs_writing(act)
    if act.certificate_required:
        raise Refused("L’acheteur demande pour ce marché une signature avec un certificat.", "R2182-3")
    if any(other.state == "signed" and other.way != "code" for other in signers_of(db, act)):
        raise Refused("Une autre entreprise a signé avec un certificat : le cachet du service ne s’y ajoute pas.")


def needs_writing(act: Act) -> None:
    """Raises Refused from the threshold of R2112-1 on: the estimated need counts, and the amount beside it."""
    contract = act.contract
    dossier = contract.consultation.dossier
    figure = rule_table().in_force(date.fromisoformat(str(dossier["launched_on"]))).figures.get("written_contract")
    worth = max(contract.amount, act.amount, Decimal(str(dossier.get("estimated_amount") or 0)))
    if figure is not None and worth < figure.value:
        return
    limit = f"{number(figure.value)}\u00a0€ HT" if figure else "le seuil de l’écrit"
    raise Refused(
        f"Ce marché, ou le besoin estimé, atteint {limit} : il est conclu par écrit et se signe avec un certificat, ou "
        "à la main.",
        figure.origin.article if figure else "R2112-1",
    )


def ask_code(db: Session, signer: Signer, person: Person, code: str, code_hash: str, now: datetime) -> SigningCode:
    """Mail a code for the act as it is now; the one before is worth nothing any more."""
    act = signer.act
    fresh(db, act)
    db.refresh(signer)
    _check(db, signer, person, now)
    contract = act.contract
    row = code_of(db, signer) or SigningCode(signer_id=signer.id)
    row.account_id, row.sha256, row.code_hash = person.id, act.sha256, code_hash
    row.tries, row.asked_at, row.expires_at, row.used_at = 0, now, now + LIFE, None
    db.add(row)
    body = MAIL.format(
        contract=contract, consultation=contract.consultation, name=act.name, code=code, sha256=row.sha256
    )
    post(db, to=person.email, subject=f"Votre code pour signer le marché {contract.number}", body=body, now=now)
    record(db, contract.consultation, "signer.code_sent", signer.ref, f"account:{person.id}", now, sha256=row.sha256)
    return row


def code_of(db: Session, signer: Signer) -> SigningCode | None:
    return db.scalar(select(SigningCode).where(SigningCode.signer_id == signer.id))


def try_code(
    db: Session, signer: Signer, person: Person, code: str, holds: Callable[[str, str], bool], now: datetime
) -> str:
    """ "" when it is the right code, still to be used by `keep_simple`, else one sentence. `holds(hash, code)`.

    A wrong try is counted, so the caller commits whatever comes back.
    """
    fresh(db, signer.act)
    db.refresh(signer)
    _check(db, signer, person, now)
    row = code_of(db, signer)
    if row is None or row.account_id != person.id or not row.alive(signer.act.sha256, now):
        return NOT_ALIVE
    if holds(row.code_hash, "".join(code.split())):
        return ""
    row.tries += 1
    left = TRIES - row.tries
    return f"Ce n’est pas le code reçu ; essais restants : {left}." if left else (
        "Ce n’est pas le code reçu, et c’était le dernier essai : demandez un autre code."
    )  # fmt: skip


def keep_simple(
    db: Session,
    signer: Signer,
    *,
    before: bytes,
    sealed: bytes,
    kept: Version,
    report: dict[str, Any],
    evidence: dict[str, Any],
    evidence_sha256: str,
    person: Person,
    now: datetime,
) -> None:
    """Keep one simple signature: the act with the service's seal, and what proves who gave the code, beside it."""
    act = signer.act
    fresh(db, act)
    db.refresh(signer)
    _check(db, signer, person, now)
    row = code_of(db, signer)
    if row is None or row.account_id != person.id or not row.alive(act.sha256, now):
        raise Invalid({"code": NOT_ALIVE})
    same_version(signer, before, sealed)
    row.used_at = now
    signer.person, signer.evidence = person.name[:300], evidence
    mark_signed(db, signer, "code", kept.sha256, f"account:{person.id}", now, evidence=evidence_sha256)
    act.signed_key, act.signed_sha256, act.signature_report = kept.key, kept.sha256, report
    complete(db, act, f"account:{person.id}", now)


def _check(db: Session, signer: Signer, person: Person, now: datetime) -> None:
    if not is_party(signer, person):
        raise NotFound
    if not person.verified:
        raise Refused("Confirmez d’abord votre adresse électronique.")
    may_sign(db, signer, person, now)
    may_sign_simply(db, signer)
