"""The essential data (DECP) of the contracts in effect, from the rows; the sandbox's are marked in the data itself."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dce_templates.dossier import Dossier, parse_dossier
from procurement.candidacy import Candidacy
from procurement.contract import Contract, paris_day, published_contracts
from procurement.publication.decp import DecpContract, Operator, record

CCAG = {
    "FCS": "Fournitures courantes et services",
    "PI": "Prestations intellectuelles",
    "TIC": "Techniques de l'information et de la communication",
    "MI": "Marchés industriels",
    "MOE": "Maitrise d'œuvre",
    "Travaux": "Travaux",
}
# A record has no field for it: the subject is what every reader of the data shows.
SANDBOX = "[Bac à sable, sans valeur] "


def records(db: Session, sandbox: bool, since: date | None = None) -> Iterator[dict[str, Any]]:
    """One record per contract in effect, oldest first; `since`: published that day or later (Paris)."""
    offers = _offers(db)
    for contract in published_contracts(db):
        if since is None or _published_on(contract) >= since:
            marked = sandbox or contract.organisation.sandbox
            yield record(decp_of(contract, offers.get(contract.consultation_id, 1), marked))


def decp_of(contract: Contract, offers: int, marked: bool = False) -> DecpContract:
    """The contract in the words of the arrêté: what the dossier said, what the award decided, when it was received."""
    dossier = parse_dossier(contract.consultation.dossier)
    granted, rate = _advance(dossier)
    return DecpContract(
        id=contract.number,
        buyer_siret=contract.organisation.siret,
        subject=(SANDBOX if marked else "") + contract.consultation.object,
        cpv=dossier.cpv,
        procedure="Procédure adaptée",
        ccag=CCAG[dossier.ccag],
        months=dossier.total_months,
        notified_on=contract.received_on or _published_on(contract),
        published_on=_published_on(contract),
        amount=contract.amount,
        offers=max(1, offers),
        place_code=dossier.place.code,
        place_kind=dossier.place.code_kind,
        holders=(Operator(contract.holder_siret),),
        price_form=dossier.price.form,
        price_types=(dossier.price.kind,),
        innovative=dossier.innovative,
        advance=granted,
        advance_rate=rate,
        social=dossier.social_considerations,
        environmental=dossier.environmental_considerations,
    )


def _published_on(contract: Contract) -> date:
    if contract.published_at is None:
        raise ValueError(f"contract {contract.ref} is not published")
    return paris_day(contract.published_at)


def _advance(dossier: Dossier) -> tuple[bool, Decimal | None]:
    """Granted or not, with its rate; 0 where it depends on the holder's size, which is not known here."""
    advance = dossier.advance
    if not advance.granted:
        return False, None
    one_rate = advance.sme_rate is None or advance.sme_rate == advance.rate
    return True, advance.rate if one_rate else Decimal(0)


def _offers(db: Session) -> dict[int, int]:
    """Deposits that counted, by consultation: irregular ones too."""
    query = select(Candidacy.consultation_id, func.count()).where(Candidacy.state == "submitted")
    return {row[0]: row[1] for row in db.execute(query.group_by(Candidacy.consultation_id))}
