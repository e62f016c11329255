"""Answers on money and staff: DGFiP, Banque de France, GIP-MDS."""

from api.sandbox.answers.endpoint import Asked, Endpoint, Json, last_of_previous_month
from api.sandbox.companies import Company

_STAFF: dict[str, float] = {"11": 14.5, "31": 231.0, "42": 1420.5}


def _tax_certificate(asked: Asked) -> Json:
    url, seconds = asked.publish("Attestation de régularité fiscale")
    return {
        "document_url": url,
        "document_url_expires_in": seconds,
        "date_delivrance_attestation": asked.today.isoformat(),
        "date_periode_analysee": last_of_previous_month(asked.today).isoformat(),
    }


def _turnover(asked: Asked) -> list[Json] | None:
    years = asked.company.turnover
    return [{"chiffre_affaires": amount, "date_fin_exercice": end.isoformat()} for end, amount in years] or None


def _of_year(asked: Asked) -> tuple[str, int] | None:
    """The end and the turnover of the financial year that ends in the year asked."""
    found = (
        (end.isoformat(), amount) for end, amount in asked.company.turnover if str(end.year) == asked.values["year"]
    )
    return next(found, None)


def _tax_return(asked: Asked) -> Json | None:
    if (found := _of_year(asked)) is None:
        return None
    end, amount = found
    regime = {"code": "RN", "libelle": "Réel normal"}
    common = {
        "regime": regime,
        "date_declaration": f"{int(end[:4]) + 1}-05-03",
        "date_fin_exercice": end,
        "duree_exercice": 12,
        "millesime": f"{int(end[:4]) + 1}01",
    }
    income = [_line("FL", "Chiffres d’affaires nets", str(amount)), _line("HN", "Bénéfice ou perte", str(amount // 20))]
    partners = [_line("NM", "Nom patronymique et prénom", "ESSAI CAMILLE"), _line("PP", "Nombre de parts", "100")]
    return {
        "obligations_fiscales": [
            {"id": "1", "code": "IS", "libelle": "Impôt sur les sociétés", "reference": "IS1", "regime": "RN"}
        ],
        "declarations": [
            {"numero_imprime": "2052", **common, "donnees": income},
            {"numero_imprime": "2059F", **common, "donnees": partners},
        ],
    }


def _line(code: str, title: str, value: str) -> Json:
    return {
        "code": code,
        "code_EDI": f"{code}:C516:5004:1",
        "code_absolu": "2005759",
        "code_type_donnee": "MOA",
        "intitule": title,
        "code_nref": "300476",
        "valeurs": [value],
    }


def _links(asked: Asked) -> Json | None:
    if _of_year(asked) is None or asked.company.person:
        return None
    person = {
        "type": "personne_physique",
        "pourcentage": 75.5,
        "nombre_parts": 755,
        "personne_physique_attributes": {
            "civilite": "MME",
            "nom_patronymique_et_prenoms": "ESSAI CAMILLE",
            "nom_marital": None,
            "date_naissance": {"annee": "1980", "mois": "01"},
        },
        "personne_morale_attributes": dict.fromkeys(
            ("siren", "denomination", "complement_denomination", "forme_juridique")
        ),
        "adresse": _address(),
    }
    daughter = {
        "siren": "000010017",
        "denomination": "FILIALE D’ESSAI",
        "complement_denomination": None,
        "forme_juridique": "SAS",
        "pourcentage_detention": 100,
        "adresse": _address(),
    }
    return {
        "capital": {
            "actionnaires": [person],
            "repartition": {
                "personnes_physiques": {"total_actions": 755, "nombre": 1},
                "personnes_morales": {"total_actions": 245, "nombre": 1},
            },
            "depose_neant": False,
        },
        "participations": {"filiales": [daughter], "nombre_filiales": 1, "depose_neant": False},
    }


def _address() -> Json:
    return {
        "numero": "1",
        "voie": "RUE DES ESSAIS",
        "lieu_dit_hameau": None,
        "code_postal": "99000",
        "ville": "ESSAI-SUR-LOIRE",
        "pays": None,
    }


def _balance_sheets(asked: Asked) -> list[Json] | None:
    return [_balance_sheet(end.isoformat(), amount) for end, amount in asked.company.turnover] or None


def _balance_sheet(end: str, amount: int) -> Json:
    def money(part: int) -> Json:
        return {"valeur": str(amount // part), "evolution": 2.5}

    return {
        "annee": end[:4],
        "date_arrete_exercice": end,
        "valeurs_calculees": [
            {
                "disponibilites": money(10),
                "total_dettes_stables": money(8),
                "valeur_ajoutee_bdf": money(2),
                "besoin_en_fonds_de_roulement": money(9),
                "excedent_brut_exploitation": money(12),
                "capacite_autofinancement": money(15),
                "fonds_roulement_net_global": money(7),
                "ratio_fonds_roulement_net_global_sur_besoin_en_fonds_de_roulement": {
                    "valeur": 1.28,
                    "evolution": None,
                },
                "dettes4_maturite_a_un_an_au_plus": money(11),
            }
        ],
        "declarations": [
            {
                "numero_imprime": "2052",
                "donnees": [{**_line("FL", "Chiffres d’affaires nets", str(amount)), "evolution": None}],
            }
        ],
    }


def _staff(company: Company) -> float | None:
    return _STAFF.get(company.workforce or "")


def _lines(asked: Asked, nature: str) -> list[Json]:
    """The general scheme, and the farming one where the company has both: a value that is not communicated is null."""
    general: Json = {
        "regime": "regime_general",
        "nature": nature,
        "value": _staff(asked.company),
        "date_derniere_mise_a_jour": asked.today.replace(day=1).isoformat(),
    }
    farming: Json = {**general, "regime": "regime_agricole", "value": None}
    return [general, farming] if "msa_conformite" in asked.company.has else [general]


def _staff_of_year(asked: Asked) -> Json | None:
    if _staff(asked.company) is None:
        return None
    lines = _lines(asked, "effectif_moyen_annuel")
    return {"siren": asked.company.siren, "annee": asked.values["year"], "effectifs_annuel": lines}


def _staff_of_month(asked: Asked) -> Json | None:
    if _staff(asked.company) is None:
        return None
    month = {"annee": asked.values["year"], "mois": asked.values["month"]}
    lines = [{**line, **month} for line in _lines(asked, "effectif_moyen_mensuel")]
    return {"siret": asked.found.place.siret, "effectifs_mensuels": lines}


_DGFIP = "/v3/dgfip/unites_legales/{id}"
ENDPOINTS = (
    Endpoint(
        "attestation_fiscale",
        "/v4/dgfip/unites_legales/{id}/attestation_fiscale",
        "siren",
        "DGFIP - Adélie",
        "03",
        _tax_certificate,
        "dgfip/attestation_fiscale",
        group="dgfip",
    ),
    Endpoint(
        "chiffres_affaires",
        "/v3/dgfip/etablissements/{id}/chiffres_affaires",
        "siret",
        "DGFIP - Adélie",
        "03",
        _turnover,
        "dgfip/chiffre_affaires",
        around=lambda asked: {"meta": {"count": len(asked.company.turnover)}},
    ),
    Endpoint(
        "liasses_fiscales",
        _DGFIP + "/liasses_fiscales/{year}",
        "siren",
        "DGFIP - Adélie",
        "03",
        _tax_return,
        "dgfip/liasses_fiscales",
        around=lambda _: {"meta": {"internal_id_itip": "ESSAI"}},
    ),
    Endpoint(
        "liens_capitalistiques",
        _DGFIP + "/liens_capitalistiques/{year}",
        "siren",
        "DGFIP - Adélie",
        "03",
        _links,
        "dgfip/liens_capitalistiques",
    ),
    Endpoint(
        "bilans_bdf",
        "/v3/banque_de_france/unites_legales/{id}/bilans",
        "siren",
        "Banque de France",
        "17",
        _balance_sheets,
        "banque_de_france/bilans",
        around=lambda asked: {"meta": {"count": len(asked.company.turnover)}},
    ),
    Endpoint(
        "effectifs_annuels",
        "/v3/gip_mds/unites_legales/{id}/effectifs_annuels/{year}",
        "siren",
        "GIP-MDS",
        "31",
        _staff_of_year,
        "gip_mds/effectifs",
        group="gip_mds",
    ),
    Endpoint(
        "effectifs_mensuels",
        "/v3/gip_mds/etablissements/{id}/effectifs_mensuels/{month}/annee/{year}",
        "siret",
        "GIP-MDS",
        "31",
        _staff_of_month,
        "gip_mds/effectifs",
        group="gip_mds",
    ),
)
