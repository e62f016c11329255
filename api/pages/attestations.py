"""« Vérifier mes attestations »: a proven member's live board of the company's own pieces, with or without a tender.

Fetched on demand with the install's token, shown once, kept nowhere; each look is listed to the members. A document is
fetched again for its download.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import db as database
from api.applying import official
from api.auth import SIGNED_IN, Who, brake
from api.context import Context, Ctx
from api.db import reading, transaction
from api.downloads import attachment
from api.identities import look_up
from api.pages.own_pieces import NOT_PROVEN, row_of
from api.remote.api_entreprise import BadAccess, Buyer, CountedQuotas, open_access
from api.remote.bodacc import ask_bodacc
from api.render import page
from procurement.belonging import proof_of
from procurement.contract import paris_day
from procurement.errors import NotFound, Refused, Unavailable
from procurement.looks import company_looked, company_looks
from procurement.people import Membership, Person
from procurement.pieces import CAPACITY, WINNER, profile_of
from procurement.renewals import AHEAD
from procurement.space import KEPT, kept_for
from siret_lookup.bodacc import words as bodacc_words
from siret_lookup.bodacc.piece import read_back
from siret_lookup.bodacc.state import Proceedings, State
from siret_lookup.catalogue import BODACC, PIECES
from siret_lookup.fetch import fetch, fetch_all
from siret_lookup.http import Access
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.routing import split
from siret_lookup.siret import Siret, SiretError, parse_siret
from siret_lookup.sources import SOURCES
from siret_lookup.words import company_sentence

router = APIRouter(include_in_schema=False)
TEMPLATE = "space/attestations.html"
HERE = "/compte/attestations/{siret}"
# The sandbox's city, in whose name an install without a real service asks.
SANDBOX_BODY = "00001039700016"
# Identity is open data and read elsewhere: here, what proves something and runs out.
KEYS = tuple(key for key in (*WINNER, *CAPACITY) if PIECES[key].kind != "identity")


def _number(text: str) -> Siret:
    try:
        return parse_siret(text)
    except SiretError:
        raise NotFound from None


@router.get(HERE, dependencies=[Depends(SIGNED_IN)])
def board_page(request: Request, ctx: Ctx, who: Who, siret: str) -> Response:
    """What may be checked, or how to prove; nothing is called yet. The same words whatever the SIRET of a stranger."""
    return page(request, TEMPLATE, **_context(ctx, who, _number(siret), None))


def _context(ctx: Context, who: Person, number: Siret, results: Sequence[PieceResult] | None) -> dict[str, Any]:
    with reading(ctx.database) as db:
        now = database.now(db)
        proof = proof_of(db, who.id, number.value, now)
        ends = _other_ends(proof, [given for given, _ in kept_for(db, who.id, now, number.value)]) if proof else []
        looks = company_looks(db, proof.organisation_id) if proof else []
        return {
            "siret": number.value,
            "name": proof.organisation.name if proof else "",
            "proven": proof is not None,
            "rows": None if results is None else [_row(number.siren, result) for result in results],
            "calendar": calendar_of([*_piece_ends(results or ()), *ends], paris_day(now)),
            "looks": [(look.at, look.by, look.what) for look in looks],
        }


def _row(siren: str, result: PieceResult) -> dict[str, Any]:
    found = read_back(siren, result)
    ends = {"until": result.valid_until, "strictly_until": result.valid_strictly_until}
    return row_of(result) | ends | (_situation(found) if found else {})


def _situation(found: Proceedings) -> dict[str, Any]:
    """The BODACC's own words: « obtained » would say nothing."""
    quiet = found.state is State.NONE and not found.to_read
    words = {"label": bodacc_words.label(found), "sentence": bodacc_words.company_sentence(found)}
    return words | {"tone": "success" if quiet else "warning"}


def _piece_ends(results: Sequence[PieceResult]) -> list[tuple[date, str]]:
    """(day, what) of the earlier end of each: the authority's, or the text's (D8222-5)."""
    found = []
    for result in results:
        ends = [day for day in (result.valid_until, result.valid_strictly_until) if day]
        if result.outcome is Outcome.OBTAINED and ends:
            found.append((min(ends), result.source))
    return found


def _other_ends(proof: Membership, kept: Sequence[Any]) -> list[tuple[date, str]]:
    found = [(given.valid_until, KEPT[given.key]) for given in kept if given.valid_until]
    return [*found, (paris_day(proof.proven_until), "Votre preuve d’appartenance")] if proof.proven_until else found


def calendar_of(ends: Sequence[tuple[date, str]], today: date) -> list[dict[str, Any]]:
    """What ends when, the earliest first, with words."""
    return [
        {"day": day, "what": what, "words": _words(day, today)}
        | {"tone": "warning" if day - today <= AHEAD else "success"}
        for day, what in sorted(ends)
    ]


def _words(day: date, today: date) -> str:
    if day < today:
        return "Terminée : à renouveler"
    return "Se termine bientôt" if day - today <= AHEAD else "En cours"


@router.post(HERE, dependencies=[Depends(SIGNED_IN)])
def check(request: Request, ctx: Ctx, who: Who, siret: str) -> Response:
    """Log the look, then call, with no transaction open."""
    number, now = _number(siret), _logged(ctx, who, _number(siret), "Attestations de l’entreprise")
    asker, access = _access(ctx)
    identity = look_up(ctx, asker, number, now)
    known = official(identity) if identity is not None and identity.outcome is Outcome.OBTAINED else {}
    asked, _ = split(KEYS, profile_of(known), None)
    called = [key for key in asked if key in SOURCES]
    results = fetch_all(called, number, access, now, CountedQuotas(ctx.database))
    if BODACC.key in asked:
        results.append(ask_bodacc(ctx, number.siren, now))
    return page(request, TEMPLATE, **_context(ctx, who, number, results))


@router.post(HERE + "/{key}", dependencies=[Depends(SIGNED_IN)])
def download(ctx: Ctx, who: Who, siret: str, key: str) -> Response:
    """One document, fetched again and handed over: it is kept nowhere."""
    number = _number(siret)
    if key not in KEYS or key not in SOURCES or not SOURCES[key].document:
        raise NotFound
    now = _logged(ctx, who, number, f"Document de l’entreprise : {SOURCES[key].title}"[:200])
    _, access = _access(ctx)
    result = fetch(key, number, access, now, CountedQuotas(ctx.database))
    if result.outcome is Outcome.UNAVAILABLE:
        raise Unavailable(company_sentence(result), 60)
    if result.document is None:
        raise Refused(company_sentence(result))
    return attachment(result.document, result.filename or key, result.media_type or "application/pdf")


def _access(ctx: Context) -> tuple[Buyer, Access]:
    """The install's own: no buyer asks here."""
    body = ctx.settings.operator_siret or (SANDBOX_BODY if ctx.settings.api_entreprise_url is None else "")
    asker = Buyer("", body, None, "Attestations de l’entreprise")
    try:
        return asker, open_access(ctx, asker)
    except BadAccess:
        raise Unavailable("Cette vérification n’est pas ouverte ici pour l’instant.", 3600) from None


def _logged(ctx: Context, who: Person, number: Siret, what: str) -> datetime:
    with transaction(ctx.database) as db:
        now = database.now(db)
        proof = proof_of(db, who.id, number.value, now)
        if proof is None:
            raise Refused(NOT_PROVEN, "L114-8 du code des relations entre le public et l’administration")
        brake(db, f"own-pieces:{who.id}", 20, 15)
        company_looked(db, proof.organisation_id, who.email, what, now)
        return now
