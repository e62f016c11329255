import json
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler

import pytest

from api.sandbox.sirene import KEY
from siret_lookup.directory import or_in_reserve
from siret_lookup.identity import Identity, open_identity
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.sirene_api import TITLE, SireneAccess, fetch_links, fetch_record
from siret_lookup.siret import Siret
from siret_lookup.succession import Case, Link, resolve
from tests.siret_lookup.scene import START, Lookup, answering, siret_of

ASKED = Siret("00001001700010")


def record(lookup: Lookup, name: str, place: int = -1) -> Identity:
    return fetch_record(siret_of(name, place), SireneAccess(lookup.urls.sirene, KEY), lookup.now, MemoryQuotas())


def told(status: int, body: object, location: str = "") -> Callable[[BaseHTTPRequestHandler], None]:
    def handle(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        if location:
            request.send_header("Location", location)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return handle


def asked_of(status: int, body: object, location: str = "") -> Identity:
    with answering(told(status, body, location)) as url:
        return fetch_record(ASKED, SireneAccess(url, "k"), START, MemoryQuotas())


def place(**changes: object) -> dict[str, object]:
    period = {"dateFin": None, "dateDebut": "2020-01-01", "etatAdministratifEtablissement": "A"}
    usual = {"siret": ASKED.value, "uniteLegale": {}, "periodesEtablissement": [period]}
    return {"etablissement": {**usual, **changes}}


@pytest.mark.parametrize(
    "name", ["BOULANGERIE TOUT VA BIEN", "MENUISERIE DÉMÉNAGÉE", "ATELIER CESSÉ", "PIERRE ARTISAN", "CODE NAF ABSENT"]
)
def test_a_record_is_what_api_entreprise_says(lookup: Lookup, name: str) -> None:
    found = record(lookup, name)
    usual = open_identity(siret_of(name), lookup.access, lookup.now, lookup.quotas)
    assert (found.outcome, found.source) == (Outcome.OBTAINED, TITLE)
    for field in ("siret", "name", "trade_name", "kind", "legal_form_code", "address_lines", "postcode", "city"):
        assert getattr(found, field) == getattr(usual, field), field
    for field in ("naf", "naf_2025", "establishment_state", "unit_state", "closed_on", "head_office", "workforce"):
        assert getattr(found, field) == getattr(usual, field), field
    assert (found.head_office_siret, found.category) == (usual.head_office_siret, usual.category)


def test_masks_are_named_and_never_values(lookup: Lookup) -> None:
    found = record(lookup, "JEANNE DISCRÈTE")
    assert (found.name, found.trade_name, found.postcode, found.address_lines) == (None, None, None, ())
    assert set(found.masked) == {"name", "trade_name", "address_lines", "postcode"}
    assert "[ND]" not in repr(found)


def test_a_closed_place_is_closed_since_the_first_of_its_closed_periods(lookup: Lookup) -> None:
    assert record(lookup, "MENUISERIE DÉMÉNAGÉE").closed_on == "2026-03-31"


def test_what_the_law_withholds_is_not_unknown(lookup: Lookup) -> None:
    found = record(lookup, "SERVICE NON COMMUNICABLE")
    assert (found.outcome, found.name) == (Outcome.WITHHELD_BY_LAW, None)


def test_unknown(lookup: Lookup) -> None:
    access = SireneAccess(lookup.urls.sirene, KEY)
    found = fetch_record(Siret("00009001600018"), access, lookup.now, MemoryQuotas())
    assert found.outcome is Outcome.NOT_FOUND


def test_a_duplicate_answers_for_another_number(lookup: Lookup) -> None:
    found = record(lookup, "DOUBLON FUSIONNÉ")
    assert (found.siret, found.name) == (siret_of("BOULANGERIE TOUT VA BIEN").value, "BOULANGERIE TOUT VA BIEN")
    assert found.redirected_from == siret_of("DOUBLON FUSIONNÉ").value


def test_a_redirection_elsewhere_is_not_followed() -> None:
    with answering(told(200, place(siret="00001002500013"))) as elsewhere:
        found = asked_of(301, {}, f"{elsewhere}/siret/00001002500013")
    assert found.outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize("key", ["", "une-autre"])
def test_without_the_right_key(lookup: Lookup, key: str) -> None:
    found = fetch_record(ASKED, SireneAccess(lookup.urls.sirene, key), lookup.now, MemoryQuotas())
    assert found.outcome is Outcome.NOT_AUTHORISED


def test_a_403_that_does_not_speak_of_diffusion_is_about_the_key() -> None:
    assert asked_of(403, {"message": "Forbidden"}).outcome is Outcome.NOT_AUTHORISED


def test_thirty_calls_a_minute_for_one_key(lookup: Lookup) -> None:
    access, quotas = SireneAccess(lookup.urls.sirene, KEY), MemoryQuotas()
    found = [fetch_record(ASKED, access, lookup.now, quotas) for _ in range(31)]
    assert [each.outcome for each in found] == [Outcome.OBTAINED] * 30 + [Outcome.UNAVAILABLE]
    assert found[-1].retry_at == lookup.now.replace(second=0, microsecond=0).replace(minute=lookup.now.minute + 1)
    refused = fetch_record(ASKED, access, lookup.now, MemoryQuotas())
    assert (refused.outcome, refused.retry_at) == (Outcome.UNAVAILABLE, found[-1].retry_at)


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(SireneAccess("https://x", "secret"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"etablissement": 3},
        place(siret="00001002500013"),
        place(periodesEtablissement=[]),
        place(periodesEtablissement=[{"dateFin": "2020-01-01", "etatAdministratifEtablissement": "A"}]),
        place(periodesEtablissement=[{"dateFin": None}]),
    ],
)
def test_an_odd_answer_is_an_outage(body: object) -> None:
    assert asked_of(200, body).outcome is Outcome.UNAVAILABLE


def test_from_2027_the_period_s_activity_is_naf_2025() -> None:
    period = {
        "dateFin": None,
        "etatAdministratifEtablissement": "A",
        "activitePrincipaleEtablissement": "62.10Y",
        "nomenclatureActivitePrincipaleEtablissement": "NAF2025",
    }
    found = asked_of(200, place(periodesEtablissement=[period]))
    assert (found.naf, found.naf_2025) == (None, ("62.10Y", "NAF2025"))


def test_links_both_ways(lookup: Lookup) -> None:
    access = SireneAccess(lookup.urls.sirene, KEY)
    old, new = siret_of("MENUISERIE DÉMÉNAGÉE"), siret_of("MENUISERIE DÉMÉNAGÉE", 0)
    moved = Link(old.value, new.value, date(2026, 4, 1), True, True)
    before = fetch_links(old, access, lookup.now, MemoryQuotas())
    after = fetch_links(new, access, lookup.now, MemoryQuotas())
    assert (before.successors, before.predecessors) == ((moved,), ())
    assert (after.successors, after.predecessors) == ((), (moved,))
    assert fetch_links(ASKED, access, lookup.now, MemoryQuotas()).outcome is Outcome.NOT_FOUND


def test_a_removal_told_from_end_to_end(lookup: Lookup) -> None:
    access = SireneAccess(lookup.urls.sirene, KEY)
    asked = siret_of("MENUISERIE DÉMÉNAGÉE")
    links = fetch_links(asked, access, lookup.now, MemoryQuotas()).links
    found = resolve(fetch_record(asked, access, lookup.now, MemoryQuotas()), links)
    assert (found.case, found.proposals[0].siret) == (Case.CLOSED, siret_of("MENUISERIE DÉMÉNAGÉE", 0).value)
    assert "le siège y a été transféré le 1er avril 2026" in found.sentence


def test_when_insee_is_down_the_directory_answers(lookup: Lookup) -> None:
    down = record(lookup, "INSEE EN PANNE")
    assert down.outcome is Outcome.UNAVAILABLE
    assert or_in_reserve(down, lookup.urls.recherche_entreprises, MemoryQuotas()).name == "INSEE EN PANNE"


@pytest.mark.parametrize("body", [{"liensSuccession": 3}, {"liensSuccession": [{}]}])
def test_odd_links_are_an_outage(body: object) -> None:
    with answering(told(200, body)) as url:
        assert fetch_links(ASKED, SireneAccess(url, "k"), START, MemoryQuotas()).outcome is Outcome.UNAVAILABLE
