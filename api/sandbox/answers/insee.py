"""Insee's answers: establishments, companies, head offices, addresses and successions, masks included."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from api.sandbox.answers.endpoint import Asked, Endpoint, Json
from api.sandbox.companies import Company, Found, Place

_ND = "[ND]"
TOWN, POSTCODE, TOWN_CODE = "ESSAI-SUR-LOIRE", "99000", "99001"
_DIFFUSION = {"O": "diffusible", "P": "partiellement_diffusible", "N": "non_diffusible"}
_WORKFORCE: dict[str, tuple[str, int | None, int | None]] = {
    "NN": ("Unité non employeuse", None, None),
    "11": ("10 à 19 salariés", 10, 19),
    "31": ("200 à 249 salariés", 200, 249),
    "42": ("1 000 à 1 999 salariés", 1000, 1999),
}


def establishment(found: Found, masked: bool) -> Json:
    """v4 insee/sirene/etablissements; `masked` for the open endpoint of a partially diffused company."""
    company, place = found.company, found.place
    trade_name = _ND if masked and company.person and company.trade_name else company.trade_name
    return {
        "siret": place.siret,
        "siege_social": place is company.head_office,
        "etat_administratif": "F" if place.closed else "A",
        "date_fermeture": _unix(place.closed),
        "enseigne": trade_name,
        **_activity(company),
        "tranche_effectif_salarie": _workforce(company),
        "diffusable_commercialement": company.diffusion == "O",
        "status_diffusion": _DIFFUSION[company.diffusion],
        "date_creation": _unix(company.created),
        "unite_legale": _unit(company, masked),
        "adresse": _address(company, place, masked),
    }


def legal_unit(found: Found, masked: bool) -> Json:
    """v4 insee/sirene/unites_legales."""
    return {**_unit(found.company, masked), "date_cessation": _unix(found.company.ceased)}


def _head_office(found: Found) -> Found:
    return Found(found.company, found.company.head_office, found.redirected_from)


def _hidden(asked: Asked) -> bool:
    return asked.company.diffusion == "P"


def _successions(asked: Asked) -> Json:
    company, place = asked.company, asked.found.place
    if place.closed is None or place is company.head_office:
        return {"predecesseurs": [], "successeurs": []}
    link = {
        "siret": company.head_office.siret,
        "date_succession": place.closed.isoformat(),
        "transfert_siege": True,
        "continuite_economique": True,
    }
    return {"predecesseurs": [], "successeurs": [link]}


def _around_place(asked: Asked) -> Json:
    links = {"unite_legale": asked.link("insee_unite_legale", asked.company.siren)}
    return {"links": links, "meta": _meta(asked) | {"redirect_from_siret": asked.found.redirected_from}}


def _around_address(asked: Asked) -> Json:
    siret = asked.found.place.siret
    links = {
        "unite_legale": asked.link("insee_unite_legale", siret[:9]),
        "etablissement": asked.link("insee_etablissement", siret),
    }
    return {"links": links, "meta": _meta(asked)}


def _around_unit(asked: Asked) -> Json:
    office = asked.link("insee_etablissement", asked.company.head_office.siret)
    redirected = asked.found.redirected_from and asked.found.redirected_from[:9]
    links = {"siege_social": office, "siege_social_adresse": office + "/adresse"}
    return {"links": links, "meta": _meta(asked) | {"redirect_from_siren": redirected}}


def _meta(asked: Asked) -> Json:
    return {"date_derniere_mise_a_jour": int((asked.now - timedelta(days=30)).timestamp())}


def _unit(company: Company, masked: bool) -> Json:
    person = company.person
    names = _person_names(company)
    return {
        "siren": company.siren,
        "rna": company.rna,
        "siret_siege_social": company.head_office.siret,
        "type": "personne_physique" if person else "personne_morale",
        "personne_morale_attributs": {
            "raison_sociale": None if person else company.name,
            "sigle": _ND if masked and company.acronym else company.acronym,
        },
        "personne_physique_attributs": {k: _ND if masked and v else v for k, v in names.items()},
        "categorie_entreprise": company.category,
        "status_diffusion": _DIFFUSION[company.diffusion],
        "diffusable_commercialement": company.diffusion == "O",
        "forme_juridique": {"code": company.legal_form[0], "libelle": company.legal_form[1]},
        **_activity(company),
        "tranche_effectif_salarie": _workforce(company),
        "economie_sociale_et_solidaire": company.social_economy,
        "date_creation": _unix(company.created),
        "etat_administratif": "C" if company.ceased else "A",
    }


def _person_names(company: Company) -> dict[str, str | None]:
    person = company.person
    names: dict[str, str | None] = dict.fromkeys(
        ("pseudonyme", "prenom_usuel", "prenom_1", "prenom_2", "prenom_3", "prenom_4", "nom_usage", "nom_naissance")
    )
    names["sexe"] = person.sex if person else None
    if person:
        names |= {"prenom_usuel": person.first, "prenom_1": person.first}
        names |= {"nom_naissance": person.birth_name or person.last}
        names |= {"nom_usage": person.last if person.birth_name else None}
    return names


def _activity(company: Company) -> Json:
    def activity(code: str | None, words: str, nomenclature: str) -> Json:
        return {"code": code, "libelle": words, "nomenclature": nomenclature if code else None}

    return {
        "activite_principale": activity(*company.naf_2025, "NAF2025"),
        "activite_principale_naf_rev2": activity(*company.naf, "NAFRev2"),
    }


def _workforce(company: Company) -> Json:
    if company.workforce is None:
        return {"de": None, "a": None, "code": None, "date_reference": None, "intitule": None}
    words, low, high = _WORKFORCE[company.workforce]
    return {"de": low, "a": high, "code": company.workforce, "date_reference": "2024", "intitule": words}


def _address(company: Company, place: Place, masked: bool) -> Json:
    number, _, way = place.street.partition(" ")
    name = f"{company.person.first} {company.person.last}" if company.person else company.name
    town = f"{POSTCODE} {TOWN}"
    postal = {"l1": name, "l2": None, "l3": None, "l4": place.street, "l5": None, "l6": town, "l7": "FRANCE"}
    hidden = {"numero_voie": number, "libelle_voie": way, "code_postal": POSTCODE}
    if masked:
        postal |= dict.fromkeys(("l1", "l2", "l3", "l4", "l5", "l6"), _ND)
        hidden = dict.fromkeys(hidden, _ND)
    absent = (
        *("complement_adresse", "indice_repetition_voie", "type_voie", "distribution_speciale", "code_cedex"),
        *("libelle_cedex", "libelle_commune_etranger", "code_pays_etranger", "libelle_pays_etranger"),
    )
    return {
        **dict.fromkeys(absent),
        **hidden,
        "code_commune": TOWN_CODE,
        "libelle_commune": TOWN,
        "status_diffusion": _DIFFUSION[company.diffusion],
        "acheminement_postal": postal,
    }


def _unix(day: date | None) -> int | None:
    # Insee's « unknown » is 1 January 1900: the API gives null.
    if day is None or day == date(1900, 1, 1):
        return None
    return int(datetime.combine(day, time(12), UTC).timestamp())


def _endpoint(key: str, path: str, answer: Callable[[Asked], Json], around: Callable[[Asked], Json]) -> Endpoint:
    by: Literal["siret", "siren"] = "siren" if "unites_legales" in path else "siret"
    return Endpoint(key, path, by, "INSEE", "01", answer, "insee/sirene", around=around)


_PLACES, _UNITS = "/v4/insee/sirene/etablissements", "/v4/insee/sirene/unites_legales"
_V3 = "/v3/insee/sirene/etablissements"
ENDPOINTS = (
    _endpoint(
        "insee_etablissement_diffusible",
        _PLACES + "/diffusibles/{id}",
        lambda asked: establishment(asked.found, _hidden(asked)),
        _around_place,
    ),
    _endpoint("insee_etablissement", _PLACES + "/{id}", lambda asked: establishment(asked.found, False), _around_place),
    _endpoint(
        "insee_siege_diffusible",
        _UNITS + "/diffusibles/{id}/siege_social",
        lambda asked: establishment(_head_office(asked.found), _hidden(asked)),
        _around_place,
    ),
    _endpoint(
        "insee_siege",
        _UNITS + "/{id}/siege_social",
        lambda asked: establishment(_head_office(asked.found), False),
        _around_place,
    ),
    _endpoint(
        "insee_unite_legale_diffusible",
        _UNITS + "/diffusibles/{id}",
        lambda asked: legal_unit(asked.found, _hidden(asked)),
        _around_unit,
    ),
    _endpoint("insee_unite_legale", _UNITS + "/{id}", lambda asked: legal_unit(asked.found, False), _around_unit),
    _endpoint(
        "insee_adresse_diffusible",
        _V3 + "/diffusibles/{id}/adresse",
        lambda asked: _address(asked.company, asked.found.place, _hidden(asked)),
        _around_address,
    ),
    _endpoint(
        "insee_adresse",
        _V3 + "/{id}/adresse",
        lambda asked: _address(asked.company, asked.found.place, False),
        _around_address,
    ),
    _endpoint("insee_successions", _V3 + "/{id}/successions", _successions, lambda _: {}),
)
