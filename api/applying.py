"""From one SIRET to an identity: open data only, fetched with no transaction open. Pages and API share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api import db as database
from api.context import Context
from api.identities import look_up
from api.remote.api_entreprise import Buyer
from procurement.candidacy import NO_MORE
from procurement.consultation import Consultation, find_public
from procurement.errors import Refused
from siret_lookup.identity import Identity
from siret_lookup.naf import shown
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret

# Why identity is to be typed: the outcome's sentence, always with a way on.
BY_HAND: Mapping[Outcome, str] = {
    Outcome.UNAVAILABLE: "Le répertoire Sirene ne répond pas. Rien n’est perdu : continuez en écrivant le nom et "
    "l’adresse de l’entreprise.",
    Outcome.NOT_AUTHORISED: "Le répertoire Sirene ne peut pas être interrogé d’ici pour l’instant. Ce n’est pas de "
    "votre fait : continuez en écrivant le nom et l’adresse de l’entreprise.",
    Outcome.WITHHELD_BY_LAW: "La loi empêche de transmettre l’identité de cet établissement. Écrivez son nom et son "
    "adresse : l’acheteur seul les verra, après l’ouverture.",
    Outcome.NOT_FOUND: "Ce SIRET n’est pas dans les données ouvertes du répertoire Sirene. Vérifiez les 14 chiffres. "
    "Si l’entreprise vient d’être créée, ou n’est pas diffusée, continuez en écrivant son nom et son adresse.",
    Outcome.OUT_OF_SCOPE: "Le répertoire Sirene ne répond pas pour ce numéro. S’il est bien le vôtre, continuez en "
    "écrivant le nom et l’adresse de l’entreprise.",
}


@dataclass(frozen=True)
class Target:
    """The consultation as the form shows it, detached from any session."""

    ref: str
    number: str
    object: str
    buyer_name: str
    deadline: datetime | None
    late: bool
    buyer: Buyer


def target_of(db: Session, ref: str) -> Target:
    """Raises NotFound, and Refused once nothing is received any more."""
    consultation: Consultation = find_public(db, ref)
    if not consultation.takes:
        raise Refused(NO_MORE, "R2143-2")
    return Target(
        consultation.ref,
        consultation.number,
        consultation.object,
        consultation.organisation.name,
        consultation.deadline,
        not consultation.receives(database.now(db)),
        Buyer.of(consultation),
    )


def official(identity: Identity, asked: str = "") -> dict[str, Any]:
    """The snapshot kept with the draft: values as fetched, with source, time and the reply's sha256.

    `asked`: the closed SIRET first typed, where the person then confirmed this one in its place.
    """
    lines = [line for line in (*identity.address_lines, _town(identity)) if line]
    return {
        "origin": "fetched",
        "source": identity.source,
        "fetched_at": identity.fetched_at.isoformat(),
        "sha256": identity.sha256,
        "siret": identity.siret,
        "name": identity.name,
        "trade_name": identity.trade_name,
        "legal_form": identity.legal_form,
        "legal_form_code": identity.legal_form_code,
        "address": ", ".join(dict.fromkeys(lines)) or None,
        "address_lines": list(identity.address_lines),
        "postcode": identity.postcode,
        "city": identity.city,
        "naf": [list(pair) for pair in _activities(identity)],
        "activity": shown(_activities(identity), identity.fetched_at.date()),
        "head_office": identity.head_office,
        "category": identity.category,
        "workforce": identity.workforce,
        "unit_workforce_code": identity.unit_workforce_code,
        "unit_workforce_year": identity.unit_workforce_year,
        "workforce_year": identity.workforce_year,
        "masked": list(identity.masked),
        "redirected_from": identity.redirected_from,
        "asked": asked if asked != identity.siret else "",
    }


def _town(identity: Identity) -> str:
    town = " ".join(part for part in (identity.postcode, identity.city) if part)
    return "" if any(town and town.casefold() in line.casefold() for line in identity.address_lines) else town


def _activities(identity: Identity) -> list[tuple[str, str]]:
    return [pair for pair in (identity.naf, identity.naf_2025) if pair]


@dataclass(frozen=True)
class Found:
    """`identity` is None where the SIRET cannot answer as typed; `problem` says why and what to do."""

    siret: str
    identity: dict[str, Any] | None
    problem: str = ""


def identity_for(ctx: Context, target: Target, number: Siret, now: datetime) -> Found:
    """For the API: the official snapshot, or a snapshot that says only why the register gave nothing."""
    identity = look_up(ctx, target.buyer, number, now)
    if identity is not None and identity.outcome is Outcome.OBTAINED:
        if identity.establishment_state == "closed":
            sentence = f"L’établissement {number} est fermé : donnez le SIRET d’un établissement ouvert."
            return Found(number.value, None, sentence)
        if identity.unit_state == "ceased":
            return Found(number.value, None, "Cette entreprise a cessé son activité : elle ne peut pas répondre.")
        return Found(identity.siret, official(identity))
    outcome = identity.outcome if identity else Outcome.NOT_AUTHORISED
    if outcome is Outcome.NOT_FOUND:
        return Found(number.value, None, BY_HAND[outcome])
    return Found(number.value, {"siret": number.value, "origin": "typed", "because": outcome.value})
