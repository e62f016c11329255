"""The contracts in effect for anyone: pages, figures, and the open data of the arrêtés of 22 December 2022."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.auth import PUBLIC
from api.charts import bars, lines
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.kept import LIFE, for_strangers
from api.open_data import records, shown
from api.render import page
from procurement.errors import NotFound
from procurement.publication.decp import to_json, to_text, to_xml
from procurement.publication.essential import FULL, Essential
from procurement.publication.public import (
    Group,
    buyers,
    by,
    find_published,
    public_list,
    years,
)
from procurement.publication.words import acts_in_words, in_words

router = APIRouter(include_in_schema=False)
PAGE = 50
Cursor = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
KINDS = {"works": "Travaux", "services": "Services", "supplies": "Fournitures"}
SIZES = {"True": "PME", "False": "Autres entreprises", "None": "Taille non connue"}


@router.get("/decp.json", dependencies=[Depends(PUBLIC)])
def decp_json(request: Request, db: Db) -> Response:
    return Response(to_json(records(db, request.app.state.sandbox)), media_type="application/json")


@router.get("/decp.xml", dependencies=[Depends(PUBLIC)])
def decp_xml(request: Request, db: Db) -> Response:
    return Response(to_xml(records(db, request.app.state.sandbox)), media_type="application/xml")


@router.get("/marches", dependencies=[Depends(PUBLIC)])
async def listing(request: Request, ctx: Ctx, q: str = "", annee: str = "", avant: Cursor = None) -> Response:
    return await for_strangers(request, lambda: (_listing(request, ctx, q, annee, avant), LIFE))


def _listing(request: Request, ctx: Context, q: str, annee: str, avant: int | None) -> Response:
    text = q.replace("\x00", "").strip()[:200]
    year = int(annee) if annee.isascii() and annee.isdigit() and len(annee) == 4 else None
    with reading(ctx.database) as db:
        found = public_list(db, text, year, avant, PAGE + 1)
        known = [group.name for group in reversed(years(db))]
    more = str(request.url.include_query_params(avant=found[PAGE - 1].id).query) if len(found) > PAGE else ""
    return page(
        request, "open_data/list.html", rows=found[:PAGE], values={"q": text, "annee": str(year or "")},
        years=[(name, name) for name in known], first=avant is None, following=f"/marches?{more}" if more else None,
    )  # fmt: skip


@router.get("/marches/chiffres", dependencies=[Depends(PUBLIC)])
async def figures(request: Request, ctx: Ctx) -> Response:
    return await for_strangers(request, lambda: (_figures(request, ctx), LIFE))


def _figures(request: Request, ctx: Context) -> Response:
    with reading(ctx.database) as db:
        by_year, sizes = years(db), by(db, Essential.sme)
        charts = [*_by_year(by_year), *_by_group(db)]
    count = sum(group.count for group in by_year)
    known = [group for group in sizes if group.name != "None"]
    charts += [bars("Montant selon la taille du titulaire", _amounts(sizes, SIZES), "€")] if known else []
    total = sum(group.amount for group in by_year)
    return page(request, "open_data/figures.html", count=count, total=total, charts=charts, sized=bool(known))


def _by_year(groups: list[Group]) -> list[Markup]:
    names = [group.name for group in groups]
    return [
        bars("Montant des marchés par année", _amounts(groups, {}), "€"),
        bars("Nombre de marchés par année", [(group.name, group.count) for group in groups]),
        lines("Offres reçues par marché, en moyenne", names, [("Offres", [group.offers for group in groups])]),
        lines("Durée des marchés, en moyenne", names, [("Durée", [group.months for group in groups])], "mois"),
    ]


def _by_group(db: Session) -> list[Markup]:
    return [
        bars("Montant par acheteur, les vingt premiers", _amounts(buyers(db), {}), "€"),
        bars("Montant par procédure", _amounts(by(db, Essential.procedure), {"": "Non publiée sous le seuil"}), "€"),
        bars("Montant par nature d’achat", _amounts(by(db, Essential.kind), KINDS), "€"),
    ]


def _amounts(groups: list[Group], names: dict[str, str]) -> list[tuple[str, Any]]:
    return [(names.get(group.name, group.name), group.amount) for group in groups]


@router.get("/marches/{ref}", dependencies=[Depends(PUBLIC)])
def contract_page(request: Request, db: Db, ref: str) -> Response:
    """What was published of one contract, in words."""
    essential = find_published(db, ref)
    return page(
        request, "open_data/contract.html", contract=essential.contract, essential=essential,
        rows=in_words(essential.whole), acts=acts_in_words(essential), full=essential.form == FULL,
    )  # fmt: skip


@router.get("/marches/{ref}/donnees.{form}", dependencies=[Depends(PUBLIC)])
def download(request: Request, db: Db, ref: str, form: str) -> Response:
    """The record alone, as a document of its own; the five data of a smaller contract are JSON only."""
    essential = find_published(db, ref)
    made, name = shown(essential, request.app.state.sandbox), f"donnees-essentielles-{essential.contract.number}"
    if form == "json":
        content = to_json([made]) if essential.form == FULL else to_text(made).encode()
        return attachment(content, f"{name}.json", "application/json")
    if form == "xml" and essential.form == FULL:
        return attachment(to_xml([made]), f"{name}.xml", "application/xml")
    raise NotFound
