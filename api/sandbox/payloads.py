"""The `data` and `meta` of each endpoint, in the published shapes of API Entreprise."""

from datetime import UTC, date, datetime, time, timedelta

from api.sandbox.companies import Company, Found, Place

Json = dict[str, object]
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


def trade_register(company: Company) -> Json:
    """v3 infogreffe extrait_kbis."""
    person = company.person
    return {
        "siren": company.siren,
        "date_radiation": company.struck_off and company.struck_off.isoformat(),
        "date_extrait": "2026-11-01",
        "date_immatriculation": company.created.isoformat(),
        "mandataires_sociaux": [
            {
                "type": "personne_physique",
                "fonction": "PRÉSIDENT",
                "nom": "ESSAI",
                "prenom": "CAMILLE",
                "date_naissance": "1980-01",
                "raison_sociale": None,
                "numero_identification": None,
            }
        ],
        "observations": [{"numero": "1", "libelle": "MENTION D’ESSAI", "date": "2020-01-15"}],
        "nom_commercial": company.trade_name,
        "etablissement_principal": {
            "activite": company.naf[1],
            "origine_fonds": "Création",
            "mode_exploitation": "Exploitation directe",
            "code_ape": (company.naf[0] or "").replace(".", ""),
        },
        "capital": {"montant": 10000.0, "devise": "Euro", "code_devise": "EUR"},
        "greffe": {"valeur": TOWN, "code": "9901"},
        "personne_physique": _register_person(company),
        "personne_morale": {
            "forme_juridique": {"valeur": company.legal_form[1], "code": company.legal_form[0]},
            "denomination": None if person else company.name,
            "date_cloture_exercice_comptable": "12-31",
            "date_fin_de_vie": None,
        },
    }


def vigilance(company: Company, today: date, document: tuple[str, int] | None) -> Json:
    """v4 urssaf attestation_vigilance; a certificate not delivered has no document."""
    refused, dated = company.vigilance == "refused", company.vigilance == "ok"
    starts = last_of_previous_month(today.replace(day=1) - timedelta(days=1))
    url, expires_in = document if document and not refused else (None, None)
    return {
        "document_url": url,
        "document_url_expires_in": expires_in,
        "date_debut_validite": starts.isoformat() if dated else None,
        "date_fin_validite": _end_of_month_after_six(starts).isoformat() if dated else None,
        "code_securite": "ESSAI0123456789" if dated else None,
        "entity_status": {
            "code": "refus_de_delivrance" if refused else "ok",
            "libelle": "Refus de délivrance" if refused else "Attestation délivrée",
            "description": "La situation de l’entreprise ne permet pas de délivrer l’attestation de vigilance."
            if refused
            else "La délivrance de l’attestation de vigilance a été acceptée par l’Urssaf.",
        },
    }


def tax_certificate(today: date, document: tuple[str, int]) -> Json:
    """v4 dgfip attestation_fiscale."""
    return {
        "document_url": document[0],
        "document_url_expires_in": document[1],
        "date_delivrance_attestation": today.isoformat(),
        "date_periode_analysee": last_of_previous_month(today).isoformat(),
    }


def turnover(company: Company) -> list[Json]:
    """v3 dgfip chiffres_affaires: a collection, each item wrapped again."""
    return [
        {"data": {"chiffre_affaires": amount, "date_fin_exercice": end.isoformat()}, "links": {}, "meta": {}}
        for end, amount in company.turnover
    ]


def last_of_previous_month(day: date) -> date:
    """31 October for any day of November."""
    return day.replace(day=1) - timedelta(days=1)


def _end_of_month_after_six(day: date) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + 7, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


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


def _register_person(company: Company) -> Json:
    person = company.person
    address = ("nom_postal", "numero", "type", "voie", "ligne_1", "ligne_2", "bureau_distributeur", "pays")
    return {
        "adresse": {**dict.fromkeys(address), "localite": TOWN, "code_postal": POSTCODE},
        "nationalite": {"valeur": None, "code": None},
        "nom": person and person.last,
        "prenom": person and person.first,
        "naissance": {"pays": {"valeur": None, "code": None}, "date": None, "lieu": None},
    }


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
