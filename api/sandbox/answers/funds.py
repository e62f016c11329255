"""Answers of the social funds: Urssaf, MSA, ProBTP, CIBTP, CNETP."""

from datetime import date, timedelta

from api.sandbox.answers.endpoint import Asked, Endpoint, Json, last_of_previous_month


def _vigilance(asked: Asked) -> Json:
    said = asked.company.vigilance
    refused, dated = said == "refused", said == "ok"
    starts = last_of_previous_month(asked.today.replace(day=1) - timedelta(days=1))
    url, expires_in = (None, None) if refused else asked.publish("Attestation de vigilance")
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


def _end_of_month_after_six(day: date) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + 7, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


def _farming(asked: Asked) -> Json:
    return {"status": asked.company.says.get("msa_conformite", "up_to_date")}


def _eligible(asked: Asked) -> Json:
    return {"eligible": asked.company.says.get("probtp_conformite") != "ineligible"}


def _pension(asked: Asked) -> Json | None:
    # Whoever cannot have a certificate gets a 404 here; only the other endpoint says why.
    if asked.company.says.get("probtp_conformite") == "ineligible":
        return None
    return asked.certificate("Attestation de cotisations retraite")


def _building(asked: Asked) -> Json:
    return asked.certificate("Attestation de congés payés et chômage intempéries", life=600)


def _public_works(asked: Asked) -> Json:
    return asked.certificate("Attestation de congés payés et chômage intempéries")


_HOLIDAYS = "attestation_cotisations_conges_payes_chomage_intemperies"
_PROBTP = "/v3/probtp/etablissements/{id}"
ENDPOINTS = (
    Endpoint(
        "vigilance",
        "/v4/urssaf/unites_legales/{id}/attestation_vigilance",
        "siren",
        "ACOSS",
        "04",
        _vigilance,
        "urssaf/attestation_sociale",
        group="urssaf",
    ),
    Endpoint(
        "msa_conformite",
        "/v3/msa/etablissements/{id}/conformite_cotisations",
        "siret",
        "MSA",
        "10",
        _farming,
        "msa/conformite_cotisations",
        everyone=False,
    ),
    Endpoint(
        "probtp_attestation",
        _PROBTP + "/attestation_cotisations_retraite",
        "siret",
        "ProBTP",
        "09",
        _pension,
        "probtp/cotisations_retraite",
        group="documents",
        everyone=False,
    ),
    Endpoint(
        "probtp_conformite",
        _PROBTP + "/conformite_cotisations_retraite",
        "siret",
        "ProBTP",
        "09",
        _eligible,
        "probtp/cotisations_retraite",
        everyone=False,
    ),
    Endpoint(
        "cibtp_attestation",
        f"/v3/cibtp/etablissements/{{id}}/{_HOLIDAYS}",
        "siret",
        "CIBTP",
        "38",
        _building,
        f"cibtp/{_HOLIDAYS}",
        group="cibtp",
        everyone=False,
    ),
    Endpoint(
        "cnetp_attestation",
        f"/v3/cnetp/unites_legales/{{id}}/{_HOLIDAYS}",
        "siren",
        "CNETP",
        "08",
        _public_works,
        f"cnetp/{_HOLIDAYS}",
        group="documents",
        everyone=False,
    ),
)
