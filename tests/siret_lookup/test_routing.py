"""Whom to ask: only providers that make sense, each omission with its reason, and no conclusion from ignorance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siret_lookup.routing import RULES, Profile, split, why_not
from siret_lookup.sources import SOURCES

MASON = Profile(naf=("43.99C",), legal_form="5710", workforce="11", workforce_year="2024")
ROADS = Profile(naf=("42.11Z",), legal_form="5710", workforce="21")
SOFTWARE = Profile(naf=("62.01Z",), legal_form="5710", workforce="11")
FARM = Profile(naf=("01.11Z",), legal_form="6533", workforce="01")
CLUB = Profile(naf=("93.12Z",), legal_form="9220", workforce="NN", workforce_year="2023")
ALONE = Profile(naf=("43.21A",), legal_form="1000", workforce="NN", workforce_year="2024")
KINDS = ["works", "services", "supplies"]


@pytest.mark.parametrize(
    ("key", "asked_for", "left_out"),
    [
        ("cibtp_attestation", [MASON], [ROADS, SOFTWARE, FARM]),
        ("cnetp_attestation", [ROADS], [MASON, SOFTWARE]),
        ("probtp_conformite", [MASON, ROADS], [SOFTWARE, FARM, ALONE]),
        ("msa_conformite", [FARM], [MASON, SOFTWARE]),
        ("association", [CLUB], [MASON, ALONE]),
        ("infogreffe_extrait", [MASON, ALONE], [CLUB]),
        ("attestation_fiscale", [MASON, CLUB], [ALONE]),
        ("qualifelec", [ALONE], [MASON]),
        ("vigilance", [MASON, FARM, CLUB, ALONE], []),
    ],
)
def test_each_provider_for_whom_it_covers(key: str, asked_for: list[Profile], left_out: list[Profile]) -> None:
    assert [why_not(key, company, "works") for company in asked_for] == [None] * len(asked_for)
    assert all(why_not(key, company, "works") for company in left_out)


def test_the_reason_is_said() -> None:
    assert why_not("cibtp_attestation", SOFTWARE, None) == "l’activité 62.01Z ne relève pas du bâtiment"
    assert why_not("qualibat", MASON, "services") == "ce marché est de services"
    assert why_not("probtp_attestation", ALONE, None) == "l’entreprise n’emploie personne d’après Sirene en 2024"
    assert (
        why_not("association", MASON, None)
        == "la forme juridique « 5710 » n’est pas inscrite au répertoire des associations"
    )


@given(st.sampled_from(sorted(SOURCES)), st.sampled_from([*KINDS, None]))
def test_what_is_not_known_leaves_nobody_out(key: str, contract: str | None) -> None:
    reason = why_not(key, Profile(), contract)
    assert reason is None or reason.startswith("ce marché est")
    assert why_not(key, Profile(), None) is None


@given(
    st.lists(st.sampled_from(sorted(SOURCES)), max_size=12),
    st.sampled_from([MASON, ROADS, SOFTWARE, FARM, CLUB, ALONE]),
    st.sets(st.sampled_from(sorted(SOURCES)), max_size=4),
)
def test_every_key_is_asked_or_has_its_reason(keys: list[str], company: Profile, anyway: set[str]) -> None:
    asked, left_out = split(keys, company, "services", anyway)
    assert sorted([*asked, *left_out]) == sorted(set(keys))
    assert not anyway & set(left_out)
    assert all(reason and not reason.endswith(".") for reason in left_out.values())


@pytest.mark.parametrize("key", sorted(RULES))
def test_a_rule_is_of_a_source_and_says_what_it_leaves_out(key: str) -> None:
    rule = RULES[key]
    assert key in SOURCES
    assert bool(rule.activities) == bool(rule.field)
    assert bool(rule.forms or rule.other_than) == bool(rule.register)
    assert rule.activities or rule.forms or rule.other_than or rule.contracts or rule.employer
