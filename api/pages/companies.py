"""An officer searches companies by name: the local copy of Sirene where there is one, else the Annuaire."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import db as database
from api.auth import OFFICER
from api.context import Context, Ctx
from api.db import reading
from api.identities import mirror_of
from api.remote.api_entreprise import CountedQuotas, network
from api.render import page
from procurement.errors import Unavailable
from siret_lookup.directory import BadSearch, search
from siret_lookup.outcome import Outcome
from siret_lookup.sirene import BadMirror, Mirror
from siret_lookup.sirene import search as search_mirror
from siret_lookup.siret import Siret
from siret_lookup.words import french_day

router = APIRouter(include_in_schema=False)
SIZE = 25
Word = Annotated[str, Query(max_length=200)]


@router.get("/acheteur/entreprises", dependencies=[Depends(OFFICER)])
def companies(request: Request, ctx: Ctx, q: Word = "", departement: Word = "", activite: Word = "") -> Response:
    """Open data only; a search names no consultation, so it betrays nobody."""
    text, department, activity = (word.replace("\x00", "").strip() for word in (q, departement, activite))
    context: dict[str, Any] = {"rows": None, "source": "", "errors": {}}
    if text:
        try:
            context |= _found(ctx, text, department or None, activity or None)
        except BadSearch as error:
            context["errors"] = {"q": str(error)}
    values = {"q": text, "departement": department, "activite": activity}
    return page(request, "buyer/companies.html", status=422 if context["errors"] else 200, values=values, **context)


def _found(ctx: Context, text: str, department: str | None, activity: str | None) -> dict[str, Any]:
    mirror = mirror_of(ctx)
    if mirror is not None:
        try:
            return _in_mirror(mirror, text, department, activity)
        except BadMirror:
            pass  # said in the log when it was opened; the Annuaire answers instead
    with reading(ctx.database) as db:
        now = database.now(db)
    quotas, url = CountedQuotas(ctx.database), ctx.url("recherche_entreprises")
    found = search(text, url, now, quotas, department=department, activity=activity, network=network(ctx))
    if found.outcome is Outcome.UNAVAILABLE:
        raise Unavailable("L’Annuaire des entreprises ne répond pas : réessayez dans un instant.", 10)
    rows = []
    for company in found.companies:
        place = company.head_office
        town = " ".join(part for part in (place.postcode, place.city) if part) if place else ""
        siret = str(Siret(place.siret)) if place else company.siren
        rows.append((company.name or "Nom non diffusé", siret, town, company.naf or "", company.active))
    return {"rows": rows, "source": "Annuaire des entreprises (données ouvertes)"}


def _in_mirror(mirror: Mirror, text: str, department: str | None, activity: str | None) -> dict[str, Any]:
    rows = [
        (
            one.name or one.trade_name or "Nom non diffusé",
            str(Siret(one.siret)),
            " ".join(part for part in (one.postcode, one.city) if part),
            one.naf[0] if one.naf else "",
            one.open,
        )
        for one in search_mirror(mirror, text, department, activity, size=SIZE)
    ]
    return {"rows": rows, "source": f"copie locale de Sirene du {french_day(mirror.stock_day)}"}
