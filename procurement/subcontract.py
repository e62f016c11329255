"""A subcontract act (acte spécial, DC4): declared by the holder or the buyer, accepted by signature or by silence.

CCP L2193-1 to L2193-14, R2193-1 to R2193-22. Delays and thresholds are rows of procurement/rules.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from dce_templates.french import euros
from procurement.act import Act, withdraw_act
from procurement.base import Base, HasRef
from procurement.contract import SIGNED, Contract, fresh, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.execution.parties import parties_of
from procurement.mail import post
from procurement.people import Person, Role
from procurement.rules import rule_table
from procurement.signers import signers_of
from procurement.subcontract_letters import ACCEPTED, CHANGE_ACCEPTED, CHANGED, DECLARED, REFUSED

MOVES: Mapping[str, frozenset[str]] = {
    "declared": frozenset({"accepted", "refused", "withdrawn"}),
    "accepted": frozenset({"ended", "replaced"}),
    "refused": frozenset(),
    "withdrawn": frozenset(),
    "ended": frozenset(),
    "replaced": frozenset(),
}
# Without effect, then or ever.
CLOSED = ("refused", "withdrawn")
# What takes its part of the contract's amount: declared, until the buyer answers.
ENGAGED = ("declared", "accepted", "ended")
# What was accepted once stays so for open data and for what it may be paid.
ONCE_ACCEPTED = ("accepted", "ended", "replaced")
# The one of each subcontractor's acts that says what it may be paid.
STANDING = ("accepted", "ended")
PRICE_CHANGES = ("Ferme", "Actualisable", "Révisable")
# As the essential data number them: two digits.
MOST = 99


class Subcontract(HasRef, Base):
    """One subcontractor of one contract, by one act. Amounts in euros, at most; `number` counts from 1.

    `member_siret`: the member of the group that subcontracts, "" for the holder. `amount_ttc` is null where the holder
    owes the VAT (`reverse_charge`: building works). `direct_payment`: by the buyer (R2193-10). `email`: where the
    subcontractor is asked to sign too, "" where it is not. `replaces`: the act that this one modifies: once accepted it
    stands in its place, the former stays readable.
    """

    __tablename__ = "subcontract"
    __table_args__ = (UniqueConstraint("contract_id", "number"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    number: Mapped[int]
    siret: Mapped[str] = mapped_column(String(14))
    name: Mapped[str] = mapped_column(String(300))
    email: Mapped[str] = mapped_column(String(254), default="")
    work: Mapped[str] = mapped_column(Text)
    amount_ht: Mapped[Decimal]
    amount_ttc: Mapped[Decimal | None]
    reverse_charge: Mapped[bool] = mapped_column(default=False)
    months: Mapped[int]
    price_change: Mapped[str] = mapped_column(String(20))
    direct_payment: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20), default="declared", index=True)
    declared_at: Mapped[datetime]
    declared_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[datetime | None]
    accepted_on: Mapped[date | None] = mapped_column(Date)
    notified_on: Mapped[date | None] = mapped_column(Date)
    published_at: Mapped[datetime | None]
    member_siret: Mapped[str] = mapped_column(String(14), default="")
    key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    act_id: Mapped[int | None] = mapped_column(ForeignKey("act.id"), index=True)
    motive: Mapped[str] = mapped_column(String(1000), default="")
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("subcontract.id"), index=True)
    contract: Mapped[Contract] = relationship()
    act: Mapped[Act | None] = relationship()
    replaces: Mapped["Subcontract | None"] = relationship(remote_side="Subcontract.id")

    @property
    def first(self) -> "Subcontract":
        """The act that this one modifies, through every modification; itself where it modifies none."""
        return self.replaces.first if self.replaces else self


WHOLE = (joinedload(Subcontract.act), joinedload(Subcontract.replaces))


@dataclass(frozen=True)
class Declared:
    """What is said of a subcontractor; `siret` is checked already. Amounts are euros HT, at most.

    `member`: SIRET of the member of the group that subcontracts, "" for the holder.
    """

    siret: str
    name: str
    work: str
    amount_ht: Decimal
    months: int
    price_change: str
    reverse_charge: bool = False
    email: str = ""
    member: str = ""


def vat_rate(contract: Contract) -> Decimal:
    """0.20 for « 20 »."""
    return Decimal(contract.vat_rate) / 100


def with_vat(contract: Contract, amount_ht: Decimal) -> Decimal:
    """In euros and cents."""
    return (amount_ht * (1 + vat_rate(contract))).quantize(Decimal("0.01"))


def paid_directly(contract: Contract, amount_ht: Decimal, day: date) -> bool:
    """From the threshold of R2193-10, said including VAT whoever owes it; nobody may renounce it (L2193-11)."""
    figure = rule_table().in_force(day).figures.get("direct_payment")
    return figure is None or with_vat(contract, amount_ht) >= figure.value


def open_to_subcontracts(contract: Contract) -> None:
    """Raises Refused before the contract is signed: until then a subcontractor is declared with the offer."""
    if contract.state not in SIGNED:
        raise Refused("Un sous-traitant se déclare ici une fois le marché signé.", "R2193-3")


def engaged(db: Session, contract: Contract) -> Decimal:
    """Euros HT of the subcontracts declared or accepted; of one being modified, the greater of its two amounts."""
    query = select(Subcontract).where(Subcontract.contract_id == contract.id, Subcontract.state.in_(ENGAGED))
    rows = {row.id: row for row in db.scalars(query)}
    twice = [(row, rows[row.replaces_id]) for row in rows.values() if row.replaces_id in rows]
    total = sum((row.amount_ht for row in rows.values()), Decimal(0))
    return total - sum((min(new.amount_ht, old.amount_ht) for new, old in twice), Decimal(0))


def accepted_of(db: Session, contract: Contract) -> list[Subcontract]:
    """Those accepted, whatever became of them since, in the order of their numbers."""
    query = select(Subcontract).where(Subcontract.contract_id == contract.id, Subcontract.state.in_(ONCE_ACCEPTED))
    return list(db.scalars(query.order_by(Subcontract.number)))


def standing_of(db: Session, contract: Contract) -> list[Subcontract]:
    """Those that say what may be paid, in the order of their numbers."""
    return [row for row in accepted_of(db, contract) if row.state in STANDING]


def modification_of(db: Session, row: Subcontract) -> Subcontract | None:
    """The modification that waits for an answer or was accepted."""
    query = select(Subcontract).where(Subcontract.replaces_id == row.id, Subcontract.state.not_in(CLOSED))
    return db.scalar(query)


def open_to_modification(db: Session, row: Subcontract) -> None:
    """Raises Refused unless it is accepted and nothing else modifies it."""
    if row.state != "accepted":
        raise Refused("Seule une sous-traitance acceptée et en cours se modifie.", "R2193-4")
    if modification_of(db, row) is not None:
        raise Refused("Une modification de cette sous-traitance attend déjà une réponse.")


def check_declaration(db: Session, contract: Contract, said: Declared, replaces: Subcontract | None = None) -> None:
    """Raises Invalid field by field, Refused where this contract has no room for subcontracts now.

    `replaces`: the act that is modified; its amount gives way to the new one.
    """
    open_to_subcontracts(contract)
    if replaces is not None:
        open_to_modification(db, replaces)
    given_back = replaces.amount_ht if replaces else Decimal(0)
    wrong = {}
    members = {party.siret for party in parties_of(db, contract) if party.ended_on is None}
    if said.member and said.member not in members:
        wrong["member"] = "Choisissez un membre du groupement."
    if said.member and said.siret[:9] == said.member[:9]:
        wrong["siret"] = "C’est le membre qui sous-traite : un sous-traitant est une autre entreprise."
    if said.siret[:9] == contract.holder_siret[:9]:
        wrong["siret"] = "C’est le titulaire lui-même : un sous-traitant est une autre entreprise."
    if not said.name.strip():
        wrong["name"] = "Donnez le nom du sous-traitant."
    if not said.work.strip():
        wrong["work"] = "Dites ce qui est sous-traité : une phrase suffit."
    if not 1 <= said.months <= 360:
        wrong["months"] = "La durée va de 1 à 360 mois."
    if said.price_change not in PRICE_CHANGES:
        wrong["price_change"] = "Dites si le prix est ferme, actualisable ou révisable."
    if problem := _amount_problem(contract, said.amount_ht, engaged(db, contract) - given_back):
        wrong["amount_ht"] = problem
    if wrong:
        raise Invalid(wrong)


def _amount_problem(contract: Contract, amount: Decimal, already: Decimal) -> str:
    """L2193-3: a part of the contract is subcontracted, never more than the contract."""
    if amount >= contract.amount_now:
        return f"Le montant sous-traité atteint celui du marché, {euros(contract.amount_now)} HT."
    if amount <= 0 or amount != amount.quantize(Decimal("0.01")):
        return "Le montant est positif, en euros et centimes."
    if already + amount > contract.amount_now:
        return (
            f"Avec {euros(already)} HT déjà sous-traités, ce montant dépasse celui du marché, "
            f"{euros(contract.amount_now)} HT."
        )
    return ""


def next_number(db: Session, contract: Contract) -> int:
    """Per contract, from 1. Raises Refused after the ninety-ninth."""
    last = db.scalar(select(func.max(Subcontract.number)).where(Subcontract.contract_id == contract.id)) or 0
    if last >= MOST:
        raise Refused(
            f"Ce marché a déjà {MOST} déclarations de sous-traitance : c’est le plus que le service numérote."
        )
    return last + 1


def declare(
    db: Session, contract: Contract, said: Declared, number: int, key: str, sha256: str, actor: str, now: datetime,
    replaces: Subcontract | None = None,
) -> Subcontract:  # fmt: skip
    """Keep one declaration with its document, written for that `number`. Raises Invalid, Refused."""
    fresh(db, contract)
    if replaces is not None:
        db.refresh(replaces)
    check_declaration(db, contract, said, replaces)
    if number != next_number(db, contract):
        raise Refused("Une autre déclaration vient d’être enregistrée : recommencez.")
    row = Subcontract(
        contract=contract,
        number=number,
        siret=said.siret,
        name=said.name.strip()[:300],
        email=said.email.lower(),
        work=said.work.strip(),
        amount_ht=said.amount_ht,
        amount_ttc=None if said.reverse_charge else with_vat(contract, said.amount_ht),
        reverse_charge=said.reverse_charge,
        months=said.months,
        price_change=said.price_change,
        direct_payment=paid_directly(contract, said.amount_ht, paris_day(now)),
        declared_at=now,
        declared_by=actor,
        member_siret="" if said.member == contract.holder_siret else said.member,
        key=key,
        sha256=sha256,
        replaces=replaces,
    )
    db.add(row)
    db.flush()
    record(
        db, contract.consultation, "subcontract.declared", row.ref, actor, now,
        number=number, siret=row.siret, amount_ht=f"{row.amount_ht:.2f}", sha256=sha256,
        **({"replaces": replaces.number} if replaces else {}),
    )  # fmt: skip
    _write(db, row, [contract.candidacy.contact_email], "à signer", CHANGED if replaces else DECLARED, now)
    return row


def accept_signed(db: Session, act: Act, actor: str, now: datetime, signers: list[str]) -> None:
    """The buyer's signature accepts the subcontractor and its terms of payment (R2193-4).

    A signature that comes after silence did changes nothing.
    """
    row = db.scalars(select(Subcontract).where(Subcontract.act_id == act.id)).one()
    if row.state == "declared":
        accept(db, row, paris_day(now), "signature", actor, now)


def accept(db: Session, row: Subcontract, day: date, by: str, actor: str, now: datetime) -> None:
    """From that day; what it modifies gives way. `by`: signature or silence."""
    move(db, row.contract.consultation, row, "accepted", actor, now, on=day.isoformat(), by=by)
    row.decided_at, row.accepted_on, row.notified_on = now, day, paris_day(now)
    if row.replaces is not None:
        move(db, row.contract.consultation, row.replaces, "replaced", actor, now, by=row.number)
    letter = CHANGE_ACCEPTED if row.replaces else ACCEPTED
    _write(db, row, [row.contract.candidacy.contact_email, row.email], "accepté", letter, now)


def refuse_subcontract(db: Session, row: Subcontract, motive: str, person: Person, now: datetime) -> None:
    """The buyer says no, and why, before silence accepts (R2193-4). Raises Invalid, Refused."""
    _fresh(db, row)
    if not person.has(Role.OFFICER, row.contract.organisation_id):
        raise NotFound
    not_silent(db, row, now)
    if not motive.strip():
        raise Invalid({"motive": "Donnez le motif du refus : une phrase suffit, le titulaire la lira."})
    row.motive, row.decided_at = motive.strip()[:1000], now
    move(db, row.contract.consultation, row, "refused", person.email, now, motive=row.motive)
    _close(db, row, person.email, now)
    _write(db, row, [row.contract.candidacy.contact_email, row.email], "refusé", REFUSED, now)


def withdraw_subcontract(db: Session, row: Subcontract, actor: str, now: datetime) -> None:
    """Whoever declared takes it back while nothing is decided: an account of the holder, or the buyer."""
    _fresh(db, row)
    if row.declared_by.startswith("account:") != actor.startswith("account:"):
        raise Refused("Qui a déclaré ce sous-traitant retire sa déclaration ; l’autre partie peut la refuser.")
    not_silent(db, row, now)
    move(db, row.contract.consultation, row, "withdrawn", actor, now)
    row.decided_at = now
    _close(db, row, actor, now)


def end_subcontract(db: Session, row: Subcontract, person: Person, now: datetime) -> None:
    """The subcontracted work is over. Raises Refused while a modification waits for an answer."""
    _fresh(db, row)
    if modification_of(db, row) is not None:
        raise Refused("Une modification de cette sous-traitance attend une réponse : elle ne se termine pas encore.")
    move(db, row.contract.consultation, row, "ended", person.email, now)


def _fresh(db: Session, row: Subcontract) -> None:
    fresh(db, row.contract)
    db.refresh(row)


def _close(db: Session, row: Subcontract, actor: str, now: datetime) -> None:
    """Its act is not signed any more."""
    if row.act is not None and row.act.state == "awaiting_signature":
        withdraw_act(db, row.act, actor, now)


def received_on(db: Session, row: Subcontract) -> date | None:
    """The day when the buyer received the whole act: every company had signed it; None while one has not."""
    companies = signers_of(db, row.act) if row.act is not None else []
    moments = [s.signed_at for s in companies if s.signed_at is not None]
    return paris_day(max(moments)) if moments and len(moments) == len(companies) else None


def silence_days(day: date) -> int | None:
    """R2193-4: after how many days of silence the subcontractor is accepted."""
    figure = rule_table().in_force(day).figures.get("silent_acceptance")
    return int(figure.value) if figure else None


def silent_on(db: Session, row: Subcontract) -> date | None:
    """The last day of the buyer's silence, which accepts; None while the act is not whole."""
    received = received_on(db, row)
    days = silence_days(received) if received else None
    return received + timedelta(days=days) if received and days is not None else None


def not_silent(db: Session, row: Subcontract, now: datetime) -> None:
    """Raises Refused once silence has accepted, even where no worker has written it yet."""
    end = silent_on(db, row)
    if row.state == "declared" and end is not None and end < paris_day(now):
        raise Refused(f"Le silence de l’acheteur a valu acceptation le {end:%d/%m/%Y}.", "R2193-4")


def subcontracts_of(db: Session, contract: Contract) -> list[Subcontract]:
    """In the order of their numbers."""
    query = select(Subcontract).where(Subcontract.contract_id == contract.id).options(*WHOLE)
    return list(db.scalars(query.order_by(Subcontract.number)))


def declared_for(contract: Contract, row: Subcontract, sirets: Collection[str] | None) -> bool:
    """Whether one of these members subcontracts it; None: whoever does."""
    return sirets is None or (row.member_siret or contract.holder_siret) in sirets


def find_subcontract(db: Session, contract: Contract, ref: str, sirets: Collection[str] | None = None) -> Subcontract:
    """`sirets`: of these members alone. Raises NotFound."""
    mine = (Subcontract.contract_id == contract.id, Subcontract.ref == ref)
    row = db.scalar(select(Subcontract).where(*mine).options(*WHOLE))
    if row is None or not declared_for(contract, row, sirets):
        raise NotFound
    return row


def _write(db: Session, row: Subcontract, to: list[str], what: str, body: str, now: datetime) -> None:
    contract = row.contract
    text = body.format(row=row, contract=contract, consultation=contract.consultation)
    for address in filter(None, to):
        post(
            db, to=address, subject=f"Sous-traitant {what} : marché {contract.number}", body=text, now=now,
            consultation_id=contract.consultation_id,
        )  # fmt: skip
