"""Answers on associations: DJEPVA and Data.Subvention; whoever has no RNA number is unknown to both."""

from api.sandbox.answers.endpoint import Asked, Endpoint, Json
from api.sandbox.answers.insee import POSTCODE, TOWN, TOWN_CODE

_APPROVAL: Json = {
    "numero": "99-001",
    "date_attribution": "2020-02-01",
    "type": "Jeunesse et éducation populaire",
    "niveau": "local",
    "attributeur": "PRÉFECTURE D’ESSAI",
    "url": None,
}


def _open(asked: Asked) -> Json | None:
    company = asked.company
    if company.rna is None:
        return None
    return {
        "rna": company.rna,
        "ancien_id": None,
        "siren": company.siren,
        "nom": company.name,
        "active": company.ceased is None,
        "sigle": company.acronym,
        "reconnue_utilite_publique": False,
        "siret_siege": company.head_office.siret,
        "forme_juridique": {"code": company.legal_form[0], "libelle": company.legal_form[1]},
        "regime": "Loi 1901",
        "groupement": "Simple",
        "eligibilite_cec": True,
        "raison_non_eligibilite_cec": None,
        "impots_commerciaux": True,
        "date_creation": company.created.isoformat(),
        "date_dissolution": None,
        "date_publication_reconnue_utilite_publique": None,
        "date_publication_journal_officiel": company.created.isoformat(),
        "adresse_siege": _address(company.head_office.street),
        "adresse_gestion": _address(company.head_office.street),
        "alsace_moselle": dict.fromkeys(
            ("tribunal_instance", "volume", "folio", "date_publication_registre_association")
        ),
        "composition_reseau": [],
        "agrements": [_APPROVAL],
        "activites": _activities(asked),
        "etablissements": [_place(asked, protected=False)],
    }


def _protected(asked: Asked) -> Json | None:
    open_data = _open(asked)
    if open_data is None:
        return None
    statutes = {
        "id": "1",
        "type": "Pièce",
        "sous_type": {"code": "STC", "libelle": "Statuts"},
        "date_depot": "2021-03-12",
        "annee_depot": "2021",
        "url": asked.publish("Statuts de l’association")[0],
    }
    return open_data | {
        "etablissements": [_place(asked, protected=True)],
        "reseaux_affiliation": [],
        "documents_rna": [statutes],
    }


def _activities(asked: Asked) -> Json:
    purpose = {"code": "006000", "libelle": "culture, pratiques d’activités artistiques"}
    return {
        "objet": "Faire des essais",
        "objet_social1": purpose,
        "objet_social2": {"code": None, "libelle": None},
        "champ_action_territorial": "local",
        "activite_principale": {"code": asked.company.naf[0], "libelle": asked.company.naf[1], "annee": "2024"},
        "tranche_effectif": {"code": None, "libelle": None, "annee": None},
        "economie_sociale_et_solidaire": asked.company.social_economy,
        "date_appartenance_ess": None,
    }


def _place(asked: Asked, *, protected: bool) -> Json:
    company = asked.company
    place: Json = {
        "siren": company.siren,
        "siret": company.head_office.siret,
        "actif": True,
        "siege": True,
        "nom": company.name,
        "telephone": None,
        "courriel": None,
        "date_debut_activite": company.created.isoformat(),
        "adresse": _address(company.head_office.street),
        "activite_principale": {"code": company.naf[0], "libelle": company.naf[1]},
        "tranche_effectif": {"code": None, "libelle": None},
        "rhs": [],
        "comptes": [],
    }
    officer = {
        "civilite": "Mme",
        "nom": "ESSAI",
        "prenom": "CAMILLE",
        "fonction": "Présidente",
        "valideur_cec": True,
        "publication_internet": True,
        "telephone": "0000000000",
        "courriel": "camille@essai.invalid",
    }
    return place | {"representants_legaux": [officer], "documents_dac": []} if protected else place


def _address(street: str) -> Json:
    number, _, way = street.partition(" ")
    return {
        "complement": None,
        "numero_voie": number,
        "type_voie": None,
        "libelle_voie": way,
        "distribution": None,
        "code_insee": TOWN_CODE,
        "code_postal": POSTCODE,
        "commune": TOWN,
    }


def _subsidies(asked: Asked) -> list[Json] | None:
    return [_subsidy(asked, 2024, 12000), _subsidy(asked, 2025, 0)] if asked.company.rna else None


def _subsidy(asked: Asked, year: int, granted: int) -> Json:
    updated = f"{year}-09-30T00:00:00.000Z"
    request = {
        "fournisseur": "Osiris",
        "date_mise_a_jour_information": updated,
        "annee_exercice_demande": year,
        "identifiant_engagement_juridique": None,
        "jointure_demandes_et_versements": None,
        "subvention_demandee": {
            "dispositif": "Fonds d’essai",
            "sous_dispositif": "Projets",
            "montant_demande": 15000,
        },
        "description_des_projets": {"estimation_cout_total": 30000, "projet": []},
        "instruction": {
            "service_instructeur": "DIRECTION D’ESSAI",
            "date_commission": None,
            "statut_demande": "Accordé" if granted else "En instruction",
            "montant_accorde": granted,
        },
    }
    payment = {
        "fournisseur": "Chorus",
        "date_mise_a_jour_information": updated,
        "jointure_demandes_et_versements": None,
        "montant_verse": granted / 2,
        "date_versement": f"{year}-10-15T00:00:00.000Z",
        "centre_financier": "ESSAI",
        "domaine_fonctionnel": "0163-01",
        "activitee": "ESSAI",
        "numero_bop": "163",
        "programme": {
            "numero": "163",
            "libelle": "Jeunesse et vie associative",
            "fournisseur": "Chorus",
            "date_mise_a_jour_information": updated,
        },
    }
    return {"demande_subvention": request, "paiements": [payment, payment] if granted else []}


def _around(_: Asked) -> Json:
    meta = {
        "internal_id": "1",
        "date_derniere_mise_a_jour_sirene": "2026-09-01",
        "date_derniere_mise_a_jour_rna": "2026-09-01",
    }
    return {"meta": meta}


_DJEPVA = "/v4/djepva/api-association/associations"
ENDPOINTS = (
    Endpoint(
        "association_ouverte",
        _DJEPVA + "/open_data/{id}",
        "siren_or_rna",
        "DJEPVA",
        "29",
        _open,
        "djepva/api-association",
        around=_around,
    ),
    Endpoint(
        "association",
        _DJEPVA + "/{id}",
        "siren_or_rna",
        "DJEPVA",
        "29",
        _protected,
        "djepva/api-association",
        around=_around,
    ),
    Endpoint(
        "subventions",
        "/v3/data_subvention/associations/{id}/subventions",
        "siren_or_siret_or_rna",
        "Data Subvention",
        "37",
        _subsidies,
        "data_subvention/subventions",
    ),
)
