"""BODACC's stand-in: `annonces-commerciales` through Explore API v2.1, with its limits; notices from bodacc.yaml."""

import json
import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.sandbox.companies import Strict, book
from siret_lookup.bodacc import PATH

_MOST, _REACH = 100, 10_000
Json = dict[str, object]


class Entry(Strict):
    """One notice of bodacc.yaml; `corrects` is publication, issue, number and day of the notice it is about."""

    id: str
    published: date
    family: str
    nature: str
    judged: date | None = None
    complement: str | None = None
    kind: str = "annonce"
    corrects: tuple[str, str, str, date] | None = None
    repeat: int = 0
    raw: dict[str, object] = {}


def create_app() -> Starlette:
    """The stand-in as an application; it keeps no state."""
    return Starlette(routes=[Route(PATH, records)])


def records(request: Request) -> Response:
    """Records that match `where`: a family and SIRENs, as the service's query language writes them."""
    params = request.query_params
    where = params.get("where", "")
    sirens = {re.sub(r"\D", "", found) for found in re.findall(r'registre like "([\d ]+)"', where)}
    try:
        limit, offset = int(params.get("limit", "10")), int(params.get("offset", "0"))
    except ValueError:
        return _wrong("InvalidRESTParameterError", "Invalid value for limit or offset API parameter.")
    if not 0 <= limit <= _MOST:
        return _wrong("InvalidRESTParameterError", f"Invalid value for limit API parameter: {limit} was found.")
    if offset < 0 or offset + limit > _REACH:
        return _wrong("InvalidRESTParameterError", "Invalid value for sum of offset + limit API parameter.")
    if not sirens or 'familleavis="collective"' not in where:
        return _wrong("ODSQLError", "ODSQL query is malformed: invalid where clause.")
    found = [record for siren in sorted(sirens) for record in notices().get(siren, ())]
    found.sort(key=lambda record: (str(record["dateparution"]), str(record["id"])), reverse=True)
    return JSONResponse({"total_count": len(found), "results": found[offset : offset + limit]})


def _wrong(code: str, message: str) -> Response:
    return JSONResponse({"error_code": code, "message": message}, 400)


@cache
def notices() -> dict[str, list[Json]]:
    """By SIREN, in the shape of the data set."""
    raw = yaml.safe_load(Path(__file__).with_name("bodacc.yaml").read_text(encoding="utf-8"))
    return {
        siren: [record for entry in entries for record in _records(siren, Entry.model_validate(entry), raw["courts"])]
        for siren, entries in raw["notices"].items()
    }


def _records(siren: str, entry: Entry, court: str) -> list[Json]:
    """The notice, and its repetitions: the next numbers, on the next days."""
    first = int(entry.id[1:])
    return [
        _record(siren, entry, court, f"A{first + more}", entry.published + timedelta(days=more))
        for more in range(entry.repeat + 1)
    ]


def _record(siren: str, entry: Entry, court: str, identifier: str, published: date) -> Json:
    name = next(company.name for company in book().companies if company.siren == siren)
    judgment: Json = {"type": "initial", "famille": entry.family, "nature": entry.nature}
    judgment |= {"date": entry.judged and entry.judged.isoformat(), "complementJugement": entry.complement} | entry.raw
    precedent: Json | None = None
    if entry.corrects:
        publication, issue, number, day = entry.corrects
        precedent = {"nomPublication": publication, "numeroParution": issue, "numeroAnnonce": number}
        precedent["dateParution"] = day.isoformat()
    return {
        "id": identifier,
        "publicationavis": identifier[0],
        "parution": identifier[1:9],
        "dateparution": published.isoformat(),
        "numeroannonce": int(identifier[9:]),
        "typeavis": entry.kind,
        "familleavis": "collective",
        "familleavis_lib": "Procédures collectives",
        "tribunal": court,
        "commercant": name,
        "registre": [siren, f"{siren[:3]} {siren[3:6]} {siren[6:]}"],
        "jugement": json.dumps(judgment, ensure_ascii=False),
        "parutionavisprecedent": precedent and json.dumps(precedent, ensure_ascii=False),
        "url_complete": f"https://www.bodacc.fr/pages/annonces-commerciales-detail/?q.id=id:{identifier}",
    }
