"""A person whose belonging is proven looks at the company's own protected pieces, on demand; nothing is kept."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who, brake
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.remote.api_entreprise import BadAccess, Buyer, CountedQuotas, open_access
from api.render import page
from procurement.belonging import proof_of
from procurement.candidacy import Candidacy, find_own, find_own_locked
from procurement.contests import CONTESTABLE, contest, take_back
from procurement.errors import Invalid, NotFound, Refused, Unavailable
from procurement.looks import looked
from procurement.people import Person
from siret_lookup.fetch import fetch, fetch_all
from siret_lookup.http import Access
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.siret import Siret
from siret_lookup.sources import SOURCES
from siret_lookup.words import company_sentence, label

Text = Annotated[str, Form()]
router = APIRouter(include_in_schema=False)
KEYS = ("vigilance", "attestation_fiscale", "chiffres_affaires")
TEMPLATE = "candidacies/pieces.html"
NOT_PROVEN = "Ces pièces sont protégées : elles ne se montrent qu’à une personne dont l’appartenance est prouvée."
TONES = {Outcome.OBTAINED: "success", Outcome.UNAVAILABLE: "waiting", Outcome.REFUSED_BY_AUTHORITY: "warning"}


@router.get("/candidatures/{ref}/pieces", dependencies=[Depends(SIGNED_IN)])
def pieces_page(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """What may be looked at, or why not; nothing is called yet."""
    with reading(ctx.database) as db:
        candidacy = find_own(db, ref, who)
        context = _context(candidacy) | {"proven": proof_of(db, who.id, candidacy.siret, database.now(db)) is not None}
    return page(request, TEMPLATE, **context)


def _context(candidacy: Candidacy) -> dict[str, Any]:
    """The page of a member who asked for nothing yet."""
    contested = [{"key": key, "title": CONTESTABLE[key], **said} for key, said in candidacy.contests.items()]
    known = {"ref": candidacy.ref, "siret": candidacy.siret, "name": candidacy.name, "contested": contested}
    titles = [SOURCES[key].title for key in KEYS]
    return known | {"proven": True, "titles": titles, "rows": None, "contestable": list(CONTESTABLE.items())}


def _ask(ctx: Context, who: Person, ref: str, what: str) -> tuple[Siret, Access, dict[str, Any], Any]:
    """Check belonging, count, log the look in one transaction; only then may a call be made."""
    with transaction(ctx.database) as db:
        candidacy, now = find_own(db, ref, who), database.now(db)
        if proof_of(db, who.id, candidacy.siret, now) is None:
            raise Refused(NOT_PROVEN, "L114-8 du code des relations entre le public et l’administration")
        brake(db, f"own-pieces:{who.id}", 20, 15)
        looked(db, candidacy, who.email, what, now)
        context = _context(candidacy)
        buyer, number = Buyer.of(candidacy.consultation), Siret(candidacy.siret)
    try:
        return number, open_access(ctx, buyer), context, now
    except BadAccess:
        raise Unavailable("Ces pièces ne peuvent pas être demandées d’ici pour l’instant.", 3600) from None


@router.post("/candidatures/{ref}/pieces", dependencies=[Depends(SIGNED_IN)])
def look(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Fetched now, shown once, kept nowhere: this answer is no part of the candidacy."""
    number, access, context, now = _ask(ctx, who, ref, "Ses propres pièces protégées")
    results = fetch_all(KEYS, number, access, now, CountedQuotas(ctx.database))
    return page(request, TEMPLATE, **context | {"rows": [row_of(result) for result in results]})


def row_of(result: PieceResult) -> dict[str, Any]:
    return {
        "key": result.key,
        "title": result.source,
        "label": label(result),
        "tone": TONES.get(result.outcome, "neutral"),
        "sentence": company_sentence(result),
        "document": result.document is not None,
        "years": result.facts.get("financial_years", []),
    }


@router.post("/candidatures/{ref}/pieces/{key}", dependencies=[Depends(SIGNED_IN)])
def download(ctx: Ctx, who: Who, ref: str, key: str) -> Response:
    if key not in KEYS:
        raise NotFound
    number, access, _, now = _ask(ctx, who, ref, f"Son propre document : {SOURCES[key].title}")
    result = fetch(key, number, access, now, CountedQuotas(ctx.database))
    if result.document is None:
        raise Unavailable(company_sentence(result), 60)
    return attachment(result.document, result.filename or key, result.media_type or "application/pdf")


@router.post("/candidatures/{ref}/contester", dependencies=[Depends(SIGNED_IN)])
def contest_one(ctx: Ctx, who: Who, ref: str, key: Text = "", reason: Text = "") -> Response:
    """A reason beside what an authority answers about one's own company."""
    try:
        with transaction(ctx.database) as db:
            contest(db, find_own_locked(db, ref, who), key, reason, who, database.now(db))
    except Invalid as error:
        with reading(ctx.database) as db:
            context = _context(find_own(db, ref, who))
        raise PageInvalid(error, TEMPLATE, context | {"values": {"key": key, "reason": reason}}) from None
    return RedirectResponse(f"/candidatures/{ref}/pieces?ok=conteste", 303)


@router.post("/candidatures/{ref}/contester/{key}/retirer", dependencies=[Depends(SIGNED_IN)])
def take_contest_back(db: Db, who: Who, ref: str, key: str) -> Response:
    take_back(find_own_locked(db, ref, who), key)
    return RedirectResponse(f"/candidatures/{ref}/pieces?ok=enregistre", 303)
