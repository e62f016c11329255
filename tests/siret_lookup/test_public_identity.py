"""Who an establishment is, without token nor buyer: the place asked for, masks, and a service that is down."""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.public_identity import public_identity
from siret_lookup.siret import Siret
from tests.siret_lookup.scene import START, Lookup, answering, siret_of


def find(lookup: Lookup, siret: Siret) -> Identity:
    return public_identity(siret, lookup.urls.recherche_entreprises, lookup.now)


def test_an_establishment_is_found_with_its_origin(lookup: Lookup) -> None:
    found = find(lookup, siret_of("BOULANGERIE TOUT VA BIEN"))
    assert (found.outcome, found.name) == (Outcome.OBTAINED, "BOULANGERIE TOUT VA BIEN")
    assert (found.address_lines, found.postcode, found.city) == (("1 RUE DES ESSAIS",), "99000", "ESSAI-SUR-LOIRE")
    assert (found.naf, found.naf_2025) == (("10.71C", "NAFRev2"), ("10.71B", "NAF2025"))
    assert (found.legal_form_code, found.category, found.masked) == ("5499", "PME", ())
    assert (found.fetched_at, found.source.startswith("Recherche d’entreprises")) == (lookup.now, True)


def test_the_place_asked_for_is_not_the_head_office(lookup: Lookup) -> None:
    closed = find(lookup, siret_of("MENUISERIE DÉMÉNAGÉE"))
    assert closed.siret == siret_of("MENUISERIE DÉMÉNAGÉE").value
    assert (closed.establishment_state, closed.unit_state, closed.head_office) == ("closed", "active", False)
    assert closed.closed_on


def test_masks_are_told_and_never_values(lookup: Lookup) -> None:
    found = find(lookup, siret_of("JEANNE DISCRÈTE"))
    assert (found.name, found.address_lines, found.postcode) == (None, (), None)
    assert set(found.masked) == {"name", "address_lines", "postcode"}


def test_an_unknown_number_is_not_a_fault(lookup: Lookup) -> None:
    assert find(lookup, Siret("00009999900001")).outcome is Outcome.NOT_FOUND
    assert find(lookup, siret_of("SERVICE NON COMMUNICABLE")).outcome is Outcome.NOT_FOUND


def test_a_service_that_is_down_is_said() -> None:
    found = public_identity(Siret("00001001700010"), "http://127.0.0.1:1", START)
    assert (found.outcome, found.name) == (Outcome.UNAVAILABLE, None)


@pytest.mark.parametrize("results", [3, [{"siren": "000010017"}], [{"siren": "000010017", "siege": {"siret": 5}}]])
def test_a_strange_answer_invents_nothing(results: object) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        handler.wfile.write(json.dumps({"results": results}).encode())

    with answering(answer) as url:
        found = public_identity(Siret("00001001700010"), url, START)
    assert found.outcome in (Outcome.NOT_FOUND, Outcome.UNAVAILABLE)
    assert found.name is None
