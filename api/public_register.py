"""What recherche-entreprises (open data, no token) says of a company outside of any consultation: name, head office."""

from dataclasses import dataclass
from datetime import datetime

from api.context import Context
from api.remote.api_entreprise import network
from procurement.errors import Unavailable
from siret_lookup.establishments import Establishment, Establishments, find_establishments
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret


def name_of(ctx: Context, siret: Siret, now: datetime) -> str:
    """The company's name, "" where the register does not give it."""
    found = _found(ctx, siret, now)
    return (found.name or "") if found else ""


def _found(ctx: Context, siret: Siret, now: datetime) -> Establishments | None:
    url = ctx.url("recherche_entreprises")
    return find_establishments(siret, url, now, network(ctx)) if url else None


@dataclass(frozen=True)
class HeadOffice:
    """Where to write to a company; `problem` says in one sentence why one cannot."""

    name: str = ""
    address: tuple[str, ...] = ()
    problem: str = ""


def head_office(ctx: Context, siret: Siret, now: datetime) -> HeadOffice:
    """The official address, never a typed one. Raises Unavailable where the register does not answer."""
    found = _found(ctx, siret, now)
    if found is None or found.outcome is Outcome.UNAVAILABLE:
        raise Unavailable("Le répertoire des entreprises ne répond pas : réessayez dans un instant.", 60)
    asked = next((place for place in found.places if place.siret == siret.value), None)
    if asked is None:
        return HeadOffice(problem=f"Aucun établissement public ne porte le SIRET {siret}." + OTHERWISE)
    head = next((place for place in found.places if place.head_office), None)
    if not asked.active or head is None or not head.active:
        return HeadOffice(problem=f"L’établissement {siret} ou son siège est fermé : rien ne peut y être posté.")
    lines = _lines(head)
    if not found.name or not lines:
        return HeadOffice(problem="L’adresse du siège n’est pas publique : aucun courrier ne peut partir." + OTHERWISE)
    return HeadOffice(found.name, lines)


OTHERWISE = " Prouvez votre appartenance par ProConnect, ou sur pièce auprès de l’acheteur après l’ouverture des plis."


def _lines(head: Establishment) -> tuple[str, ...]:
    """The street, then the town; nothing where a part of it is masked."""
    if not (head.address and head.postcode and head.city):
        return ()
    street = head.address.removesuffix(f"{head.postcode} {head.city}").strip()
    return tuple(line for line in (street, f"{head.postcode} {head.city}") if line)
