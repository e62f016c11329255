"""API Sirene 3.11's stand-in: key, quota, one record by SIRET, successions; masks, duplicates and withheld units."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api.sandbox.answers.insee import POSTCODE, TOWN, TOWN_CODE
from api.sandbox.companies import Company, Place, book

KEY = "sandbox-sirene-key"
_LIMIT = 30
_ND = "[ND]"
Json = dict[str, object]


def create_app(clock: Callable[[], datetime]) -> Starlette:
    """The stand-in as an application; calls are counted in it."""
    app = Starlette(routes=[Route("/siret/liensSuccession", successions), Route("/siret/{siret}", establishment)])
    app.state.clock, app.state.lock, app.state.calls = clock, Lock(), {}
    return app


def establishment(request: Request) -> Response:
    """One record; 301 for a duplicate, 403 for what is never diffused."""
    refused = _refused(request)
    if refused:
        return refused
    siret = request.path_params["siret"]
    if not re.fullmatch(r"\d{14}", siret):
        return _answer(400, f"Erreur de syntaxe dans le paramètre siret={siret}")
    company, place = next(
        ((c, p) for c in book().companies for p in c.places if p.siret == siret),
        (None, None),
    )
    if company is None or place is None:
        return _answer(404, f"Aucun élément trouvé pour le siret {siret}")
    if "insee_etablissement" in company.faults:
        return _answer(503, "Service momentanément indisponible")
    if company.diffusion == "N":
        return _answer(403, f"Établissement non diffusable ({siret})")
    if company.redirect_to:
        return RedirectResponse(request.url_for("establishment", siret=company.redirect_to), 301)
    return JSONResponse({"header": {"statut": 200, "message": "ok"}, "etablissement": _record(company, place)})


def successions(request: Request) -> Response:
    """Links in which the SIRETs of `q` stand."""
    refused = _refused(request)
    if refused:
        return refused
    query = request.query_params.get("q", "")
    asked = set(re.findall(r"(siretEtablissement(?:Predecesseur|Successeur)):(\d{14})", query))
    if not asked:
        return _answer(400, "Erreur de syntaxe dans le paramètre q")
    found = [link for link in _links() if asked & set(link.items())]
    if not found:
        return _answer(404, f"Aucun lien de succession n'a été trouvé pour le paramètre q={query}")
    header = {"statut": 200, "message": "ok", "total": len(found), "debut": 0, "nombre": len(found)}
    return JSONResponse({"header": header, "liensSuccession": found})


def _refused(request: Request) -> Response | None:
    if request.headers.get("X-INSEE-Api-Key-Integration") != KEY:
        return JSONResponse({"message": "Unauthorized", "http_status_code": 401}, 401)
    state = request.app.state
    minute = state.clock().replace(second=0, microsecond=0)
    with state.lock:
        state.calls = {minute: state.calls.get(minute, 0) + 1}
        over = state.calls[minute] > _LIMIT
    if over:
        reset = int((minute + timedelta(minutes=1)).timestamp() * 1000)
        message = {"message": f"Rate limit exceeded ! You reach the limit of {_LIMIT} requests per 1 minutes"}
        return JSONResponse(message | {"http_status_code": 429}, 429, {"X-Rate-Limit-Reset": str(reset)})
    return None


def _answer(status: int, message: str) -> Response:
    return JSONResponse({"header": {"statut": status, "message": message}}, status)


@cache
def _links() -> list[Json]:
    raw = yaml.safe_load(Path(__file__).with_name("successions.yaml").read_text(encoding="utf-8"))
    return [
        {
            "siretEtablissementPredecesseur": link["from"],
            "siretEtablissementSuccesseur": link["to"],
            "dateLienSuccession": link["since"].isoformat(),
            "transfertSiege": link["moved"],
            "continuiteEconomique": link["carried_on"],
            "dateDernierTraitementLienSuccession": f"{link['since'].isoformat()}T08:00:00",
        }
        for link in raw
    ]


def _record(company: Company, place: Place) -> Json:
    return {
        "siren": company.siren,
        "nic": place.siret[9:],
        "siret": place.siret,
        "statutDiffusionEtablissement": company.diffusion,
        "dateCreationEtablissement": company.created.isoformat(),
        "trancheEffectifsEtablissement": company.workforce,
        "anneeEffectifsEtablissement": "2024" if company.workforce else None,
        "activitePrincipaleNAF25Etablissement": company.naf_2025[0],
        "etablissementSiege": place is company.head_office,
        "uniteLegale": _unit(company),
        "adresseEtablissement": _address(company, place),
        "periodesEtablissement": _periods(company, place),
    }


def _unit(company: Company) -> Json:
    person, masked = company.person, company.diffusion == "P"

    def shown(value: str | None) -> str | None:
        return _ND if masked and value else value

    return {
        "etatAdministratifUniteLegale": "C" if company.ceased else "A",
        "statutDiffusionUniteLegale": company.diffusion,
        "dateCreationUniteLegale": company.created.isoformat(),
        "categorieJuridiqueUniteLegale": company.legal_form[0],
        "denominationUniteLegale": None if person else company.name,
        "sigleUniteLegale": shown(company.acronym),
        "nomUniteLegale": person and shown(person.birth_name or person.last),
        "nomUsageUniteLegale": person and person.birth_name and shown(person.last),
        "prenom1UniteLegale": person and shown(person.first),
        "prenomUsuelUniteLegale": person and shown(person.first),
        "pseudonymeUniteLegale": None,
        "activitePrincipaleUniteLegale": company.naf[0],
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2" if company.naf[0] else None,
        "identifiantAssociationUniteLegale": company.rna,
        "economieSocialeSolidaireUniteLegale": "O" if company.social_economy else "N",
        "trancheEffectifsUniteLegale": company.workforce,
        "anneeEffectifsUniteLegale": "2024" if company.workforce else None,
        "nicSiegeUniteLegale": company.head_office.siret[9:],
        "categorieEntreprise": company.category,
    }


def _address(company: Company, place: Place) -> Json:
    number, _, way = place.street.partition(" ")
    hidden: Json = {
        "numeroVoieEtablissement": number,
        "libelleVoieEtablissement": way,
        "codePostalEtablissement": POSTCODE,
    }
    if company.diffusion == "P":
        hidden = dict.fromkeys(hidden, _ND)
    absent = ("complementAdresse", "indiceRepetition", "typeVoie", "distributionSpeciale", "libelleCommuneEtranger")
    return {
        **{f"{name}Etablissement": None for name in (*absent, "codePaysEtranger", "libellePaysEtranger")},
        **hidden,
        "libelleCommuneEtablissement": TOWN,
        "codeCommuneEtablissement": TOWN_CODE,
    }


def _periods(company: Company, place: Place) -> list[Json]:
    """Latest first; a closed place has had one more change since, as Sirene shows it."""

    def period(state: str, start: object, end: object) -> Json:
        masked = company.diffusion == "P" and company.person is not None and company.trade_name
        return {
            "dateFin": end and str(end),
            "dateDebut": str(start),
            "etatAdministratifEtablissement": state,
            "enseigne1Etablissement": _ND if masked else company.trade_name,
            "denominationUsuelleEtablissement": None,
            "activitePrincipaleEtablissement": company.naf[0],
            "nomenclatureActivitePrincipaleEtablissement": "NAFRev2" if company.naf[0] else None,
        }

    if place.closed is None:
        return [period("A", company.created, None)]
    later = place.closed + timedelta(days=30)
    return [
        period("F", later, None),
        period("F", place.closed, later - timedelta(days=1)),
        period("A", company.created, place.closed - timedelta(days=1)),
    ]
