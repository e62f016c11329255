"""From a contract's rows to what it publishes: a full record, the five data of a smaller one, or what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from dce_templates.dossier import Dossier, parse_dossier
from procurement.candidacy import Candidacy
from procurement.contract import Contract, paris_day
from procurement.execution.advance import promised
from procurement.execution.amendments import Amendment
from procurement.execution.parties import parties_of
from procurement.execution.parts import Part
from procurement.execution.sizes import known_of
from procurement.execution.terms import terms_of
from procurement.publication.decp import (
    Change,
    DecpConcession,
    DecpContract,
    Operator,
    Subcontract,
    change_object,
    clean,
    concession_record,
    kind_of,
    record,
    subcontract_change_object,
    subcontract_object,
)
from procurement.publication.essential import (
    EXEMPT,
    FULL,
    LISTED,
    MODIFICATION,
    SUBCHANGE,
    SUBCONTRACT,
    Essential,
    Finding,
)
from procurement.publication.rules import asks_origin
from procurement.rules import rule_table
from procurement.subcontract import ONCE_ACCEPTED, accepted_of
from procurement.subcontract import Subcontract as Declared

CCAG = {
    "FCS": "Fournitures courantes et services",
    "PI": "Prestations intellectuelles",
    "TIC": "Techniques de l'information et de la communication",
    "MI": "Marchés industriels",
    "MOE": "Maitrise d'œuvre",
    "Travaux": "Travaux",
}
PROCEDURES = {
    "mapa": "Procédure adaptée",
    "open": "Appel d'offres ouvert",
    "restricted": "Appel d'offres restreint",
    "negotiated": "Procédure avec négociation",
}
EXECUTION = {"order": "Bons de commande", "subsequent": "Marchés subséquents", "tranche": "Tranches"}
FRAMEWORK = "Accord-cadre"


@dataclass(frozen=True)
class Plan:
    """What a contract would publish today. `missing`: field of the officer's form → why it is needed."""

    form: str
    record: dict[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        return [Finding("DECP-A-COMPLETER", sentence) for sentence in self.missing.values()]


@dataclass(frozen=True)
class Appending:
    """One object to append: its kind, its number, its data."""

    kind: str
    number: int
    made: dict[str, Any]


def is_concession(dossier: Dossier) -> bool:
    return dossier.nature.startswith("Concession")


def form_of(contract: Contract, dossier: Dossier, amount: Decimal, whole: bool) -> str:
    """Full from R2196-1's threshold on, or where the buyer wants it so; five data from 25 000 €; nothing below."""
    figures = rule_table().in_force(dossier.launched_on).figures
    if whole or is_concession(dossier) or amount >= figures["decp_threshold"].value:
        return FULL
    return LISTED if amount >= figures["written_contract"].value else EXEMPT


def plan(db: Session, contract: Contract, essential: Essential, today: date) -> Plan:
    """The record as its rows say it today, or what is missing to make one."""
    dossier = parse_dossier(contract.consultation.dossier)
    today = paris_day(contract.published_at) if contract.published_at else today
    amount = dossier.ceiling if dossier.nature == FRAMEWORK and dossier.ceiling else contract.amount
    form = form_of(contract, dossier, amount, bool(essential.said.get("whole")))
    if form == EXEMPT:
        return Plan(form)
    if form == LISTED:
        return Plan(form, _listed(contract, dossier))
    operators = _operators(db, contract)
    if is_concession(dossier):
        return _concession(db, contract, dossier, essential, operators, today)
    missing = _missing(dossier, essential, operators)
    made = record(_marche(db, contract, dossier, essential, operators, amount, today))
    return Plan(form, made, missing)


def _listed(contract: Contract, dossier: Dossier) -> dict[str, Any]:
    """The five data of a contract between the two thresholds, with its number: no more is allowed there."""
    identity = contract.candidacy.identity or {}
    return {
        "id": contract.number,
        "objet": clean(contract.consultation.object)[:1000],
        "montant": contract.amount,
        "dureeMois": dossier.total_months,
        "attributaire": contract.holder_name,
        "codePostal": str(identity.get("postcode") or _postcode(str(identity.get("address") or ""))),
    }


def _postcode(address: str) -> str:
    return next((word for word in reversed(address.split()) if len(word) == 5 and word.isdigit()), "")


def _operators(db: Session, contract: Contract) -> tuple[Operator, ...]:
    """Who signed, the leader first: companies that joined later came by a modification."""
    members = [party for party in parties_of(db, contract) if not _came_later(db, contract, party.siret)]
    return tuple(Operator(party.siret) for party in members) or (Operator(contract.holder_siret),)


def _came_later(db: Session, contract: Contract, siret: str) -> bool:
    later = select(Amendment.id).where(
        Amendment.contract_id == contract.id, Amendment.state == "notified", Amendment.to_siret == siret
    )
    return siret != contract.holder_siret and db.scalar(later) is not None


def _missing(dossier: Dossier, essential: Essential, operators: tuple[Operator, ...]) -> dict[str, str]:
    wrong = {}
    if asks_origin(dossier.cpv) and not {"origin_eu", "origin_fr"} <= set(essential.said):
        wrong["origin_eu"] = (
            f"Le code CPV {dossier.cpv} demande la part des fournitures venues de l’Union européenne et de France."
        )
    if len(operators) > 1 and not _grouping(essential):
        wrong["grouping"] = "Le marché a plusieurs titulaires : dites si leur groupement est conjoint ou solidaire."
    return wrong


def _grouping(essential: Essential) -> str:
    return str(essential.said.get("grouping") or essential.grouping)


def _marche(
    db: Session, contract: Contract, dossier: Dossier, essential: Essential, operators: tuple[Operator, ...],
    amount: Decimal, today: date,
) -> DecpContract:  # fmt: skip
    """The contract in the words of the arrêté: what the dossier said, what the award decided, when it was received."""
    granted, rate = _advance(db, contract)
    said = essential.said
    return DecpContract(
        id=contract.number,
        buyer_siret=contract.organisation.siret,
        subject=contract.consultation.object,
        cpv=dossier.cpv,
        procedure=PROCEDURES[dossier.procedure],
        ccag=CCAG[dossier.ccag],
        months=dossier.total_months,
        notified_on=contract.received_on or today,
        published_on=today,
        amount=amount,
        offers=max(1, _offers(db, contract)),
        place_code=dossier.place.code,
        place_kind=dossier.place.code_kind,
        holders=operators,
        price_form=dossier.price.form,
        price_types=(dossier.price.kind,),
        techniques=(FRAMEWORK,) if dossier.nature == FRAMEWORK else ("Sans objet",),
        execution=_execution(db, contract, dossier, said),
        grouping=_grouping(essential) if len(operators) > 1 else "Pas de groupement",
        innovative=dossier.innovative,
        advance=granted,
        advance_rate=rate,
        subcontracting=bool(accepted_of(db, contract)),
        social=dossier.social_considerations,
        environmental=dossier.environmental_considerations,
        framework_id=said.get("framework"),
        from_europe=_share(said, "origin_eu"),
        from_france=_share(said, "origin_fr"),
    )


def _share(said: Mapping[str, Any], name: str) -> Decimal | None:
    return Decimal(said[name]) if name in said else None


def _execution(db: Session, contract: Contract, dossier: Dossier, said: Mapping[str, Any]) -> tuple[str, ...]:
    """From the parts written so far, else from the officer; a framework without a word goes by orders."""
    kinds = set(db.scalars(select(Part.kind).where(Part.contract_id == contract.id)))
    found = tuple(word for kind, word in EXECUTION.items() if kind in kinds)
    if not found and said.get("execution"):
        return (str(said["execution"]),)
    return found or (("Bons de commande",) if dossier.nature == FRAMEWORK else ("Sans objet",))


def _concession(
    db: Session, contract: Contract, dossier: Dossier, essential: Essential, operators: tuple[Operator, ...],
    today: date,
) -> Plan:  # fmt: skip
    said, missing = essential.said, {}
    start = date.fromisoformat(said["starts_on"]) if "starts_on" in said else terms_of(db, contract).starts_on
    if start is None:
        missing["starts_on"] = "Une concession se publie avant le début de son exécution : dites ce jour."
    if "subsidy" not in said:
        missing["subsidy"] = "Dites le montant des subventions publiques de la concession, 0 s’il n’y en a pas."
    made = concession_record(
        DecpConcession(
            id=contract.number,
            buyer_siret=contract.organisation.siret,
            nature=dossier.nature,
            subject=contract.consultation.object,
            procedure=f"Procédure {'' if dossier.negotiation else 'non '}négociée ouverte",
            months=dossier.total_months,
            signed_on=paris_day(contract.act.signed_at) if contract.act.signed_at else contract.received_on or today,
            published_on=today,
            starts_on=start or today,
            value=contract.amount,
            subsidy=Decimal(said.get("subsidy", "0")),
            holders=operators,
            social=tuple("Concession réservée" if w == "Marché réservé" else w for w in dossier.social_considerations),
            environmental=dossier.environmental_considerations,
        )
    )
    return Plan(FULL, made, missing)


def _advance(db: Session, contract: Contract) -> tuple[bool, Decimal | None]:
    """Granted or not, with its rate; 0, « not known », where it depends on the holder's size and nobody knows it."""
    terms = terms_of(db, contract)
    rate, sme = Decimal(terms.advance_rate), known_of(contract, terms.holder_size).sme
    if not rate:
        return False, None
    return True, rate if promised(contract.consultation.dossier).known(terms.advance_rate, sme) else Decimal(0)


def _offers(db: Session, contract: Contract) -> int:
    """Deposits that counted: irregular ones too."""
    counted = (Candidacy.consultation_id == contract.consultation_id, Candidacy.state == "submitted")
    return db.scalar(select(func.count()).select_from(Candidacy).where(*counted)) or 0


def _in_words(row: Declared, today: date) -> Subcontract:
    """A subcontract accepted, in the words of the arrêté; `today`: the day of appending."""
    return Subcontract(
        row.number, Operator(row.siret), row.months, row.notified_on or row.accepted_on or today, today,
        row.amount_ht, row.price_change,
    )  # fmt: skip


def to_append(db: Session, contract: Contract, essential: Essential, today: date) -> list[Appending]:
    """What was notified since the record was published and is not beside it yet, in the order of its numbers."""
    made = essential.whole
    known = {(act.kind, act.number) for act in essential.acts}
    wanted = [*_changes(db, contract, made, today), *_subcontracts(db, contract, made, today)]
    return [each for each in wanted if (each.kind, each.number) not in known]


def _subcontracts(db: Session, contract: Contract, made: Mapping[str, Any], today: date) -> list[Appending]:
    rows = accepted_of(db, contract) if "acheteur" in made else ()
    return [_subcontract(row, _in_words(row, today)) for row in rows]


def _subcontract(row: Declared, said: Subcontract) -> Appending:
    """An act, or the modification of one that was published before it."""
    if row.replaces is None:
        return Appending(SUBCONTRACT, row.number, subcontract_object(said))
    return Appending(SUBCHANGE, row.number, subcontract_change_object(said, row.first.number))


def _changes(db: Session, contract: Contract, made: Mapping[str, Any], today: date) -> list[Appending]:
    """Each modification with the amount and the months it leads to, from those that were published."""
    kind = kind_of(made)
    amount = Decimal(made["montant" if kind == "marche" else "valeurGlobale"])
    months, found = int(made["dureeMois"]), []
    query = select(Amendment).where(Amendment.contract_id == contract.id, Amendment.state == "notified")
    for number, row in enumerate(db.scalars(query.order_by(Amendment.number)), 1):
        amount, months = amount + row.amount_change, months + row.months_change
        change = Change(
            number,
            row.notified_on or today,
            today,
            months if row.months_change else None,
            amount if row.amount_change else None,
            (Operator(row.to_siret),) if row.to_siret else (),
        )
        found.append(Appending(MODIFICATION, number, change_object(change, kind)))
    return found


def mark_changes(db: Session, contract: Contract, now: datetime) -> None:
    """Every modification notified and every subcontract accepted so far is beside the record."""
    for row in _appended(db, contract):
        row.published_at = row.published_at or now


def await_changes(db: Session, contract: Contract) -> None:
    """The record was just frozen: whatever was notified or accepted so far is to be put beside it, whenever it was."""
    for row in _appended(db, contract):
        row.published_at = None


def _appended(db: Session, contract: Contract) -> list[Amendment | Declared]:
    return [*_notified(db, contract), *accepted_of(db, contract)]


def _notified(db: Session, contract: Contract) -> list[Amendment]:
    query = select(Amendment).where(Amendment.contract_id == contract.id, Amendment.state == "notified")
    return list(db.scalars(query))


def due(db: Session, now: datetime) -> int | None:
    """A contract in effect whose data are to be looked at: never yet, when its time came, or something to append."""
    effect = select(Contract.id).outerjoin(Essential, Essential.contract_id == Contract.id)
    effect = effect.where(Contract.received_on.is_not(None))
    idle = or_(Essential.id.is_(None), Essential.state != "published")
    new = effect.where(idle, or_(Essential.try_at.is_(None), Essential.try_at <= now))
    changed = exists().where(
        Amendment.contract_id == Contract.id, Amendment.state == "notified", Amendment.published_at.is_(None)
    )
    declared = exists().where(
        Declared.contract_id == Contract.id, Declared.state.in_(ONCE_ACCEPTED), Declared.published_at.is_(None)
    )
    grown = effect.where(
        Essential.state == "published", Essential.form == FULL, or_(changed, declared),
        or_(Essential.try_at.is_(None), Essential.try_at <= now),
    )  # fmt: skip
    for query in (new, grown):
        found = db.scalar(query.order_by(Contract.id).limit(1))
        if found is not None:
            return found
    return None
