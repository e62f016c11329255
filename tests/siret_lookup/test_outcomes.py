"""Every source under every answer that API Entreprise may give: its outcome, its next try, and nothing raised."""

from datetime import timedelta

import pytest

from siret_lookup.outcome import Outcome
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import Lookup

# The company that meets it on every endpoint → outcome, seconds until the next try (sandbox at half past a minute).
FAULTS: dict[str, tuple[Outcome, float | None]] = {
    "TOUT INTROUVABLE": (Outcome.NOT_FOUND, None),
    "TOUT EN CONFLIT": (Outcome.UNAVAILABLE, 60),
    "TOUT REFUSÉ EN FORME": (Outcome.OUT_OF_SCOPE, None),
    "TOUT TROP SOUVENT": (Outcome.UNAVAILABLE, 30),
    "TOUT TROP SOUVENT SANS MOT": (Outcome.UNAVAILABLE, 30),
    "TOUT PROTÉGÉ PAR LA LOI": (Outcome.WITHHELD_BY_LAW, None),
    "TOUT EN PANNE": (Outcome.UNAVAILABLE, 300),
    "TOUT EN MAINTENANCE": (Outcome.UNAVAILABLE, 3600),
    "TOUT HORS DÉLAI": (Outcome.UNAVAILABLE, 300),
    "TOUT SANS FIN": (Outcome.UNAVAILABLE, 300),
    "TOUT JETON EXPIRÉ": (Outcome.NOT_AUTHORISED, None),
    "TOUT SANS DROIT": (Outcome.NOT_AUTHORISED, None),
    "TOUT ILLISIBLE": (Outcome.UNAVAILABLE, 300),
    "TOUT NUL": (Outcome.UNAVAILABLE, 3600),
    "TOUT EMBALLÉ DEUX FOIS": (Outcome.UNAVAILABLE, 3600),
    "TOUT SANS META": (Outcome.OBTAINED, None),
}
QUICK = {"TOUT SANS FIN": {"json_seconds": 0.05, "document_seconds": 0.05}}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("key", SOURCES)
def test_every_source_under_every_answer(lookup: Lookup, key: str, name: str) -> None:
    outcome, seconds = FAULTS[name]
    result = lookup.fetch(key, name, **QUICK.get(name, {}))
    assert result.outcome is outcome
    assert result.retry_at == (None if seconds is None else lookup.now + timedelta(seconds=seconds))
    assert outcome is Outcome.OBTAINED or (result.facts, result.document) == ({}, None)


DOCUMENTS: dict[str, tuple[Outcome, str | None, str | None]] = {
    "TOUT DOCUMENT COUPÉ": (Outcome.UNAVAILABLE, None, "Le document reçu est incomplet."),
    "TOUT DOCUMENT VIDE": (Outcome.UNAVAILABLE, None, "Le lien du document a expiré ou ne répond pas."),
    "TOUT DOCUMENT ÉNORME": (Outcome.UNAVAILABLE, None, "La réponse du service est trop volumineuse."),
    "TOUT DOCUMENT EN IMAGE": (Outcome.OBTAINED, "image/jpeg", None),
}
WITH_DOCUMENT = [key for key, source in SOURCES.items() if source.document]


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("key", WITH_DOCUMENT)
def test_every_document_under_every_state(lookup: Lookup, key: str, name: str) -> None:
    result = lookup.fetch(key, name)
    assert (result.outcome, result.media_type, result.detail) == DOCUMENTS[name]
    assert (result.retry_at is not None) == result.outcome.waiting
    assert result.filename is None or result.filename.endswith(".jpg")


@pytest.mark.parametrize("key", WITH_DOCUMENT)
def test_a_web_page_is_no_certificate(lookup: Lookup, key: str) -> None:
    result = lookup.fetch(key, "TOUT DOCUMENT EN PAGE WEB")
    assert result.document is None
    if SOURCES[key].facts_stand:
        assert (result.outcome, result.retry_at) == (Outcome.OBTAINED, None)
        assert "aucune copie n’a été gardée" in (result.detail or "")
    else:
        assert result.outcome is Outcome.UNAVAILABLE
        assert result.detail == "Le document reçu n’est ni un PDF ni une image."


NEGATIVE = {
    "vigilance": "MAÇONNERIE URSSAF REFUSE",
    "msa_conformite": "ENTREPRISE AGRICOLE MSA EN RETARD",
    "probtp_conformite": "BTP PROBTP NON ÉLIGIBLE",
    "cibtp_attestation": "BÂTIMENT CIBTP EN RETARD",
}


@pytest.mark.parametrize(("key", "name"), NEGATIVE.items())
def test_four_facts_are_negative(lookup: Lookup, key: str, name: str) -> None:
    result = lookup.fetch(key, name)
    assert (result.outcome, result.document, result.retry_at) == (Outcome.REFUSED_BY_AUTHORITY, None, None)


def test_no_other_source_can_be_negative() -> None:
    assert {key for key, source in SOURCES.items() if source.negative_codes} == {"cibtp_attestation"}
