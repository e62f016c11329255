"""What the contract says of money: price, revision, advance, retention, delay of payment. One row once it is corrected.

Until somebody of the buyer writes them, they are those of the consultation's dossier, read as they were published.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Date, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from dce_templates.french import percent
from procurement.base import Base
from procurement.contract import Contract, fresh, paris_day
from procurement.errors import Invalid
from procurement.events import record
from procurement.execution.advance import promised
from procurement.execution.revision import wrong_formula
from procurement.execution.sizes import SIZES, known_of, registered_sme
from procurement.invoice_delay import wind_contract
from procurement.people import Person

DELAYS = (30, 50, 60)
MOST = Decimal(10**10)
KINDS = {"services": "Services", "supplies": "Fournitures", "works": "Travaux"}
FORMS = ("Forfaitaire", "Unitaire", "Mixte")
# R2191-11: the advance is taken back from 65 % of the holder’s share on; done at 80 % where the contract is silent.
REPAYMENT_STARTS, REPAYMENT_ENDS = "0.65", "0.80"
EVOLUTIONS = {"firm": "Ferme", "adjustable": "Ferme et actualisable", "revisable": "Révisable"}
# The rates that an invoice may carry in France (BR-FR, Factur-X 1.08): no other one can be billed.
VAT_RATES = tuple(
    map(Decimal, ["0", "0.9", "1.05", "1.75", "2.1", "5.5", "7", "8.5", "9.2", "9.6", "10", "13", "19.6", "20", "20.6"])
)
PRICE_KINDS = {
    "Définitif ferme": "firm", "Définitif actualisable": "adjustable", "Définitif révisable": "revisable",
}  # fmt: skip


class Terms(Base):
    """One contract's money terms. Rates are fractions as text ("0.05"); `revision` is `Formula`, amounts are euros.

    `floor_ht` and `ceiling_ht` bound a framework agreement; `pieces`: what each invoice comes with. `holder_size`: sme
    or other, "" where the register's word is enough, with the one who says so.
    """

    __tablename__ = "contract_terms"

    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(10), default="services")
    price_form: Mapped[str] = mapped_column(String(20), default="Forfaitaire")
    price_kind: Mapped[str] = mapped_column(String(12), default="firm")
    vat_rates: Mapped[list[Any]] = mapped_column(default=list)
    payment_days: Mapped[int] = mapped_column(default=30)
    floor_ht: Mapped[Decimal | None]
    ceiling_ht: Mapped[Decimal | None]
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    revision: Mapped[dict[str, Any] | None]
    advance_rate: Mapped[str] = mapped_column(String(10), default="0")
    advance_ttc: Mapped[Decimal | None]
    advance_paid_on: Mapped[date | None] = mapped_column(Date)
    repayment_starts: Mapped[str] = mapped_column(String(10), default=REPAYMENT_STARTS)
    repayment_ends: Mapped[str] = mapped_column(String(10), default=REPAYMENT_ENDS)
    retention_rate: Mapped[str] = mapped_column(String(10), default="0")
    holder_size: Mapped[str] = mapped_column(String(10), default="")
    holder_size_source: Mapped[str] = mapped_column(String(300), default="")
    guarantee: Mapped[str] = mapped_column(String(300), default="")
    retention_released_on: Mapped[date | None] = mapped_column(Date)
    penalties: Mapped[str] = mapped_column(String(1000), default="")
    pieces: Mapped[list[Any]] = mapped_column(default=list)
    changed_at: Mapped[datetime | None]
    changed_by: Mapped[str] = mapped_column(String(254), default="")


def terms_of(db: Session, contract: Contract) -> Terms:
    """The terms in force: the row where one was written, else a row that is not kept, read from the dossier."""
    kept = db.scalar(select(Terms).where(Terms.contract_id == contract.id))
    return kept or from_dossier(contract)


def days_by(db: Session, contracts: Iterable[Contract]) -> dict[int, int]:
    """The delay of payment of several contracts, by their id: their consultations are all that is read of them."""
    found = {contract.id: days_said(contract) for contract in contracts}
    kept = select(Terms.contract_id, Terms.payment_days).where(Terms.contract_id.in_(list(found)))
    return found | {row[0]: row[1] for row in db.execute(kept)}


def days_said(contract: Contract) -> int:
    """The delay of payment that the published dossier says."""
    return _whole(contract.consultation.dossier.get("payment_delay_days"), 30)


def from_dossier(contract: Contract) -> Terms:
    """The terms that the published dossier says; what it does not say is left at its usual value.

    The holder's deposit is read too where the advance depends on its size (READ_OF, procurement/billing.py).
    """
    said: Mapping[str, Any] = contract.consultation.dossier
    price: Mapping[str, Any] = said.get("price") or {}
    advance = promised(said)
    return Terms(
        contract_id=contract.id,
        kind=str(said.get("kind") or "services"),
        price_form=str(price.get("form") or "Forfaitaire"),
        price_kind=PRICE_KINDS.get(str(price.get("kind")), "firm"),
        vat_rates=[_percent(price["vat_rate"])] if price.get("vat_rate") else [contract.vat_rate],
        payment_days=days_said(contract),
        ceiling_ht=Decimal(str(said["ceiling"])) if said.get("ceiling") else None,
        advance_rate=advance.owed(registered_sme(contract) if advance.by_size else None),
        repayment_starts=REPAYMENT_STARTS,
        repayment_ends=REPAYMENT_ENDS,
        retention_rate=str(said.get("retention_rate") or "0"),
        holder_size="",
        holder_size_source="",
        guarantee="",
        penalties="",
        pieces=[],
        changed_by="",
    )


def _percent(rate: object) -> str:
    return f"{(Decimal(str(rate)) * 100).normalize():f}"


def _whole(value: object, otherwise: int) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() else otherwise


def write_terms(db: Session, contract: Contract, said: Mapping[str, Any], person: Person, now: datetime) -> Terms:
    """Write the terms that `said` names, checked; every change is in the register. Raises Invalid field by field."""
    fresh(db, contract)
    terms = terms_of(db, contract)
    said = {**said, **_following(contract, terms, said)}
    wrong = _wrong(contract, terms, said, paris_day(now))
    if wrong:
        raise Invalid(wrong)
    before = {name: getattr(terms, name) for name in said}
    for name, value in said.items():
        setattr(terms, name, value)
    terms.changed_at, terms.changed_by = now, person.email
    db.add(terms)
    contract.recount_at = now
    wind_contract(db, contract.id, terms.payment_days)
    changed = sorted(name for name, value in said.items() if before[name] != value)
    record(db, contract.consultation, "terms.written", contract.ref, person.email, now, changed=changed)
    return terms


def _following(contract: Contract, terms: Terms, said: Mapping[str, Any]) -> dict[str, str]:
    """The rate of the advance that nobody touched, where the size of the holder that is now said promises another."""
    size, rate = said.get("holder_size") or terms.holder_size, said.get("advance_rate", terms.advance_rate)
    found, before = promised(contract.consultation.dossier), known_of(contract, terms.holder_size)
    if not _rate(rate, "1") or size == terms.holder_size or Decimal(rate) != Decimal(terms.advance_rate):
        return {}
    if Decimal(rate) != Decimal(found.owed(before.sme)):
        return {}
    return {"advance_rate": found.owed(size == "sme")}


def _wrong(contract: Contract, terms: Terms, said: Mapping[str, Any], today: date) -> dict[str, str]:
    """`said` laid over what is in force, so that a bound written earlier still counts."""
    whole = {name: getattr(terms, name) for name in BOUNDS} | dict(said)
    found = (*_wrong_choices(whole), *_wrong_days(whole, today), *_wrong_amounts(whole))
    found = (*found, *_wrong_retention(contract, whole))
    return {name: sentence for name, sentence in found if name in said or name == "revision"}


BOUNDS = (
    "kind", "price_form", "price_kind", "payment_days", "vat_rates", "starts_on", "ends_on", "floor_ht", "ceiling_ht",
    "advance_ttc", "advance_rate", "advance_paid_on", "retention_rate", "repayment_starts", "repayment_ends",
    "retention_released_on", "revision", "holder_size", "holder_size_source",
)  # fmt: skip


def _wrong_choices(whole: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if whole["kind"] not in KINDS:
        yield "kind", "Choisissez services, fournitures ou travaux."
    if whole["price_form"] not in FORMS:
        yield "price_form", "Choisissez un prix forfaitaire, unitaire ou mixte."
    if whole["price_kind"] not in EVOLUTIONS:
        yield "price_kind", "Dites comment le prix évolue."
    if whole["payment_days"] not in DELAYS:
        yield "payment_days", "Le délai de paiement est de 30, 50 ou 60 jours, selon l’acheteur (R2192-10, R2192-11)."
    if not whole["vat_rates"] or not all(_rate(rate, "100") for rate in whole["vat_rates"]):
        yield "vat_rates", "Écrivez les taux de TVA en pourcents, par exemple 20 ; 5,5."
    elif other := [rate for rate in whole["vat_rates"] if Decimal(str(rate)) not in VAT_RATES]:
        said, known = (" ; ".join(str(rate).replace(".", ",") for rate in rates) for rates in (other, VAT_RATES))
        yield "vat_rates", f"Une facture ne peut pas porter une TVA de {said}\u00a0% : les taux admis sont {known}."
    if whole["revision"] and (sentence := wrong_formula(whole["revision"])):
        yield "revision", sentence
    if whole["revision"] and whole["price_kind"] == "firm":
        yield "revision", "Un prix ferme n’a pas de formule de révision : choisissez révisable, ou videz la formule."


def _wrong_days(whole: Mapping[str, Any], today: date) -> Iterator[tuple[str, str]]:
    starts, ends = whole["starts_on"], whole["ends_on"]
    if starts and ends and ends < starts:
        yield "ends_on", "La fin du marché ne précède pas son début."
    for name in ("advance_paid_on", "retention_released_on"):
        if whole[name] and whole[name] > today:
            yield name, "Cette date est passée ou d’aujourd’hui."
    if whole["advance_paid_on"] and not whole["advance_ttc"]:
        yield "advance_ttc", "Dites le montant de l’avance qui est versée."


def _wrong_amounts(whole: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("floor_ht", "ceiling_ht", "advance_ttc"):
        if whole[name] is not None and not 0 <= whole[name] <= MOST:
            yield name, "Le montant est positif, de dix milliards d’euros au plus."
    floor, ceiling = whole["floor_ht"], whole["ceiling_ht"]
    if floor is not None and ceiling is not None and floor > ceiling:
        yield "floor_ht", "Le minimum ne dépasse pas le maximum."
    for name, most in (("advance_rate", "0.60"), ("repayment_ends", "1")):
        if not _rate(whole[name], most):
            yield name, f"Un taux de 0 à {Decimal(most) * 100:.0f}\u00a0% est attendu."
    if not _rate(whole["repayment_starts"], "1") or not _rate(whole["repayment_ends"], "1"):
        yield "repayment_starts", "Un taux de 0 à 100\u00a0% est attendu."
    elif Decimal(whole["repayment_starts"]) > Decimal(whole["repayment_ends"]):
        yield "repayment_starts", "Le remboursement de l’avance commence avant de finir."


def _wrong_retention(contract: Contract, whole: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """R2191-33: refused where it is certain; a doubt is told on the page."""
    if whole["holder_size"] not in ("", *SIZES):
        yield "holder_size", "Choisissez dans la liste."
    if whole["holder_size"] and not whole["holder_size_source"]:
        yield "holder_size_source", "Dites d’où vous tenez cette taille : par exemple, la déclaration du titulaire."
    known = known_of(contract, whole["holder_size"], whole["holder_size_source"])
    most = known.cap.most
    if _rate(whole["retention_rate"], str(most)):
        return
    if known.sme and most == known.cap.perhaps:
        sentence = f"La retenue ne dépasse pas {percent(most)} : le titulaire est une PME ({known.size_source}) et "
        yield "retention_rate", f"{sentence}l’acheteur est de ceux que vise l’article R2191-33 ({known.buyer})."
    else:
        yield "retention_rate", f"Un taux de 0 à {most * 100:.0f}\u00a0% est attendu (R2191-33)."


def _rate(value: object, most: str) -> bool:
    try:
        return Decimal(0) <= Decimal(str(value)) <= Decimal(most)
    except InvalidOperation:
        return False
