"""Answers of the bodies that certify: Qualibat, Qualifelec, OPQIBI, Ademe (RGE), Carif-Oref (Qualiopi), FNTP."""

from datetime import timedelta

from api.sandbox.answers.endpoint import Asked, Endpoint, Json


def _qualibat(asked: Asked) -> Json:
    url, seconds = asked.publish("Certificat Qualibat")
    certification = {
        "code": "2112",
        "libelle": "Maçonnerie (technicité confirmée)",
        "rge": False,
        "date_attribution": "2022-09-15",
    }
    return {
        "document_url": url,
        "document_url_expires_in": seconds,
        "date_emission": (asked.today - timedelta(days=100)).isoformat(),
        "date_fin_validite": (asked.today + timedelta(days=265)).isoformat(),
        "entity": {
            "assurance_responsabilite_travaux": {"nom": "ASSUREUR D’ESSAI", "identifiant": "DEC-0001"},
            "assurance_responsabilite_civile": {"nom": "ASSUREUR D’ESSAI", "identifiant": "RC-0001"},
            "certifications": [certification],
        },
    }


def _qualifelec(asked: Asked) -> list[Json]:
    return [_electrician(asked, 1001, -700, 30), _electrician(asked, 1002, -100, 630)]


def _electrician(asked: Asked, number: int, start: int, end: int) -> Json:
    starts_on, ends_on = ((asked.today + timedelta(days=days)).isoformat() for days in (start, end))
    insurer = {"nom": "ASSUREUR D’ESSAI", "date_debut": starts_on, "date_fin": ends_on}
    return {
        "document_url": asked.publish("Certificat Qualifelec")[0],
        "numero": number,
        "rge": False,
        "date_debut": starts_on,
        "date_fin": ends_on,
        "qualification": {
            "label": "Logement, commerce, petit tertiaire",
            "date_debut": starts_on,
            "date_fin": ends_on,
            "indices": [{"code": "2", "label": "Travaux d’extension et d’entretien"}],
            "mentions": [{"code": "CF", "label": "Courants faibles"}],
            "domaines": [],
            "classification": {"code": 3, "label": "Classe 3 : de 9 à 20 exécutants"},
        },
        "assurance_decennale": insurer,
        "assurance_civile": insurer,
    }


def _engineering(asked: Asked) -> Json:
    return {
        "numero_certificat": "99 01 0001",
        "url": "https://opqibi.invalid/fiche/990001",
        "date_delivrance_certificat": (asked.today - timedelta(days=90)).isoformat(),
        "duree_validite_certificat": "valable un an",
        "assurances": "ASSUREUR D’ESSAI",
        "qualifications": [
            {
                "nom": "Étude de structures courantes",
                "code_qualification": "1202",
                "definition": "Études de structures en béton de complexité courante.",
                "rge": False,
            }
        ],
        "date_validite_qualifications": (asked.today + timedelta(days=275)).isoformat(),
        "qualifications_probatoires": [],
        "date_validite_qualifications_probatoires": None,
    }


def _rge(asked: Asked) -> list[Json]:
    return [_environment(asked, archived=True), _environment(asked, archived=False)]


def _environment(asked: Asked, *, archived: bool) -> Json:
    days = -400 if archived else 300
    pages = asked.company.says.get("rge") == "page"
    return {
        "url": "https://qualit-enr.invalid/certificat/1" if pages else asked.publish("Certificat RGE")[0],
        "nom_certificat": "QualiPAC",
        "domaine": "Pompe à chaleur : chauffage",
        "meta_domaine": "Installations d'énergies renouvelables",
        "qualification": {"code": "39", "nom": "Pompe à chaleur en habitat individuel"},
        "organisme": "qualitenr",
        "date_attribution": (asked.today + timedelta(days=days - 365)).isoformat(),
        "date_expiration": (asked.today + timedelta(days=days)).isoformat(),
        "meta": {"internal_id": "1", "updated_at": asked.today.isoformat(), "archived": archived},
    }


def _training(asked: Asked) -> Json:
    declaration = {
        "numero_de_declaration": "99990000199",
        "actif": True,
        "date_derniere_declaration": (asked.today - timedelta(days=60)).isoformat(),
        "date_debut_exercice": "2025-01-01",
        "date_fin_exercice": "2025-12-31",
        "certification_qualiopi": {
            "action_formation": True,
            "bilan_competences": False,
            "validation_acquis_experience": False,
            "apprentissage": True,
            "obtention_via_unite_legale": True,
        },
        "specialites": {
            "specialite_1": {"code": "313", "libelle": "Finances, banque, assurances"},
            "specialite_2": {"code": None, "libelle": None},
            "specialite_3": {"code": None, "libelle": None},
        },
    }
    habilitation = {
        "code": "RNCP99999",
        "actif": True,
        "date_actif": None,
        "date_fin_enregistrement": "2028-08-31",
        "date_decision": None,
        "habilitation_pour_former": True,
        "habilitation_pour_organiser_l_evaluation": False,
        "sirets_organismes_certificateurs": ["00001001700010"],
    }
    return {
        "siret": asked.found.place.siret,
        "code_uai": None,
        "unite_legale_avec_plusieurs_nda": False,
        "declarations_activites_etablissement": [declaration],
        "habilitations_france_competence": [habilitation],
    }


def _public_works(asked: Asked) -> Json:
    return asked.certificate("Carte professionnelle de travaux publics")


ENDPOINTS = (
    Endpoint(
        "qualibat",
        "/v4/qualibat/etablissements/{id}/certification_batiment",
        "siret",
        "Qualibat",
        "06",
        _qualibat,
        "qualibat/certifications",
        group="documents",
        everyone=False,
    ),
    Endpoint(
        "qualifelec",
        "/v3/qualifelec/etablissements/{id}/certificats",
        "siret",
        "Qualifelec",
        "32",
        _qualifelec,
        "qualifelec/certificats",
        everyone=False,
    ),
    Endpoint(
        "opqibi",
        "/v3/opqibi/unites_legales/{id}/certification_ingenierie",
        "siren",
        "OPQIBI",
        "11",
        _engineering,
        "opqibi/certification_ingenierie",
        everyone=False,
    ),
    Endpoint(
        "rge",
        "/v3/ademe/etablissements/{id}/certification_rge",
        "siret",
        "ADEME",
        "19",
        _rge,
        "ademe/certification_rge",
        everyone=False,
    ),
    Endpoint(
        "qualiopi",
        "/v3/carif_oref/etablissements/{id}/certifications_qualiopi_france_competences",
        "siret",
        "CARIF-OREF",
        "33",
        _training,
        "carif_oref/qualiopi",
        everyone=False,
    ),
    Endpoint(
        "fntp_carte",
        "/v3/fntp/unites_legales/{id}/carte_professionnelle_travaux_publics",
        "siren",
        "FNTP",
        "12",
        _public_works,
        "fntp/carte_professionnelle_travaux_publics",
        group="documents",
        everyone=False,
    ),
)
