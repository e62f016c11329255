"""What each source makes of a good answer: what is kept, what is left out, and which end counts."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.body import Unreadable, birth_year, number, open_body, public_page, said_day
from siret_lookup.outcome import Outcome
from siret_lookup.periods import declared_month, declared_year, filed_year
from siret_lookup.sources import SOURCES
from tests.siret_lookup.scene import START, Lookup, siret_of

ALL = "COOPÉRATIVE QUI A TOUT"
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def facts(lookup: Lookup, key: str, name: str = ALL) -> dict[str, Any]:
    result = lookup.fetch(key, name)
    assert result.outcome is Outcome.OBTAINED
    return dict(result.facts)


def test_beneficial_owners_are_forbidden_for_public_contracts() -> None:
    assert not [key for key, source in SOURCES.items() if "beneficiaires" in source.path + key]


def test_what_needs_the_buyer_s_motive() -> None:
    assert {key for key, source in SOURCES.items() if source.motive} == {
        "mandataires_sociaux",
        "liasses_fiscales",
        "liens_capitalistiques",
        "bilans_bdf",
        "effectifs_annuels",
        "effectifs_mensuels",
    }
    assert not [key for key, source in SOURCES.items() if source.motive and source.open]


def test_the_life_of_a_link_is_no_validity(lookup: Lookup) -> None:
    for key in ("probtp_attestation", "cibtp_attestation", "cnetp_attestation", "fntp_carte"):
        result = lookup.fetch(key, ALL)
        assert (result.valid_from, result.valid_until, dict(result.facts)) == (None, None, {})
        assert (result.outcome, result.media_type) == (Outcome.OBTAINED, "application/pdf")


def test_no_signed_address_is_a_fact(lookup: Lookup) -> None:
    for key in SOURCES:
        assert "signature" not in json.dumps(facts(lookup, key)), key


def test_the_head_office_answers_by_siren(lookup: Lookup) -> None:
    office = facts(lookup, "insee_siege", "MENUISERIE DÉMÉNAGÉE")
    assert (office["siret"], office["head_office"]) == ("00001019900024", True)


def test_a_masked_address_names_what_is_missing(lookup: Lookup) -> None:
    hidden = facts(lookup, "insee_adresse_diffusible", "JEANNE DISCRÈTE")
    assert (hidden["address_lines"], hidden["postcode"], hidden["city"]) == ([], None, "ESSAI-SUR-LOIRE")
    assert hidden["masked"] == ["address_lines", "postcode"]
    assert facts(lookup, "insee_adresse", "JEANNE DISCRÈTE")["address_lines"] == ["17 RUE DES ESSAIS"]


def test_a_move_has_its_successor(lookup: Lookup) -> None:
    found = facts(lookup, "insee_successions", "MENUISERIE DÉMÉNAGÉE")
    assert [link["siret"] for link in found["successors"]] == ["00001019900024"]
    assert facts(lookup, "insee_successions") == {"predecessors": [], "successors": []}


def test_of_a_birth_date_the_year_is_kept(lookup: Lookup) -> None:
    assert facts(lookup, "mandataires_sociaux")["representatives"][0]["birth_year"] == "1980"
    assert facts(lookup, "rne_extrait")["people"][0]["birth_year"] == "1980"
    assert facts(lookup, "liens_capitalistiques")["shareholders"][0]["birth_year"] == "1980"
    assert "01-31" not in json.dumps(facts(lookup, "mandataires_sociaux"))


def test_the_latest_accounts_come_along(lookup: Lookup) -> None:
    result = lookup.fetch("rne_actes_bilans", "PEINTURE DEUX BILANS MÊME ANNÉE")
    accounts = result.facts["accounts"]
    assert isinstance(accounts, list)
    assert [account["closed_on"] for account in accounts] == ["2025-12-31", "2025-03-31", "2024-03-31"]
    assert result.document


def test_tax_returns_keep_amounts_and_no_name(lookup: Lookup) -> None:
    returns = facts(lookup, "liasses_fiscales")["returns"]
    assert [item["form"] for item in returns] == ["2052"]
    assert returns[0]["lines"][0]["amounts"] == ["1250000"]
    assert "CAMILLE" not in json.dumps(returns)


def test_schemes_are_kept_apart_and_unknown_is_not_zero(lookup: Lookup) -> None:
    for key in ("effectifs_annuels", "effectifs_mensuels"):
        lines = facts(lookup, key, "ENTREPRISE AGRICOLE À JOUR")["workforce"]
        assert [(line["scheme"], line["value"]) for line in lines] == [("general", "14.5"), ("farming", None)]


def test_insurers_and_end_of_qualibat(lookup: Lookup) -> None:
    result = lookup.fetch("qualibat", "MAÇONNERIE CERTIFIÉE QUALIBAT")
    insurers = result.facts["insurers"]
    assert isinstance(insurers, dict)
    assert insurers["works"] == {"name": "ASSUREUR D’ESSAI", "policy": "DEC-0001"}
    assert result.valid_until == lookup.now.date() + timedelta(days=265)


def test_the_certificate_that_ends_last_is_the_piece(lookup: Lookup) -> None:
    result = lookup.fetch("qualifelec", "ÉLECTRICITÉ CERTIFICAT EN IMAGE")
    certificates = result.facts["certificates"]
    assert isinstance(certificates, list)
    assert [certificate["number"] for certificate in certificates] == ["1002", "1001"]
    assert (result.media_type, result.valid_until) == ("image/jpeg", lookup.now.date() + timedelta(days=630))


def test_a_certificate_on_a_site_is_a_page_not_a_document(lookup: Lookup) -> None:
    result = lookup.fetch("rge", "CHAUFFAGE CERTIFICAT SUR UN SITE")
    certificates = result.facts["certificates"]
    assert isinstance(certificates, list)
    assert (result.outcome, result.document) == (Outcome.OBTAINED, None)
    assert [(item["archived"], item["page"]) for item in certificates] == [
        (False, "https://qualit-enr.invalid/certificat/1"),
        (True, "https://qualit-enr.invalid/certificat/1"),
    ]


def test_an_inactive_eori_is_an_answer(lookup: Lookup) -> None:
    assert facts(lookup, "eori", "NÉGOCE EORI INACTIF")["active"] is False


def test_officers_of_an_association_are_for_the_buyer(lookup: Lookup) -> None:
    association = "ASSOCIATION LES AMIS DE L’ESSAI"
    assert facts(lookup, "association", association)["officers"] == [{"role": "Présidente", "name": "CAMILLE ESSAI"}]
    assert "officers" not in facts(lookup, "association_ouverte", association)
    assert facts(lookup, "subventions", association)["subsidies"][0]["paid"] == "12000.0"


def test_training_says_what_is_certified(lookup: Lookup) -> None:
    declaration = facts(lookup, "qualiopi", "FORMATION CERTIFIÉE QUALIOPI")["declarations"][0]
    assert declaration["certified_for"] == ["training", "apprenticeship"]


@pytest.mark.parametrize("key", ["mandataires_sociaux", "qualifelec", "rge", "bilans_bdf", "subventions"])
def test_an_empty_collection_is_not_found(key: str) -> None:
    assert SOURCES[key].read(open_body({"data": []})).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize(
    ("month", "year", "last_month"),
    [(1, 2024, (2025, 11)), (2, 2025, (2025, 12)), (6, 2025, (2026, 4)), (12, 2025, (2026, 10))],
)
def test_the_last_workforce_declared(month: int, year: int, last_month: tuple[int, int]) -> None:
    now = datetime(2026, month, 10, tzinfo=UTC)
    assert declared_year(now)[0] == year
    assert declared_month(now) == last_month


@given(MOMENTS)
def test_no_period_is_to_come(now: datetime) -> None:
    for period in (declared_year, declared_month, filed_year):
        year, month = period(now)
        assert 1 <= month <= 12
        assert date(year, month, 1) < now.date()


@pytest.mark.parametrize(
    ("key", "year", "end"),
    [
        ("liasses_fiscales", None, "/2025"),
        ("liasses_fiscales", 2023, "/2023"),
        ("liasses_fiscales", 2030, "/2025"),
        ("effectifs_annuels", None, "/2025"),
        ("effectifs_mensuels", None, "/09/annee/2026"),
        ("effectifs_mensuels", 2025, "/12/annee/2025"),
    ],
)
def test_the_year_asked_is_the_last_one_wanted(key: str, year: int | None, end: str) -> None:
    assert SOURCES[key].path_for(siret_of(ALL), START, year).endswith(end)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://www.opqibi.com/fiche/1", "https://www.opqibi.com/fiche/1"),
        ("https://storage.example/a.pdf?X-Amz-Signature=x", None),
        ("https://user:word@example.org/a", None),
        ("https://example.org/a#token=x", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        (None, None),
    ],
)
def test_an_address_with_a_secret_is_not_kept(value: str | None, kept: str | None) -> None:
    assert public_page({"url": value}, "url") == kept


@pytest.mark.parametrize(
    ("value", "year"),
    [("1985-07", "1985"), ("07-1985", "1985"), ("31/07/1985", "1985"), ("juillet", None), (None, None)],
)
def test_birth_years(value: str | None, year: str | None) -> None:
    assert birth_year({"born": value}, "born") == year


@pytest.mark.parametrize(
    ("value", "said"),
    [("2026-01-31T00:00", "2026-01-31"), ("31/01/2026", "2026-01-31"), ("20260131", "2026-01-31"), ("un an", "un an")],
)
def test_dates_without_a_published_form(value: str, said: str) -> None:
    assert said_day({"date": value}, "date") == said


@pytest.mark.parametrize("value", [True, "12", float("inf"), float("nan"), []])
def test_no_number(value: object) -> None:
    with pytest.raises(Unreadable):
        number({"value": value}, "value")
