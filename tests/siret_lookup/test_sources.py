"""The contract of a source: every one, against the sandbox over real HTTP, for every company."""

import hashlib
import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.body import MASKS, Unreadable, open_body
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.sources import SOURCES
from siret_lookup.sources.vigilance import strict_end
from tests.siret_lookup.scene import Lookup, siret_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = [
    "BOULANGERIE TOUT VA BIEN",
    "MAÇONNERIE URSSAF REFUSE",
    "SERVICE NON COMMUNICABLE",
    "JEANNE DISCRÈTE",
    "SOCIÉTÉ DISCRÈTE",
    "MENUISERIE DÉMÉNAGÉE",
    "DOUBLON FUSIONNÉ",
    "MARIE MICRO",
    "CODE NAF ABSENT",
    "VIEILLE MAISON DE 1950",
    "VILLE DE DÉMONSTRATION",
]


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", SOURCES)
def test_every_source_keeps_the_contract(lookup: Lookup, key: str, name: str) -> None:
    result = lookup.fetch(key, name)
    source = SOURCES[key]
    assert (result.key, result.source, result.provider) == (key, source.title, source.provider)
    assert result.fetched_at == lookup.now
    assert result.request_id
    assert len(result.sha256 or "") == 64
    json.dumps(dict(result.facts), allow_nan=False)
    assert not [text for text in texts(dict(result.facts)) if any(mask in text for mask in MASKS)]
    assert result.outcome is not Outcome.UNAVAILABLE
    obtained_document = source.document and result.outcome is Outcome.OBTAINED
    assert (result.document is not None) == obtained_document
    if result.document is not None:
        assert result.document_sha256 == hashlib.sha256(result.document).hexdigest()
        assert (result.media_type, result.filename) == ("application/pdf", f"{key}-{siret_of(name).value}.pdf")


@pytest.mark.parametrize("key", SOURCES)
@given(body=JSON, meta=JSON)
def test_any_json_is_read_or_unreadable(key: str, body: object, meta: object) -> None:
    try:
        SOURCES[key].read(open_body({"data": body, "meta": meta}))
    except Unreadable:
        return
    assert body == [] or isinstance(body, dict | list)


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_is_described_in_french_and_in_v3_or_v4(key: str) -> None:
    source = SOURCES[key]
    assert source.key == key
    assert source.path.startswith(("/v3/", "/v4/"))
    assert source.perimeter.startswith(("les ", "la ", "le "))


def test_open_sources_are_not_protected_ones() -> None:
    assert {key for key, source in SOURCES.items() if source.open} == {
        "insee_etablissement_diffusible",
        "insee_unite_legale_diffusible",
        "insee_siege_diffusible",
        "insee_adresse_diffusible",
        "insee_successions",
        "infogreffe_extrait",
        "rne_actes_bilans",
        "eori",
        "association_ouverte",
        "fntp_carte",
        "qualibat",
    }


def test_vigilance_has_two_ends(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", "BOULANGERIE TOUT VA BIEN")
    assert (result.valid_from, result.valid_until) == (date(2026, 9, 30), date(2027, 3, 31))
    assert result.valid_strictly_until == date(2027, 3, 29)
    assert result.facts["security_code"] == "ESSAI0123456789"


def test_vigilance_without_dates_is_still_obtained(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", "ÉLECTRICITÉ SANS DATES")
    assert (result.outcome, result.valid_until, result.valid_strictly_until) == (Outcome.OBTAINED, None, None)
    assert result.facts["security_code"] is None


def test_vigilance_refused_is_a_200(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", "MAÇONNERIE URSSAF REFUSE")
    assert (result.outcome, result.document, result.code) == (Outcome.REFUSED_BY_AUTHORITY, None, None)
    assert result.facts["status"] == "refus_de_delivrance"


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_the_strict_end_is_under_six_months(start: date) -> None:
    end = strict_end(start)
    after = end + timedelta(days=1)
    assert 180 <= (end - start).days <= 184
    assert (after.year * 12 + after.month) - (start.year * 12 + start.month) == 6


def test_two_financial_years_closed_the_same_year_are_both_kept_latest_first(lookup: Lookup) -> None:
    years = lookup.fetch("chiffres_affaires", "PEINTURE DEUX BILANS MÊME ANNÉE").facts["financial_years"]
    assert years == [
        {"ends_on": "2025-12-31", "turnover": "210000"},
        {"ends_on": "2025-03-31", "turnover": "480000"},
        {"ends_on": "2024-03-31", "turnover": "450000"},
    ]


def test_an_empty_collection_is_not_found() -> None:
    assert SOURCES["chiffres_affaires"].read(open_body({"data": []})).outcome is Outcome.NOT_FOUND


def test_the_tax_certificate_says_what_it_covers(lookup: Lookup) -> None:
    result = lookup.fetch("attestation_fiscale", "BOULANGERIE TOUT VA BIEN")
    assert result.facts == {"issued_on": lookup.now.date().isoformat(), "analysed_until": "2026-10-31"}


def test_a_register_s_extract_has_no_birth_date(lookup: Lookup) -> None:
    result = lookup.fetch("infogreffe_extrait", "RADIÉE DU REGISTRE")
    assert result.facts["struck_off_on"] == "2026-02-01"
    assert result.facts["capital"] == {"amount": "10000.00", "currency": "EUR"}
    assert "1980" not in json.dumps(dict(result.facts))


def establishment(lookup: Lookup, name: str, key: str = "insee_etablissement") -> PieceResult:
    result = lookup.fetch(key, name)
    assert result.outcome is Outcome.OBTAINED
    return result


def test_both_nomenclatures_of_activity_are_kept(lookup: Lookup) -> None:
    facts = establishment(lookup, "BOULANGERIE TOUT VA BIEN").facts
    naf, naf_2025 = facts["naf"], facts["naf_2025"]
    assert isinstance(naf, dict)
    assert isinstance(naf_2025, dict)
    assert (naf["code"], naf["nomenclature"]) == ("10.71C", "NAFRev2")
    assert (naf_2025["code"], naf_2025["nomenclature"]) == ("10.71B", "NAF2025")


def test_an_activity_without_code_is_none(lookup: Lookup) -> None:
    facts = establishment(lookup, "CODE NAF ABSENT").facts
    assert (facts["naf"], facts["naf_2025"], facts["workforce"]) == (None, None, None)


def test_a_date_before_1970_is_negative_seconds(lookup: Lookup) -> None:
    assert establishment(lookup, "VIEILLE MAISON DE 1950").facts["created_on"] == "1950-05-02"


def test_the_unknown_date_of_creation_is_none(lookup: Lookup) -> None:
    assert establishment(lookup, "VILLE DE DÉMONSTRATION").facts["created_on"] is None


def test_a_ceased_unit_has_its_day(lookup: Lookup) -> None:
    facts = lookup.fetch("insee_unite_legale", "ATELIER CESSÉ").facts
    assert (facts["unit_state"], facts["unit_ceased_on"]) == ("ceased", "2025-06-30")


def test_masked_fields_are_named_and_empty(lookup: Lookup) -> None:
    facts = establishment(lookup, "JEANNE DISCRÈTE", "insee_etablissement_diffusible").facts
    assert facts["masked"] == ["trade_name", "name", "address_lines", "postcode"]
    assert (facts["name"], facts["address_lines"], facts["postcode"]) == (None, [], None)
    assert facts["city"] == "ESSAI-SUR-LOIRE"


def test_the_buyer_sees_what_open_data_masks(lookup: Lookup) -> None:
    facts = establishment(lookup, "JEANNE DISCRÈTE").facts
    assert (facts["name"], facts["masked"]) == ("JEANNE DISCRÈTE", [])


def test_a_name_of_use_comes_before_the_name_of_birth(lookup: Lookup) -> None:
    assert establishment(lookup, "PIERRE ARTISAN").facts["name"] == "PIERRE ARTISAN"
