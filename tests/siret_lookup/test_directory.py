import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.body import MASKS
from siret_lookup.directory import TITLE, BadSearch, Found, identity_in_reserve, or_in_reserve, search
from siret_lookup.identity import Identity, open_identity
from siret_lookup.outcome import Outcome
from siret_lookup.quotas import MemoryQuotas
from siret_lookup.siret import Siret
from tests.siret_lookup.scene import START, Lookup, answering, siret_of


def find(lookup: Lookup, words: str, department: str | None = None, activity: str | None = None) -> Found:
    url = lookup.urls.recherche_entreprises
    return search(words, url, lookup.now, MemoryQuotas(), department=department, activity=activity)


def reserve(lookup: Lookup, name: str, place: int = -1) -> Identity:
    url = lookup.urls.recherche_entreprises
    return identity_in_reserve(siret_of(name, place), url, lookup.now, MemoryQuotas())


def json_answer(status: int, body: object, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def handle(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return handle


def test_by_name_whatever_accents_and_case(lookup: Lookup) -> None:
    found = find(lookup, "  menuiserie  demenagee ")
    (company,) = found.companies
    assert (found.outcome, found.total, found.pages, found.direct) == (Outcome.OBTAINED, 1, 1, False)
    assert (company.name, company.active, company.total_places) == ("MENUISERIE DÉMÉNAGÉE", True, 2)
    assert (company.naf, company.naf_2025, company.category) == ("62.01Z", "62.10Y", "PME")
    assert company.workforce == "10 à 19 salariés"
    assert company.head_office is not None
    assert company.head_office.siret == siret_of("MENUISERIE DÉMÉNAGÉE", 0).value
    assert {place.active for place in company.places} == {True, False}


def test_filters_narrow_and_suffice_alone(lookup: Lookup) -> None:
    assert [c.name for c in find(lookup, "", activity="10.71c").companies] == ["BOULANGERIE TOUT VA BIEN"]
    assert find(lookup, "boulangerie", department="99").total == 1
    assert find(lookup, "boulangerie", department="44").outcome is Outcome.NOT_FOUND


def test_a_number_is_looked_up_without_filters(lookup: Lookup) -> None:
    found = find(lookup, "000 010 017", department="44")
    assert (found.direct, [c.siren for c in found.companies]) == (True, ["000010017"])


def test_pages_of_25(lookup: Lookup) -> None:
    first = find(lookup, "", department="99")
    second = search("", lookup.urls.recherche_entreprises, lookup.now, MemoryQuotas(), department="99", page=2)
    assert len(first.companies) == 25
    assert first.pages == -(-first.total // 25) >= 2
    assert not {c.siren for c in first.companies} & {c.siren for c in second.companies}


def test_masks_are_never_shown(lookup: Lookup) -> None:
    found = find(lookup, "discrète")
    assert len(found.companies) == 2
    assert not any(mask in repr(found) for mask in MASKS)


def test_a_duplicate_says_which_number_is_kept(lookup: Lookup) -> None:
    (company,) = find(lookup, "doublon").companies
    assert company.kept_siren == siret_of("BOULANGERIE TOUT VA BIEN").siren


@pytest.mark.parametrize("words", ["", "  ", "ab"])
def test_too_short_is_said_without_a_call(words: str) -> None:
    with pytest.raises(BadSearch, match="au moins trois caractères"):
        search(words, "http://127.0.0.1:1", START, MemoryQuotas())


@pytest.mark.parametrize("page", [0, 401])
def test_pages_out_of_reach_are_said_without_a_call(page: int) -> None:
    with pytest.raises(BadSearch, match="10 000"):
        search("peinture", "http://127.0.0.1:1", START, MemoryQuotas(), page=page)


def test_the_service_s_own_refusal_is_said(lookup: Lookup) -> None:
    with pytest.raises(BadSearch, match="`departement` est non valide"):
        find(lookup, "peinture", department="ZZ")


def test_the_next_try_is_the_one_that_was_asked() -> None:
    with answering(json_answer(429, {"erreur": "trop"}, Retry_After="7")) as url:
        found = search("peinture", url, START, MemoryQuotas())
    assert (found.outcome, found.retry_at is not None and (found.retry_at - START).seconds) == (Outcome.UNAVAILABLE, 7)


def test_the_caller_says_who_it_is() -> None:
    seen: list[str] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["User-Agent"])
        json_answer(200, {"results": []})(request)

    with answering(handle) as url:
        search("peinture", url, START, MemoryQuotas())
    assert seen == ["mps (marches publics)"]


def test_seven_calls_a_second_for_one_address(lookup: Lookup) -> None:
    quotas = MemoryQuotas()
    url = lookup.urls.recherche_entreprises
    outcomes = [search("boulangerie", url, lookup.now, quotas).outcome for _ in range(8)]
    assert outcomes == [Outcome.OBTAINED] * 7 + [Outcome.UNAVAILABLE]


@pytest.mark.parametrize("body", [{}, {"results": 3}, {"results": [{}]}, {"results": [{"siren": 3}]}])
def test_an_odd_answer_is_an_outage(body: object) -> None:
    with answering(json_answer(200, body)) as url:
        assert search("peinture", url, START, MemoryQuotas()).outcome is Outcome.UNAVAILABLE


def test_the_identity_in_reserve_says_its_source(lookup: Lookup) -> None:
    found = reserve(lookup, "BOULANGERIE TOUT VA BIEN")
    usual = open_identity(siret_of("BOULANGERIE TOUT VA BIEN"), lookup.access, lookup.now, lookup.quotas)
    assert (found.outcome, found.source) == (Outcome.OBTAINED, TITLE)
    for name in ("siret", "name", "trade_name", "kind", "legal_form_code", "address_lines", "postcode", "city", "naf"):
        assert getattr(found, name) == getattr(usual, name), name
    for name in ("naf_2025", "establishment_state", "unit_state", "head_office", "category", "workforce"):
        assert getattr(found, name) == getattr(usual, name), name


def test_the_place_asked_is_not_the_head_office(lookup: Lookup) -> None:
    found = reserve(lookup, "MENUISERIE DÉMÉNAGÉE")
    assert (found.siret, found.head_office) == (siret_of("MENUISERIE DÉMÉNAGÉE").value, False)
    assert (found.establishment_state, found.unit_state, found.closed_on) == ("closed", "active", "2026-03-31")
    assert (found.address_lines, found.head_office_siret) == (("19 RUE DES ESSAIS",), "00001019900024")


def test_what_is_masked_is_named(lookup: Lookup) -> None:
    found = reserve(lookup, "JEANNE DISCRÈTE")
    assert (found.name, found.address_lines, found.postcode) == (None, (), None)
    assert set(found.masked) == {"name", "address_lines", "postcode"}
    assert found.kind == "natural_person"


def test_unknown_here_is_not_found(lookup: Lookup) -> None:
    assert reserve(lookup, "SERVICE NON COMMUNICABLE").outcome is Outcome.NOT_FOUND


def test_a_closing_date_on_an_open_place_is_not_believed() -> None:
    place = {"siret": "00001001700010", "etat_administratif": "A", "date_fermeture": "2020-01-01"}
    body = {"results": [{"siren": "000010017", "siege": {}, "matching_etablissements": [place]}]}
    with answering(json_answer(200, body)) as url:
        found = identity_in_reserve(Siret("00001001700010"), url, START, MemoryQuotas())
    assert (found.establishment_state, found.closed_on) == ("active", None)


def test_from_2027_the_one_activity_is_naf_2025() -> None:
    place = {"siret": "00001001700010", "etat_administratif": "A", "activite_principale": "62.10Y"}
    body = {"results": [{"siren": "000010017", "siege": {}, "matching_etablissements": [place]}]}
    with answering(json_answer(200, body)) as url:
        found = identity_in_reserve(Siret("00001001700010"), url, START, MemoryQuotas())
    assert (found.naf, found.naf_2025) == (None, ("62.10Y", "NAF2025"))


def test_the_reserve_is_only_for_outages(lookup: Lookup) -> None:
    url = lookup.urls.recherche_entreprises
    down = open_identity(siret_of("INSEE EN PANNE"), lookup.access, lookup.now, lookup.quotas)
    up = open_identity(siret_of("BOULANGERIE TOUT VA BIEN"), lookup.access, lookup.now, lookup.quotas)
    assert or_in_reserve(down, url, MemoryQuotas()).name == "INSEE EN PANNE"
    assert or_in_reserve(up, "http://127.0.0.1:1", MemoryQuotas()) is up
    assert or_in_reserve(down, "http://127.0.0.1:1", MemoryQuotas()) is down


def test_the_reserve_never_raises() -> None:
    with answering(json_answer(400, {"erreur": "non"})) as url:
        found = identity_in_reserve(Siret("00001001700010"), url, START, MemoryQuotas())
    assert (found.outcome, found.detail) == (Outcome.UNAVAILABLE, "non")


KEYS = ("results", "siren", "siege", "siret", "adresse", "liste_enseignes", "matching_etablissements")
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["000010017", "00001001700010", "[ND]"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner))


@given(JSON)
def test_no_answer_breaks_the_reader(body: object) -> None:
    with answering(json_answer(200, body)) as url:
        found = identity_in_reserve(Siret("00001001700010"), url, START, MemoryQuotas())
    assert found.outcome in (Outcome.OBTAINED, Outcome.NOT_FOUND, Outcome.UNAVAILABLE)
