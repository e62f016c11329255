import json
from http.server import BaseHTTPRequestHandler

import pytest

from siret_lookup.establishments import Establishments, find_establishments
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siren, parse_siren
from tests.siret_lookup.scene import START, Lookup, answering, siret_of


def find(lookup: Lookup, name: str) -> Establishments:
    return find_establishments(Siren(siret_of(name).siren), lookup.urls.recherche_entreprises, lookup.now)


def test_the_open_head_office_comes_first(lookup: Lookup) -> None:
    found = find(lookup, "MENUISERIE DÉMÉNAGÉE")
    head, closed = found.places
    assert (found.outcome, found.name, found.total) == (Outcome.OBTAINED, "MENUISERIE DÉMÉNAGÉE", 2)
    assert (head.siret, head.head_office, head.active) == (siret_of("MENUISERIE DÉMÉNAGÉE", 0).value, True, True)
    assert (closed.siret, closed.head_office, closed.active) == (siret_of("MENUISERIE DÉMÉNAGÉE").value, False, False)
    assert head.address == "19 BIS RUE DES ESSAIS 99000 ESSAI-SUR-LOIRE"


def test_masks_are_not_addresses(lookup: Lookup) -> None:
    found = find(lookup, "JEANNE DISCRÈTE")
    assert (found.name, found.places[0].address, found.places[0].postcode) == (None, None, None)
    assert found.places[0].city == "ESSAI-SUR-LOIRE"


@pytest.mark.parametrize("siren", ["000020016", "000010074"])
def test_unknown_or_not_diffused_is_not_found(lookup: Lookup, siren: str) -> None:
    found = find_establishments(parse_siren(siren), lookup.urls.recherche_entreprises, lookup.now)
    assert (found.outcome, found.places) == (Outcome.NOT_FOUND, ())


def test_nobody_answers() -> None:
    found = find_establishments(Siren("000010017"), "http://127.0.0.1:1", START)
    assert (found.outcome, found.detail) == (Outcome.UNAVAILABLE, "Le service est injoignable.")
    assert found.retry_at is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"erreur": "trop"}),
        (400, {"erreur": "non"}),
        (404, {}),
        (200, []),
        (200, {"results": 3}),
        (200, {"results": [{"siren": 4}]}),
    ],
)
def test_an_odd_answer_is_never_an_unknown_company(status: int, body: object) -> None:
    def handle(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with answering(handle) as url:
        found = find_establishments(Siren("000010017"), url, START)
    assert found.outcome in (Outcome.UNAVAILABLE, Outcome.NOT_FOUND)
    assert (found.outcome is Outcome.UNAVAILABLE) == (found.detail is not None or status != 200)
