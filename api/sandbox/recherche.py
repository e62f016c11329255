"""recherche-entreprises' stand-in: `/search`, open data without token, masks included."""

import re
import unicodedata

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.sandbox.answers.insee import POSTCODE, TOWN, TOWN_CODE
from api.sandbox.companies import Company, Place, book

_MASK = "[NON-DIFFUSIBLE]"
_PER_PAGE = 25
_PLACES = 100


def create_app() -> Starlette:
    """The stand-in as an application; it keeps no state."""
    return Starlette(routes=[Route("/search", search)])


def search(request: Request) -> Response:
    """Nine or fourteen digits: direct look-up without filters, else by name; an unknown number is an empty 200."""
    query = request.query_params.get("q", "").strip()
    try:
        page, per_page, shown = (_whole(request, *limit) for limit in _LIMITS)
    except ValueError as error:
        return JSONResponse({"erreur": str(error)}, 400)
    filters = [value for name in _FILTERS if (value := request.query_params.get(name))]
    if len(query) < 3 and not filters:
        few = "3 caractères minimum pour les termes de la requête (ou utilisez au moins un filtre)"
        return JSONResponse({"erreur": few}, 400)
    digits = query.replace(" ", "")
    direct = digits.isdigit() and len(digits) in (9, 14)
    if not direct and (wrong := _wrong_filter(request)):
        return JSONResponse({"erreur": f"Au moins un paramètre `{wrong}` est non valide."}, 400)
    shown_ones = [company for company in book().companies if company.diffusion != "N"]
    matches = [c for c in shown_ones if _matches(c, digits, query) and (direct or _kept(c, request))]
    results = [_result(company, digits, shown) for company in matches[(page - 1) * per_page : page * per_page]]
    return JSONResponse(
        {
            "results": results,
            "total_results": len(matches),
            "page": page,
            "per_page": per_page,
            "total_pages": -(-len(matches) // per_page),
        }
    )


_LIMITS = (("page", 1, 1000), ("per_page", 10, _PER_PAGE), ("limite_matching_etablissements", 10, _PLACES))


_FILTERS = {
    "departement": re.compile(r"0[1-9]|[1-8]\d|2[AB]|9[0-59]|97[12346]"),
    "activite_principale": re.compile(r"\d\d\.\d\d[A-Z]"),
}


def _wrong_filter(request: Request) -> str | None:
    given = ((name, request.query_params.get(name)) for name in _FILTERS)
    return next((name for name, value in given if value and not _FILTERS[name].fullmatch(value)), None)


def _kept(company: Company, request: Request) -> bool:
    department, activity = (request.query_params.get(name) for name in _FILTERS)
    return department in (None, POSTCODE[:2]) and activity in (None, company.naf[0])


def _whole(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise ValueError(f"Veuillez indiquer un paramètre `{name}` entre `1` et `{most}`.")
    return int(value)


def _matches(company: Company, digits: str, query: str) -> bool:
    if digits.isdigit() and len(digits) in (9, 14):
        return digits in (company.siren, *(place.siret for place in company.places))
    return _folded(query) in _folded(company.name)


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _result(company: Company, digits: str, shown: int) -> dict[str, object]:
    by_siret = digits.isdigit() and len(digits) == 14
    wanted = [place for place in company.places if not by_siret or digits == place.siret]
    person = company.person
    name = _MASK if person and company.diffusion == "P" else company.name
    return {
        "siren": company.siren,
        "siren_conserve": company.redirect_to and company.redirect_to[:9],
        "nom_complet": name,
        "nom_raison_sociale": None if person else name,
        "sigle": company.acronym,
        "nombre_etablissements": len(company.places),
        "nombre_etablissements_ouverts": sum(place.closed is None for place in company.places),
        "siege": _place(company, company.head_office),
        "activite_principale": company.naf[0],
        "activite_principale_naf25": company.naf_2025[0],
        "categorie_entreprise": company.category,
        "nature_juridique": company.legal_form[0],
        "etat_administratif": "C" if company.ceased else "A",
        "tranche_effectif_salarie": company.workforce,
        "statut_diffusion": company.diffusion,
        "dirigeants": [],
        "matching_etablissements": [_place(company, place) for place in wanted[:shown]],
        "finances": None,
        "complements": {"est_association": company.rna is not None, "identifiant_association": company.rna},
    }


def _place(company: Company, place: Place) -> dict[str, object]:
    masked = company.diffusion == "P"
    return {
        "siret": place.siret,
        "est_siege": place is company.head_office,
        "activite_principale": company.naf[0],
        "activite_principale_naf25": company.naf_2025[0],
        "tranche_effectif_salarie": company.workforce,
        "annee_tranche_effectif_salarie": "2024" if company.workforce else None,
        "adresse": _MASK if masked else f"{place.street} {POSTCODE} {TOWN}",
        "code_postal": _MASK if masked else POSTCODE,
        "libelle_commune": TOWN,
        "commune": TOWN_CODE,
        "etat_administratif": "F" if place.closed else "A",
        "date_fermeture": place.closed and place.closed.isoformat(),
        "statut_diffusion_etablissement": company.diffusion,
        "liste_enseignes": [company.trade_name] if company.trade_name and not masked else None,
        "liste_idcc": None,
        "liste_rge": None,
    }
