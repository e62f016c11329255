"""The companies paid under a contract, from their side: for which of them a person speaks, how to write to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, defer, joinedload

from procurement.candidacy import Candidacy
from procurement.contract import Contract
from procurement.errors import NotFound
from procurement.execution.parties import Party, holder_now, parties_of
from procurement.invoice_copy import InvoiceCopy
from procurement.mail import post
from procurement.people import Membership, Organisation, Person, Role, User
from procurement.subcontract import STANDING, Subcontract, standing_of

# Before its notification nobody bills a contract.
BILLED = ("notified", "in_effect", "ended")
SUBCONTRACTOR = "subcontractor"


def companies_of(db: Session, person: Person) -> list[str]:
    """The SIRETs of the companies to which this person proved to belong."""
    mine = person.organisations(Role.COMPANY)
    return list(db.scalars(select(Organisation.siret).where(Organisation.id.in_(mine)).order_by(Organisation.id)))


def spoken_for(db: Session, contract: Contract, person: Person) -> list[Party]:
    """The parties for whom this person speaks: the one whose answer it deposited, and its companies; may be none."""
    mine = set(companies_of(db, person))
    if contract.candidacy.account_id == person.id:
        mine.add(contract.candidacy.siret)
    return [party for party in paid_of(db, contract) if party.siret in mine]


def paid_of(db: Session, contract: Contract) -> list[Party]:
    """Whom the buyer pays: the parties, then the subcontractors that it pays directly."""
    return [*parties_of(db, contract), *paid_directly(db, contract)]


def paid_directly(db: Session, contract: Contract) -> list[Party]:
    """The subcontractors accepted and paid by the buyer, as parties: rows that are not kept."""
    found: dict[str, Party] = {}
    for row in (act for act in standing_of(db, contract) if act.direct_payment):
        known = found.get(row.siret)
        share = row.amount_ht + (known.share_ht or 0 if known else 0)
        found[row.siret] = Party(
            contract_id=contract.id, rank=100 + row.number, role=SUBCONTRACTOR, siret=row.siret, name=row.name,
            work=row.work[:300], share_ht=share,
        )  # fmt: skip
    return list(found.values())


def directly_by(db: Session, contract: Contract) -> dict[str, Decimal]:
    """SIRET → euros TTC that this company is not paid itself: what goes to its subcontractors that the buyer pays.

    What the first holder subcontracted is taken from whoever succeeded it too.
    """
    holders = {contract.holder_siret, holder_now(parties_of(db, contract)).siret}
    found: dict[str, Decimal] = {}
    for row in (act for act in standing_of(db, contract) if act.direct_payment):
        for siret in {row.member_siret} if row.member_siret else holders:
            found[siret] = found.get(siret, Decimal(0)) + (row.amount_ttc or row.amount_ht)
    return found


@dataclass(frozen=True)
class Side:
    """A contract from the side of a company that holds it. `sirets`: the members that this person speaks for.

    `leads`: it speaks for the holder, or the mandataire of the group, which declares for every member.
    """

    contract: Contract
    sirets: frozenset[str]
    leads: bool

    @property
    def sees(self) -> frozenset[str] | None:
        """Whose subcontractors; None: every member's."""
        return None if self.leads else self.sirets


def find_side(db: Session, ref: str, person: Person) -> Side:
    """The contract won by the candidacy `ref`, for its holder and the members of its group; NotFound for others."""
    contract = db.scalar(select(Contract).join(Contract.candidacy).where(Candidacy.ref == ref))
    if contract is None:
        raise NotFound
    mine = set(companies_of(db, person))
    parties = parties_of(db, contract)
    leads = contract.candidacy.account_id == person.id or holder_now(parties).siret in mine
    sirets = frozenset(party.siret for party in parties if party.siret in mine)
    if not leads and not sirets:
        raise NotFound
    return Side(contract, sirets, leads)


def find_billed(db: Session, ref: str, person: Person) -> tuple[Contract, list[Party]]:
    """The contract won by the candidacy `ref`, and whom this person speaks for; NotFound for anybody else."""
    query = select(Contract).join(Contract.candidacy).where(Candidacy.ref == ref, Contract.state.in_(BILLED))
    contract = db.scalar(query)
    parties = spoken_for(db, contract, person) if contract is not None else []
    if contract is None or not parties:
        raise NotFound
    return contract, parties


def billed_by(db: Session, person: Person, before: int | None, size: int) -> list[Contract]:
    """The contracts for which this person may send invoices, newest first."""
    mine = companies_of(db, person)
    named = select(Party.contract_id).where(Party.siret.in_(mine))
    paid = select(Subcontract.contract_id).where(
        Subcontract.siret.in_(mine), Subcontract.state.in_(STANDING), Subcontract.direct_payment.is_(True)
    )
    query = (
        select(Contract)
        .join(Contract.candidacy)
        .where(Contract.state.in_(BILLED))
        .where(
            or_(
                Candidacy.account_id == person.id,
                Contract.holder_siret.in_(mine),
                Contract.id.in_(named),
                Contract.id.in_(paid),
            )
        )
        .options(joinedload(Contract.consultation), joinedload(Contract.organisation), joinedload(Contract.candidacy))
        .order_by(Contract.id.desc())
    )
    return list(db.scalars(query.where(Contract.id < before).limit(size) if before else query.limit(size)))


def copies_of(
    db: Session, contract: Contract, sirets: Iterable[str], before: int | None, size: int
) -> list[InvoiceCopy]:  # fmt: skip
    """The invoices of these companies alone, newest first, without their reports."""
    query = select(InvoiceCopy).where(
        InvoiceCopy.contract_id == contract.id,
        InvoiceCopy.seller_siret.in_(list(sirets)),
        InvoiceCopy.state != "replaced",
    )
    query = query.options(defer(InvoiceCopy.report), defer(InvoiceCopy.match)).order_by(InvoiceCopy.id.desc())
    return list(db.scalars(query.where(InvoiceCopy.id < before).limit(size) if before else query.limit(size)))


def addresses_of(db: Session, contract: Contract, siret: str) -> list[str]:
    """Where to write to a party: the contact of its answer, and the proven members of the company; each once."""
    query = (
        select(User.email)
        .join(Membership, Membership.user_id == User.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Organisation.siret == siret, Membership.role == Role.COMPANY.value, Membership.ended_at.is_(None))
        .order_by(User.id)
    )
    contact = [contract.candidacy.contact_email] if contract.candidacy.siret == siret else []
    return list(dict.fromkeys(address for address in [*contact, *db.scalars(query)] if address))


TOLD = """Madame, Monsieur,

Votre facture {number}, marché {contract} : {words}.
{motive}
Le délai de paiement et la suite se lisent dans « Mes marchés », puis « Facturation ».

{buyer}
"""


def tell(db: Session, contract: Contract, copy: InvoiceCopy, words: str, motive: str, now: datetime) -> None:
    """Write to the party that sent this invoice; a company that is no party is not written to."""
    if copy.seller_siret not in {party.siret for party in paid_of(db, contract)}:
        return
    body = TOLD.format(
        number=copy.number, contract=contract.number, words=words, motive=f"Motif : {motive}\n" if motive else "",
        buyer=contract.organisation.name,
    )  # fmt: skip
    for address in addresses_of(db, contract, copy.seller_siret):
        post(
            db, to=address, subject=f"Facture {copy.number} : {words}", body=body, now=now,
            consultation_id=contract.consultation_id,
        )  # fmt: skip
