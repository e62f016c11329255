"""The yearly lists of the contracts of 25 000 to 40 000 €, for anyone: a page, CSV and JSON (R2196-1)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.auth import PUBLIC
from api.db import Db
from api.downloads import attachment
from api.open_data import shown
from api.render import page
from procurement.errors import NotFound
from procurement.publication.decp import to_text
from procurement.publication.yearly import Line, buyers_listed, yearly
from procurement.rules import rule_table
from procurement.spreadsheet import written

router = APIRouter(include_in_schema=False)
HERE = "/marches/listes"
PAGE = 50
After = Annotated[int, Query(ge=0, le=2**31 - 1)]
HEADER = ("objet", "montant_ht", "date_conclusion", "attributaire", "code_postal")


@router.get(HERE, dependencies=[Depends(PUBLIC)])
def lists(request: Request, db: Db, apres: After = 0) -> Response:
    """Which buyers have a list, and for which years."""
    found = buyers_listed(db, apres, PAGE)
    following = f"{HERE}?apres={found[-1].id}" if len(found) == PAGE else None
    return page(request, "open_data/yearly_lists.html", buyers=found, following=following)


@router.get(HERE + "/{ref}/{annee}", dependencies=[Depends(PUBLIC)])
def one_list(request: Request, db: Db, ref: str, annee: str, apres: After = 0) -> Response:
    buyer, found = yearly(db, ref, _year(annee), apres, PAGE)
    here = f"{HERE}/{ref}/{annee}"
    following = f"{here}?apres={found[-1].essential.id}" if len(found) == PAGE else None
    figures = rule_table().figures
    law = next(figure for figure in figures if figure.id == "decp_threshold")
    return page(
        request, "open_data/yearly_list.html", buyer=buyer, year=annee, here=here, following=following,
        rows=[(line.essential.contract.ref, *_cells(request, line)) for line in found], law=law.origin,
    )  # fmt: skip


@router.get(HERE + "/{ref}/{annee}/liste.{form}", dependencies=[Depends(PUBLIC)])
def download(request: Request, db: Db, ref: str, annee: str, form: str) -> Response:
    """The whole list in one file."""
    buyer, found = yearly(db, ref, _year(annee))
    name, rows = f"marches-{annee}-{buyer.siret}", [_cells(request, line) for line in found]
    if form == "csv":
        return attachment(written(HEADER, rows), f"{name}.csv", "text/csv; charset=utf-8")
    if form != "json":
        raise NotFound
    body = {
        "acheteur": {"id": buyer.siret, "nom": buyer.name}, "annee": int(annee),
        "marches": [_object(cells) for cells in rows],
    }  # fmt: skip
    return attachment(to_text(body).encode(), f"{name}.json", "application/json")


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise NotFound
    return int(text)


def _cells(request: Request, line: Line) -> tuple[Any, ...]:
    """As HEADER; the sandbox is said in the object."""
    made = shown(line.essential, request.app.state.sandbox)
    return made["objet"], made["montant"], line.concluded_on, made["attributaire"], made["codePostal"]


def _object(cells: tuple[Any, ...]) -> dict[str, Any]:
    said, amount, day, holder, postcode = cells
    return {
        "objet": said, "montant": amount, "dateConclusion": day.isoformat(), "attributaire": holder,
        "codePostal": postcode,
    }  # fmt: skip
