"""A modification as the act that the parties sign: its data from the contract's dossier, its checks, its document."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from api.review import has_adopted
from dce_templates import french
from dce_templates.acts.amendment import Amendment as Act
from dce_templates.acts.amendment import from_dossier
from dce_templates.acts.check_amendment import AMENDMENT_CHECKS
from dce_templates.acts.checking import findings
from dce_templates.catalogue import catalogue
from dce_templates.checks import Finding
from dce_templates.dossier import DossierError, parse_dossier, parse_model
from dce_templates.law import Figure
from procurement.act import AMENDMENT, open_act
from procurement.contract import Contract
from procurement.errors import Refused
from procurement.execution.amendments import Amendment
from procurement.execution.parties import Party
from procurement.rules import rule_table
from procurement.signing import Company, ask


@dataclass(frozen=True)
class Reading:
    """`act` is None where the dossier does not let it be written: `gap` says why, in one sentence."""

    act: Act | None
    findings: tuple[Finding, ...] = ()
    gap: str = ""

    @property
    def blocked(self) -> bool:
        return any(finding.blocks for finding in self.findings)


def read_act(contract: Contract, amendment: Amendment, former: list[Amendment], holder: Party, today: date) -> Reading:
    """The act of one modification with its legal checks; `former`: those notified before it."""
    try:
        act = parse_model(Act, _data(contract, amendment, former, holder, today))
    except DossierError as error:
        said = " ; ".join(f"{path} : {sentence}" if path else sentence for path, sentence in error.errors.items())
        return Reading(None, gap=said)
    table = rule_table()
    found = findings(
        act, act.dated_on, table.figures, table.contracts, AMENDMENT_CHECKS, catalogue(),
        adopted=has_adopted(contract.organisation),
    )  # fmt: skip
    return Reading(act, found)


def _data(
    contract: Contract, amendment: Amendment, former: list[Amendment], holder: Party, today: date
) -> dict[str, Any]:
    start = from_dossier(parse_dossier(contract.consultation.dossier))
    months = start["contract"]["duration_months"] + sum(each.months_change for each in former)
    start["contract"] |= {
        "reference": contract.number, "notified_on": contract.received_on, "initial_amount": contract.amount,
        "duration_months": months,
    }  # fmt: skip
    return start | {
        "number": amendment.number,
        "dated_on": max(today, contract.received_on or today),
        "holder": _holder(contract, amendment, holder),
        "former_holder": {"name": holder.name, "siret": holder.siret} if amendment.to_siret else None,
        "former": [{"number": each.number, "amount": each.amount_change, "basis": each.basis} for each in former],
        "basis": amendment.basis,
        "reason": amendment.reason,
        "review_clause": amendment.review_clause,
        "amount_change": amendment.amount_change,
        "months_change": amendment.months_change,
    }


def _holder(contract: Contract, amendment: Amendment, holder: Party) -> dict[str, str]:
    if amendment.to_siret:
        return {"name": amendment.to_name, "siret": amendment.to_siret}
    candidacy = contract.candidacy
    known = {"name": holder.name, "siret": holder.siret}
    if holder.siret != candidacy.siret:
        return known
    address = candidacy.corrections.get("address") or candidacy.identity.get("address") or ""
    return known | {"address": " ".join(str(address).split())[:300], "email": candidacy.contact_email}


@dataclass(frozen=True)
class Limit:
    """One figure of the law against what was changed so far; `share` is a fraction of the initial amount."""

    label: str
    article: str
    read: str
    limit: Decimal
    share: Decimal
    used: Decimal


def limits(contract: Contract, notified: list[Amendment], kind: str, today: date) -> list[Limit]:
    """Low amount (together, R2194-8 and R2194-9) and additional or unforeseen (each, R2194-3), as far as known."""
    figures = rule_table().in_force(today).figures
    minor = sum((each.amount_change for each in notified if each.basis == "minor"), Decimal(0))
    added = max((each.amount_change for each in notified if each.basis in ("additional", "unforeseen")), default=0)
    wanted = (
        ("Modifications de faible montant, ensemble", figures.get(_minor(kind)), abs(minor)),
        ("Prestations supplémentaires ou imprévues, la plus forte", figures.get("added_change"), Decimal(added)),
    )
    return [_limit(contract, label, figure, used) for label, figure, used in wanted if figure is not None]


def _minor(kind: str) -> str:
    return "minor_change_works" if kind == "works" else "minor_change_others"


def _limit(contract: Contract, label: str, figure: Figure, used: Decimal) -> Limit:
    read = f"texte lu {french.reading(figure.origin.read_on)} par {figure.origin.read_by}"
    most = round(contract.amount * figure.value, 2)
    return Limit(label, figure.origin.article, read, most, figure.value, used)


def may_sign_here(contract: Contract, amendment: Amendment, holder: Party) -> None:
    """Raises Refused where its act cannot be signed in the service, with what to do instead."""
    if amendment.state != "draft" or amendment.act is not None:
        raise Refused("Cet avenant est déjà en cours de signature, ou accepté.")
    if amendment.to_siret or holder.siret != contract.holder_siret:
        raise Refused("Le titulaire change, ou a changé : son adresse n’est pas connue ici. Joignez l’avenant signé.")


def open_circuit(
    db: Session, contract: Contract, amendment: Amendment, key: str, sha256: str, actor: str, now: datetime
) -> None:
    """Its act, kept under `key`, is asked of the holder, then of the buyer, whose power covers the amount it makes."""
    amendment.act = open_act(
        db, contract, AMENDMENT, title=f"Modification n° {amendment.number}", number=amendment.number,
        amount=contract.amount_now + amendment.amount_change, key=key, sha256=sha256, actor=actor, now=now,
    )  # fmt: skip
    ask(
        db, amendment.act, [Company(contract.holder_siret, contract.holder_name, contract.candidacy.contact_email)], now
    )
