import json
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from api.sandbox.api_entreprise import EXPIRED_TOKEN, LISTED_TOKEN, RIGHTLESS_TOKEN
from siret_lookup.fetch import fetch, fetch_all
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret, parse_siret
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import Lookup, answering, siret_of

WELL = "BOULANGERIE TOUT VA BIEN"


@pytest.mark.parametrize(
    ("name", "key", "outcome", "code"),
    [
        ("PLOMBERIE URSSAF INCONNUE", "vigilance", Outcome.NOT_FOUND, "04003"),
        ("CONSEIL IMPÔTS INTROUVABLE", "attestation_fiscale", Outcome.NOT_FOUND, "03003"),
        ("TRANSPORTS SANS REGISTRE", "infogreffe_extrait", Outcome.NOT_FOUND, "02003"),
        ("STUDIO SANS CHIFFRE D’AFFAIRES", "chiffres_affaires", Outcome.NOT_FOUND, "03003"),
        ("SERVICE NON COMMUNICABLE", "insee_etablissement", Outcome.WITHHELD_BY_LAW, "01005"),
        ("SERVICE NON COMMUNICABLE", "insee_etablissement_diffusible", Outcome.NOT_FOUND, "01003"),
        ("NETTOYAGE URSSAF EN PANNE", "vigilance", Outcome.UNAVAILABLE, "04000"),
        ("IMPRIMERIE DÉLAI DÉPASSÉ", "vigilance", Outcome.UNAVAILABLE, "04002"),
        ("TRAITEUR QUOTA MUET", "chiffres_affaires", Outcome.UNAVAILABLE, None),
        ("LOGICIELS PEUT-ÊTRE INCONNUS", "attestation_fiscale", Outcome.UNAVAILABLE, "03501"),
        ("COUVERTURE APPEL EN DOUBLE", "vigilance", Outcome.UNAVAILABLE, "00015"),
        ("SERRURERIE JETON EXPIRÉ", "attestation_fiscale", Outcome.NOT_AUTHORISED, "00103"),
        ("VITRERIE SANS DROIT", "chiffres_affaires", Outcome.NOT_AUTHORISED, "00100"),
        ("RÉPONSE ILLISIBLE", "chiffres_affaires", Outcome.UNAVAILABLE, None),
        ("DOCUMENT PÉRIMÉ", "vigilance", Outcome.UNAVAILABLE, None),
        ("DOCUMENT QUI N’EN EST PAS UN", "attestation_fiscale", Outcome.UNAVAILABLE, None),
        ("DOCUMENT AILLEURS", "attestation_fiscale", Outcome.UNAVAILABLE, None),
        ("INSEE EN PANNE", "insee_unite_legale", Outcome.UNAVAILABLE, "01000"),
    ],
)
def test_each_fault_is_an_outcome(lookup: Lookup, name: str, key: str, outcome: Outcome, code: str | None) -> None:
    result = lookup.fetch(key, name)
    assert (result.outcome, result.code, result.document) == (outcome, code, None)
    assert (result.retry_at is not None) == outcome.waiting


@pytest.mark.parametrize(
    ("name", "key", "wait"),
    [
        ("JARDINS MAINTENANCE FISCALE", "attestation_fiscale", timedelta(hours=1)),
        ("CHARPENTE URSSAF EXAMINE", "vigilance", timedelta(days=2)),
        ("ISOLATION URSSAF TRAITE", "vigilance", timedelta(days=2)),
        ("TRAITEUR TROP D’APPELS", "chiffres_affaires", timedelta(seconds=30)),
        ("RÉSEAU COUPÉ", "attestation_fiscale", timedelta(seconds=10)),
    ],
)
def test_the_service_says_when_to_try_again(lookup: Lookup, name: str, key: str, wait: timedelta) -> None:
    assert lookup.fetch(key, name).retry_at == lookup.now + wait


def test_an_authority_that_looks_into_the_case_is_not_an_outage(lookup: Lookup) -> None:
    assert lookup.fetch("vigilance", "CHARPENTE URSSAF EXAMINE").under_review
    assert not lookup.fetch("vigilance", "NETTOYAGE URSSAF EN PANNE").under_review


def test_a_slow_service_does_not_hold_us(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", "LIVRAISONS TRÈS LENTES", document_seconds=0.2)
    assert (result.outcome, result.detail) == (Outcome.UNAVAILABLE, "Le service n’a pas répondu à temps.")


@pytest.mark.parametrize(
    ("token", "code"), [(EXPIRED_TOKEN, "00103"), (LISTED_TOKEN, "00105"), (RIGHTLESS_TOKEN, "00100"), ("x", "00101")]
)
def test_a_token_that_is_refused_is_the_buyer_s_matter(lookup: Lookup, token: str, code: str) -> None:
    result = lookup.fetch("vigilance", WELL, token=token)
    assert (result.outcome, result.code) == (Outcome.NOT_AUTHORISED, code)


def test_an_unknown_number_is_not_found(lookup: Lookup) -> None:
    unknown = parse_siret("00002001600010")
    result = fetch("insee_etablissement", unknown, lookup.access, lookup.now, lookup.quotas)
    assert (result.outcome, result.code) == (Outcome.NOT_FOUND, "01003")


def test_a_number_that_the_service_does_not_take_is_out_of_scope(lookup: Lookup) -> None:
    odd = parse_siret("88974287600009")
    result = fetch("chiffres_affaires", odd, lookup.access, lookup.now, lookup.quotas)
    assert (result.outcome, result.code) == (Outcome.OUT_OF_SCOPE, "00302")


def test_nobody_answers(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", WELL, base_url="http://127.0.0.1:1")
    assert (result.outcome, result.sha256) == (Outcome.UNAVAILABLE, None)


def test_a_shape_that_was_never_published_is_unavailable(lookup: Lookup) -> None:
    def handle(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps({"data": {"entity_status": {"code": "peut-être"}}}).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with answering(handle) as url:
        result = lookup.fetch("vigilance", WELL, base_url=url)
    assert (result.outcome, result.detail) == (Outcome.UNAVAILABLE, "La réponse du service n’a pas la forme publiée.")


def test_all_pieces_side_by_side_in_the_order_asked(lookup: Lookup) -> None:
    keys = [*reversed(SOURCES), "vigilance"]
    results = fetch_all(keys, siret_of("COOPÉRATIVE QUI A TOUT"), lookup.access, lookup.now, lookup.quotas)
    assert [result.key for result in results] == list(reversed(SOURCES))
    assert {result.outcome for result in results} == {Outcome.OBTAINED}
    assert fetch_all([], siret_of(WELL), lookup.access, lookup.now, lookup.quotas) == []


def test_an_unknown_source_is_a_programmer_s_mistake(lookup: Lookup) -> None:
    with pytest.raises(KeyError):
        fetch("kbis", Siret("00001001700010"), replace(lookup.access), lookup.now, lookup.quotas)
