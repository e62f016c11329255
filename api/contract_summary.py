"""A running contract in one look: each page of its record with what stands there, in a line."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api.render import euros, french_date
from procurement.contract import Contract
from procurement.execution.amendments import amendments_of
from procurement.execution.assignments import assignments_of, certificates_of
from procurement.execution.documents import papers_of
from procurement.execution.endings import REASONS
from procurement.execution.engagements import engagements_of
from procurement.execution.final_account import FinalAccount, final_account_of
from procurement.execution.parties import accounts_of
from procurement.execution.parts import ordered, parts_of
from procurement.execution.prices import count_prices
from procurement.execution.receptions import receptions_of
from procurement.execution.terms import EVOLUTIONS, terms_of
from procurement.subcontract import STANDING, subcontracts_of

ACCOUNT_STATES: Mapping[str, tuple[str, str]] = {
    "asked": ("Projet reçu, à notifier", "waiting"),
    "notified": ("Notifié, réponse du titulaire attendue", "waiting"),
    "contested": ("Contesté", "warning"),
    "definitive": ("Définitif", "success"),
}


def record_rows(db: Session, contract: Contract) -> list[dict[str, Any]]:
    """Rows of `ui.summary_list`, each leading to its page."""
    found = (
        ("Fiche financière", "fiche", _terms(db, contract)),
        ("Engagements et comptes", "engagements", _engagements(db, contract)),
        ("Tranches et commandes", "commandes", _parts(db, contract)),
        ("Modifications", "modifications", _amendments(db, contract)),
        ("Sous-traitance", "sous-traitants", _subcontracts(db, contract)),
        ("Cessions et oppositions", "cessions", _assignments(db, contract)),
        ("Service fait", "service-fait", _receptions(db, contract)),
        ("Fin du marché", "fin", _ending(contract, final_account_of(db, contract))),
        ("Compte du marché", "compte", f"{euros(contract.amount_now)} HT, ce qui est facturé et payé"),
        ("Prix du marché", "prix", _some(count_prices(db, contract), "prix unitaire", "prix unitaires")),
        ("Données essentielles", "donnees-essentielles", "ce qui est publié, et ce qui reste à publier"),
        ("Documents", "documents", _some(len(papers_of(db, contract)), "document joint", "documents joints")),
    )
    return [
        {"label": label, "value": value, "href": f"/contrats/{contract.ref}/{page}", "action": "Ouvrir"}
        for label, page, value in found
    ]


def _some(count: int, one: str, several: str, none: str = "aucun") -> str:
    return f"{count} {several if count > 1 else one}" if count else f"{none} {one}"


def _terms(db: Session, contract: Contract) -> str:
    terms = terms_of(db, contract)
    checked = "" if terms.id else ", lu dans le dossier : à vérifier"
    return f"Prix {EVOLUTIONS[terms.price_kind].lower()}, paiement à {terms.payment_days} jours{checked}"


def _engagements(db: Session, contract: Contract) -> str:
    running = sum(1 for each in engagements_of(db, contract) if each.closed_at is None)
    waiting = sum(1 for account in accounts_of(db, contract) if account.state == "proposed")
    said = _some(running, "engagement ouvert", "engagements ouverts")
    return said + (f", {_some(waiting, 'compte à confirmer', 'comptes à confirmer')}" if waiting else "")


def _parts(db: Session, contract: Contract) -> str:
    parts = parts_of(db, contract)
    if not parts:
        return "aucune"
    return f"{euros(ordered(parts))} HT en vigueur ou exécutés, {_some(len(parts), 'ligne', 'lignes')}"


def _subcontracts(db: Session, contract: Contract) -> str:
    rows = subcontracts_of(db, contract)
    accepted = sum(1 for row in rows if row.state in STANDING)
    waiting = sum(1 for row in rows if row.state == "declared")
    said = _some(accepted, "sous-traitant accepté", "sous-traitants acceptés")
    return said + (f", {_some(waiting, 'à accepter', 'à accepter')}" if waiting else "")


def _amendments(db: Session, contract: Contract) -> str:
    amendments = amendments_of(db, contract)
    notified = sum(1 for each in amendments if each.state == "notified")
    under_way = any(each.state in ("draft", "agreed") for each in amendments)
    said = _some(notified, "modification notifiée", "modifications notifiées", "aucune")
    return said + (", une en cours" if under_way else "")


def _assignments(db: Session, contract: Contract) -> str:
    active = sum(1 for each in assignments_of(db, contract) if each.state == "active")
    out = any(each.state == "issued" for each in certificates_of(db, contract))
    said = _some(active, "ligne active au registre", "lignes actives au registre", "aucune")
    return said + (", certificat de cessibilité délivré" if out else "")


def _receptions(db: Session, contract: Contract) -> str:
    done = [each for each in receptions_of(db, contract) if each.state == "done"]
    return f"{euros(sum(each.amount_ht for each in done))} HT constatés" if done else "rien de constaté"


def _ending(contract: Contract, account: FinalAccount | None) -> str:
    said = "en cours"
    if contract.ended_on:
        said = f"{REASONS.get(contract.end_reason, 'Terminé')}, le {french_date(contract.ended_on)}"
    return said + (f" ; décompte général : {ACCOUNT_STATES[account.state][0].lower()}" if account else "")
