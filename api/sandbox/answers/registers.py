"""Answers of the registers: Infogreffe, INPI, VIES and customs."""

from api.sandbox.answers.endpoint import Asked, Endpoint, Json
from api.sandbox.answers.insee import POSTCODE, TOWN
from api.sandbox.companies import Company
from siret_lookup.siret import Siren

# INSEE's legal categories: public bodies (7…) and associations (92…) are not in the national register of companies.
_NOT_REGISTERED = ("7", "92")


def _extract(asked: Asked) -> Json:
    return trade_register(asked.company)


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


def _representatives(asked: Asked) -> list[Json] | None:
    company = asked.company
    if company.person or company.faults.get("infogreffe_extrait"):
        return None
    person: Json = {
        "fonction": "PRÉSIDENT",
        "type": "personne_physique",
        "nom": "ESSAI",
        "prenom": "CAMILLE",
        "date_naissance": "1980-01-31",
        "date_naissance_timestamp": 318121200,
        "lieu_naissance": TOWN,
        "pays_naissance": "FRANCE",
        "code_pays_naissance": "FR",
        "nationalite": "FRANÇAISE",
        "code_nationalite": "FR",
    }
    auditor: Json = {
        "fonction": "COMMISSAIRE AUX COMPTES TITULAIRE",
        "type": "personne_morale",
        "numero_identification": "000010017",
        "raison_sociale": "AUDIT D’ESSAI",
        "code_greffe": "9901",
        "libelle_greffe": TOWN,
    }
    return [person, auditor]


def _around_representatives(_: Asked) -> Json:
    return {"meta": {"personnes_physiques_count": 1, "personnes_morales_count": 1, "count": 2}}


def _national_register(asked: Asked) -> Json | None:
    company = asked.company
    if company.legal_form[0].startswith(_NOT_REGISTERED):
        return None
    people = [
        {
            "qualite": "Président",
            "nom": "ESSAI",
            "prenom": "CAMILLE",
            "date_naissance": "01-1980",
            "commune_residence": TOWN,
        }
    ]
    return {
        "document_url": asked.publish("Extrait du registre national des entreprises", proxied=True)[0],
        "identite_entreprise": _rne_identity(company),
        "dirigeants_et_associes": people,
        "etablissements": [_rne_place(company, rank) for rank in range(len(company.places))],
        "diffusion_commerciale": company.diffusion == "O",
        "diffusion_insee": company.diffusion == "O",
        "etablissements_fermes_total": sum(1 for place in company.places if place.closed),
        "observations": [{"fournisseur": "rcs", "numero": "1", "date": "2020-01-15", "texte": "Mention d’essai"}],
    }


def _rne_identity(company: Company) -> Json:
    person = company.person
    farmer = (company.naf[0] or "").startswith("01")
    return {
        "denomination": None if person else company.name,
        "nom": person and person.last,
        "prenoms": [person.first] if person else None,
        "siren": company.siren,
        "date_immatriculation_rne": company.created.isoformat(),
        "date_debut_activite": company.created.isoformat(),
        "detail_cessation": None,
        "dissolution": {"date": None, "poursuite_activite": None, "avec_liquidation": None},
        "date_fin_personne": None,
        "date_cloture_exercice": "31-12",
        "date_premiere_cloture_exercice": None,
        "nature_entreprise": "AGRICOLE" if farmer else "ARTISANALE" if person else "COMMERCIALE",
        "forme_juridique": {"code": company.legal_form[0], "libelle": company.legal_form[1]},
        "associe_unique": False,
        "activite_principales_objet_social": company.naf[1],
        "code_APE": {"code": _ape(company), "libelle": company.naf[1]},
        "code_APRM": {"code": None, "libelle": None},
        "capital_social": {"montant": None if person else 10000.0, "devise": "EUR"},
        "adresse_siege_social": _rne_address(company.head_office.street),
    }


def _rne_place(company: Company, rank: int) -> Json:
    place = company.places[rank]
    return {
        "type_etablissement": "Secondaire" if rank else "Siège et principal",
        "date_debut_activite": company.created.isoformat(),
        "siret": place.siret,
        "code_APE": {"code": _ape(company), "libelle": company.naf[1]},
        "code_APRM": {"code": None, "libelle": None},
        "nature_etablissement": "Commerciale",
        "activite_principale": company.naf[1],
        "autre_activite": None,
        "adresse": _rne_address(place.street),
        "statut": "fermé" if place.closed else "actif",
    }


def _ape(company: Company) -> str:
    return (company.naf[0] or "0000Z").replace(".", "")


def _rne_address(street: str) -> Json:
    return {"voie": street, "code_postal": POSTCODE, "commune": TOWN, "pays": "FRANCE", "complement": None}


def _filings(asked: Asked) -> Json | None:
    company = asked.company
    if company.person or not company.turnover:
        return None
    deed = {
        "id": f"acte-{company.siren}",
        "nom_document": "Statuts mis à jour",
        "date_depot": "2021-05-20",
        "date_mise_a_jour": "2021-05-20",
        "types_actes": [{"type_acte": "Statuts mis à jour", "type_decision": "Changement d’adresse"}],
        "url": asked.publish("Statuts mis à jour", proxied=True)[0],
    }
    return {"actes": [deed], "bilans": [_filed_accounts(asked, end.isoformat()) for end, _ in company.turnover]}


def _filed_accounts(asked: Asked, closed: str) -> Json:
    filed = f"{int(closed[:4]) + 1}-06-30"
    return {
        "id": f"bilan-{asked.company.siren}-{closed}",
        "nom_document": f"Comptes annuels clos le {closed}",
        "date_depot": filed,
        "date_cloture": closed,
        "date_mise_a_jour": filed,
        "type": "bilan complet",
        "url": asked.publish(f"Comptes annuels clos le {closed}", proxied=True)[0],
    }


def _vat(asked: Asked) -> Json | None:
    company = asked.company
    return {"tva_number": Siren(company.siren).vat} if company.turnover else None


def _eori(asked: Asked) -> Json:
    company = asked.company
    return {
        "id": f"FR{asked.found.place.siret}",
        "actif": company.says.get("eori") != "inactive",
        "code_pays": "FR",
        "code_postal": POSTCODE,
        "libelle": company.name,
        "pays": "FRANCE",
        "rue": asked.found.place.street,
        "ville": TOWN,
    }


_RCS, _RNE = "/v3/infogreffe/rcs/unites_legales", "/v3/inpi/rne/unites_legales"
ENDPOINTS = (
    Endpoint(
        "infogreffe_extrait", _RCS + "/{id}/extrait_kbis", "siren", "Infogreffe", "02", _extract, "infogreffe/rcs"
    ),
    Endpoint(
        "mandataires_sociaux",
        _RCS + "/{id}/mandataires_sociaux",
        "siren",
        "Infogreffe",
        "02",
        _representatives,
        "infogreffe/rcs",
        around=_around_representatives,
    ),
    Endpoint(
        "rne_extrait",
        _RNE + "/{id}/extrait_rne",
        "siren",
        "INPI-RNE",
        "34",
        _national_register,
        "inpi/rne",
        group="rne_extrait",
    ),
    Endpoint(
        "rne_actes_bilans",
        _RNE + "/open_data/{id}/actes_bilans",
        "siren",
        "INPI-RNE",
        "34",
        _filings,
        "inpi/rne/actes_bilans",
        group="rne_actes_bilans",
    ),
    Endpoint(
        "numero_tva",
        "/v3/european_commission/unites_legales/{id}/numero_tva",
        "siren",
        "Commission européenne",
        "28",
        _vat,
        "european_commission/numero_tva",
    ),
    Endpoint(
        "eori",
        "/v3/douanes/etablissements/{id}/immatriculations_eori",
        "siret_or_eori",
        "DGDDI",
        "16",
        _eori,
        "douanes/immatriculations_eori",
        everyone=False,
    ),
)
