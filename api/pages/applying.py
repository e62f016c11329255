"""From one SIRET to a draft: open identity is fetched first, with no transaction open; nothing protected is called."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.applying import BY_HAND, Target, official, target_of
from api.auth import SIGNED_IN, Who, brake
from api.context import Context, Ctx
from api.db import reading, transaction
from api.errors import PageInvalid
from api.identities import links_of, look_up
from api.remote.api_entreprise import network
from api.render import page
from procurement.candidacy import open_candidacy
from procurement.consultation import find_public
from procurement.errors import Invalid, Refused
from procurement.people import Person
from siret_lookup.establishments import Establishment, find_establishments
from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siren, Siret, SiretError, parse_siret
from siret_lookup.succession import Resolution, reason, resolve

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
TEMPLATE = "candidacies/apply.html"


@dataclass(frozen=True)
class Typed:
    """What the person typed in the one form."""

    siret: str = ""
    name: str = ""
    address: str = ""
    by_hand: str = ""
    asked: str = ""


@router.get("/consultations/{ref}/candidater", dependencies=[Depends(SIGNED_IN)])
def apply_form(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        target = target_of(db, ref)
    return page(request, TEMPLATE, **_context(target))


def _context(target: Target, **more: Any) -> dict[str, Any]:
    return {"consultation": target, "step": "siret", "places": [], "company": "", "problem": ""} | more


@router.post("/consultations/{ref}/candidater", dependencies=[Depends(SIGNED_IN)])
def apply(
    request: Request, ctx: Ctx, who: Who, ref: str, siret: Text = "", name: Text = "", address: Text = "",
    by_hand: Text = "", asked: Text = "",
) -> Response:  # fmt: skip
    """The SIRET typed: its draft, the choice of an establishment, or identity by hand where the register has none."""
    typed = Typed(siret, name.strip()[:200], address.strip()[:300], by_hand, asked.strip()[:40])
    with transaction(ctx.database) as db:
        brake(db, f"siret:{who.id}", 60, 15)
    with reading(ctx.database) as db:
        target, now = target_of(db, ref), database.now(db)
    if not who.verified:
        raise Refused("Confirmez d’abord votre adresse électronique.")
    try:
        number = parse_siret(typed.siret)
    except SiretError as error:
        if error.siren is None:
            raise _again(target, typed, {"siret": error.sentence}) from None
        return _choose(request, ctx, target, typed, error, now)
    return _with_number(request, ctx, who, target, typed, number, now)


def _again(target: Target, typed: Typed, errors: dict[str, str], **more: Any) -> PageInvalid:
    return PageInvalid(Invalid(errors), TEMPLATE, _context(target, values=vars(typed), **more))


def _choose(request: Request, ctx: Context, target: Target, typed: Typed, error: SiretError, now: datetime) -> Response:
    """Nine digits: the person picks the establishment that answers."""
    found = find_establishments(Siren(error.siren or ""), ctx.url("recherche_entreprises"), now, network(ctx))
    if found.outcome is Outcome.OBTAINED:
        places = _choices(found.places)
        context = _context(target, step="choose", places=places, company=found.name or error.siren, values=vars(typed))
        return page(request, TEMPLATE, **context)
    reasons = {
        Outcome.NOT_FOUND: f"Aucune entreprise n’a le SIREN {error.siren} : vérifiez les chiffres.",
        Outcome.UNAVAILABLE: f"{error.sentence} La liste des établissements ne répond pas pour l’instant.",
    }
    raise _again(target, typed, {"siret": reasons.get(found.outcome, error.sentence)})


def _choices(places: tuple[Establishment, ...]) -> list[tuple[str, str, str]]:
    """(siret, label, hint) of the open establishments, head office first."""
    return [
        (p.siret, str(Siret(p.siret)) + (" – siège" if p.head_office else ""), _place(p)) for p in places if p.active
    ][:50]


def _place(place: Establishment) -> str:
    return place.address or " ".join(part for part in (place.postcode, place.city) if part) or "adresse non diffusée"


def _with_number(
    request: Request, ctx: Context, who: Person, target: Target, typed: Typed, number: Siret, now: datetime
) -> Response:
    identity = look_up(ctx, target.buyer, number, now)
    if identity is not None and identity.outcome is Outcome.OBTAINED:
        if identity.establishment_state == "closed" or identity.unit_state == "ceased":
            raise _closed(ctx, target, typed, number, identity, now)
        return _open(ctx, who, target, identity.siret, official(identity, typed.asked))
    outcome = identity.outcome if identity else Outcome.NOT_AUTHORISED
    if typed.by_hand and typed.name:
        by_hand = {"name": typed.name, "address": typed.address, "siret": number.value, "origin": "typed"}
        by_hand |= {"typed_at": now.isoformat(), "because": outcome.value}
        return _open(ctx, who, target, number.value, by_hand)
    problem = BY_HAND.get(outcome, BY_HAND[Outcome.UNAVAILABLE])
    if typed.by_hand:
        errors = {"name": "Écrivez le nom de l’entreprise."}
        raise _again(target, typed, errors, step="by_hand", problem=problem)
    if outcome is Outcome.NOT_FOUND:
        raise _again(target, typed, {"siret": problem}, step="by_hand", problem=problem)
    return page(request, TEMPLATE, **_context(target, step="by_hand", problem=problem, values=vars(typed)))


def _closed(
    ctx: Context, target: Target, typed: Typed, number: Siret, identity: Identity, now: datetime
) -> PageInvalid:
    """A closed establishment is no error of the register: who took its place is proposed, then the open ones."""
    found = find_establishments(Siren(number.siren), ctx.url("recherche_entreprises"), now, network(ctx))
    states = {place.siret: "active" if place.active else "closed" for place in found.places}
    resolution = resolve(identity, links_of(ctx, target.buyer, number, now), states)
    places = _proposed(resolution, _choices(found.places) if identity.unit_state != "ceased" else [])
    step = "choose" if places else "siret"
    company = found.name or identity.name or number.siren
    return _again(target, typed, {"siret": resolution.sentence}, step=step, places=places, company=company)


def _proposed(resolution: Resolution, places: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The successors with their reason first, each SIRET once."""
    known = {siret: hint for siret, _, hint in places}
    first = [
        (p.siret, str(Siret(p.siret)), ", ".join(part for part in (reason(p), known.get(p.siret)) if part))
        for p in resolution.proposals
    ]
    named = {siret for siret, _, _ in first}
    return [*first, *(place for place in places if place[0] not in named)][:50]


def _open(ctx: Context, who: Person, target: Target, siret: str, identity: dict[str, Any]) -> Response:
    with transaction(ctx.database) as db:
        consultation = find_public(db, target.ref)
        candidacy, _ = open_candidacy(db, consultation, siret, identity, who, database.now(db))
        ref = candidacy.ref
    return RedirectResponse(f"/candidatures/{ref}", 303)
