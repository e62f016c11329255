"""recherche-entreprises' stand-in: `/search`, open data without token, masks included."""

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
    """Nine or fourteen digits: direct look-up, else by name; an unknown number is a 200 without result."""
    query = request.query_params.get("q", "").strip()
    try:
        page, per_page, shown = (_whole(request, *limit) for limit in _LIMITS)
    except ValueError as error:
        return JSONResponse({"erreur": str(error)}, 400)
    if len(query) < 3:
        return JSONResponse({"erreur": "3 caractères minimum pour les termes de la requête (`q`)."}, 400)
    digits = query.replace(" ", "")
    matches = [company for company in book().companies if company.diffusion != "N" and _matches(company, digits, query)]
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


def _whole(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise ValueError(f"Veuillez indiquer un paramètre `{name}` entre `1` et `{most}`.")
    return int(value)


def _matches(company: Company, digits: str, query: str) -> bool:
    if digits.isdigit():
        return digits in (company.siren, *(place.siret for place in company.places))
    return query.casefold() in company.name.casefold()


def _result(company: Company, digits: str, shown: int) -> dict[str, object]:
    wanted = [place for place in company.places if digits in (place.siret, company.siren) or not digits.isdigit()]
    person = company.person
    name = _MASK if person and company.diffusion == "P" else company.name
    return {
        "siren": company.siren,
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
