from datetime import timedelta

from siret_lookup.identity import Identity, identity_of, open_identity
from siret_lookup.outcome import Outcome
from tests.siret_lookup.scene import Lookup, siret_of


def identity(lookup: Lookup, name: str) -> Identity:
    return open_identity(siret_of(name), lookup.access, lookup.now, lookup.quotas)


def test_a_company_in_one_call(lookup: Lookup) -> None:
    found = identity(lookup, "BOULANGERIE TOUT VA BIEN")
    assert (found.siret, found.siren, found.outcome) == ("00001001700010", "000010017", Outcome.OBTAINED)
    assert (found.name, found.trade_name, found.kind) == ("BOULANGERIE TOUT VA BIEN", "AU BON ESSAI", "legal_person")
    assert (found.address_lines, found.postcode, found.city) == (("1 RUE DES ESSAIS",), "99000", "ESSAI-SUR-LOIRE")
    assert (found.naf, found.naf_2025) == (("10.71C", "NAFRev2"), ("10.71B", "NAF2025"))
    assert (found.establishment_state, found.unit_state) == ("active", "active")
    assert (found.legal_form_code, found.category, found.workforce) == ("5499", "PME", "10 à 19 salariés")
    assert found.source == "Fiche Sirene de l’établissement (données ouvertes)"
    assert (found.fetched_at, len(found.sha256 or "")) == (lookup.now, 64)


def test_a_closed_establishment_of_an_active_company(lookup: Lookup) -> None:
    found = identity(lookup, "MENUISERIE DÉMÉNAGÉE")
    assert (found.establishment_state, found.unit_state, found.closed_on) == ("closed", "active", "2026-03-31")
    assert (found.head_office, found.head_office_siret) == (False, siret_of("MENUISERIE DÉMÉNAGÉE", 0).value)


def test_a_ceased_company(lookup: Lookup) -> None:
    found = identity(lookup, "ATELIER CESSÉ")
    assert (found.establishment_state, found.unit_state) == ("closed", "ceased")


def test_a_duplicate_answers_for_another_number(lookup: Lookup) -> None:
    found = identity(lookup, "DOUBLON FUSIONNÉ")
    assert found.siret == siret_of("BOULANGERIE TOUT VA BIEN").value
    assert found.redirected_from == siret_of("DOUBLON FUSIONNÉ").value


def test_a_person_of_restricted_diffusion_is_asked(lookup: Lookup) -> None:
    found = identity(lookup, "JEANNE DISCRÈTE")
    assert (found.name, found.trade_name, found.postcode, found.address_lines) == (None, None, None, ())
    assert found.masked == ("trade_name", "name", "address_lines", "postcode")
    assert found.kind == "natural_person"


def test_a_company_of_restricted_diffusion_keeps_its_name(lookup: Lookup) -> None:
    found = identity(lookup, "SOCIÉTÉ DISCRÈTE")
    assert (found.name, found.masked) == ("SOCIÉTÉ DISCRÈTE", ("acronym", "address_lines", "postcode"))


def test_a_person_has_a_name(lookup: Lookup) -> None:
    assert identity(lookup, "PIERRE ARTISAN").name == "PIERRE ARTISAN"


def test_an_outage_leaves_the_numbers_and_the_next_try(lookup: Lookup) -> None:
    found = identity(lookup, "INSEE EN PANNE")
    assert (found.outcome, found.name, found.siret) == (
        Outcome.UNAVAILABLE,
        None,
        siret_of("INSEE EN PANNE").value,
    )
    assert found.retry_at == lookup.now + timedelta(minutes=5)


def test_what_is_not_diffused_is_not_found_in_open_data(lookup: Lookup) -> None:
    assert identity(lookup, "SERVICE NON COMMUNICABLE").outcome is Outcome.NOT_FOUND


def test_the_buyer_s_own_answer_is_an_identity_too(lookup: Lookup) -> None:
    result = lookup.fetch("insee_etablissement", "JEANNE DISCRÈTE")
    found = identity_of(siret_of("JEANNE DISCRÈTE"), result)
    assert (found.name, found.masked) == ("JEANNE DISCRÈTE", ())
