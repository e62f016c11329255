"""Proof that a person belongs to a company. It opens the company's own protected pieces (CRPA L114-8), nothing else:
never a condition of a deposit.

Whoever gives a proof, the members already proven are told, see each other, and may end it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from procurement.errors import Invalid, NotFound, Refused
from procurement.mail import post
from procurement.people import Membership, Organisation, Person, Role, User, attach

# People leave companies: a proof is given again after a year.
PROOF_LIFE = timedelta(days=365)
# How belonging was proven → how it is said.
WAYS: Mapping[str, str] = {
    "proconnect": "ProConnect",
    "letter": "code posté au siège",
    "administrator": "administrateur, sur pièce",
}

MAIL = """Bonjour,

{name} ({email}) est désormais membre de {company} (SIRET {siret}) sur mps.
Preuve : {evidence}
Donnée par : {by}

Si cette personne ne fait pas partie de l’entreprise, mettez-y fin dans « Mon compte », « Appartenance ».

mps
"""


@dataclass(frozen=True)
class Proof:
    """What was shown: `way` is a key of WAYS, `evidence` one French sentence, `by` who vouches for it."""

    way: str
    evidence: str
    by: str


def company_of(db: Session, siret: str, name: str, now: datetime, sandbox: bool = False) -> Organisation | None:
    """The company of this SIRET, added if absent; None where the SIRET is a public buyer's."""
    found = _organisation(db, siret)
    if found is None:
        fresh = Organisation(name=name.strip()[:200] or siret, siret=siret, kind="company", created_at=now)
        fresh.sandbox = sandbox
        try:
            with db.begin_nested():
                db.add(fresh)
            found = fresh
        except IntegrityError:  # another sign-in of the same company came first
            found = _organisation(db, siret)
    return found if found is not None and found.kind == "company" else None


def is_buyer(db: Session, siret: str) -> bool:
    found = _organisation(db, siret)
    return found is not None and found.kind == "buyer"


def _organisation(db: Session, siret: str) -> Organisation | None:
    return db.scalar(select(Organisation).where(Organisation.siret == siret))


def prove(db: Session, user: User, company: Organisation, proof: Proof, now: datetime) -> Membership:
    """Keep the proof for a year; given again, it is renewed. Members already proven get a mail, once per proof."""
    if proof.way not in WAYS:
        raise ValueError(proof.way)
    db.refresh(user, with_for_update=True)
    others = [m for m in members_of(db, company, now) if m.user_id != user.id]
    before = proof_of(db, user.id, company.siret, now)
    membership = attach(
        db, user, company, Role.COMPANY, evidence=proof.evidence[:500], granted_by=proof.by[:254], now=now
    )
    if proof.way == "administrator" and membership.ended_at is not None:
        raise Refused(
            "Un membre de l’entreprise a mis fin à ce rattachement : seuls ProConnect ou un code posté au siège le "
            "rétablissent."
        )
    membership.evidence, membership.granted_by = proof.evidence[:500], proof.by[:254]
    membership.way, membership.proven_at, membership.proven_until = proof.way, now, now + PROOF_LIFE
    membership.ended_at, membership.ended_by = None, ""
    db.flush()
    if before is None:
        _tell(db, user, company, proof, others, now)
    return membership


def _tell(
    db: Session, user: User, company: Organisation, proof: Proof, others: list[Membership], now: datetime
) -> None:
    for member in others:
        body = MAIL.format(
            name=user.name, email=user.email, company=company.name, siret=company.siret, evidence=proof.evidence,
            by=proof.by,
        )  # fmt: skip
        post(db, to=member.user.email, subject=f"{company.name} : une personne est rattachée", body=body, now=now)


def proof_of(db: Session, user_id: int, siret: str, now: datetime) -> Membership | None:
    """The proof that holds at `now`, None where belonging is only declared."""
    query = _holding(now).where(Membership.user_id == user_id, Organisation.siret == siret)
    return db.scalar(query)


def members_of(db: Session, company: Organisation, now: datetime) -> list[Membership]:
    """Everyone whose belonging is proven at `now`, the first proven first."""
    query = _holding(now).where(Membership.organisation_id == company.id)
    return list(db.scalars(query.options(joinedload(Membership.user)).order_by(Membership.id)))


def proofs_of(db: Session, user_id: int, now: datetime) -> list[Membership]:
    """One person's proofs that hold at `now`, with their companies."""
    query = _holding(now).where(Membership.user_id == user_id).options(joinedload(Membership.organisation))
    return list(db.scalars(query.order_by(Membership.id)))


def _holding(now: datetime) -> Select[Membership]:
    return (
        select(Membership)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(
            Membership.role == Role.COMPANY.value,
            Membership.ended_at.is_(None),
            Membership.proven_until.is_(None) | (Membership.proven_until > now),
        )
    )


def proven(now: datetime) -> Select[int, str]:
    """(user_id, siret) of every proof that holds at `now`, to be joined with."""
    return _holding(now).with_only_columns(Membership.user_id, Organisation.siret)


def company_seen_by(db: Session, ref: str, person: Person, now: datetime) -> Organisation:
    """The company, for its proven members only; NotFound for anyone else."""
    company = db.scalar(select(Organisation).where(Organisation.ref == ref, Organisation.kind == "company"))
    if company is None or proof_of(db, person.id, company.siret, now) is None:
        raise NotFound
    return company


def end(db: Session, company: Organisation, user_ref: str, by: Person, now: datetime) -> None:
    """A proven member ends a proof, its own or another's; its trace stays. A second click finds nothing to end."""
    for member in members_of(db, company, now):
        if member.user.ref == user_ref:
            member.ended_at, member.ended_by = now, by.email
            body = f"Bonjour,\n\n{by.name} ({by.email}) a mis fin à votre rattachement à {company.name}.\n\nmps\n"
            post(db, to=member.user.email, subject=f"{company.name} : rattachement terminé", body=body, now=now)
    db.flush()


def attach_on_paper(
    db: Session, user: User, company: Organisation, evidence: str, by: Person, now: datetime
) -> Membership:
    """An administrator saw a paper; never for oneself. A proof that holds is left as it is."""
    if user.id == by.id:
        raise Invalid({"email": "Un administrateur ne se rattache pas lui-même : demandez à un collègue."})
    held = proof_of(db, user.id, company.siret, now)
    return held or prove(db, user, company, Proof("administrator", evidence, by.email), now)
