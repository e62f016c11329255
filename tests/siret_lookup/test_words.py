import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.sources import SOURCES
from siret_lookup.words import LABELS, buyer_sentence, company_sentence, french_day, french_time, label
from tests.siret_lookup.scene import START, Lookup

BLANK = PieceResult("vigilance", Outcome.OBTAINED, "Attestation de vigilance", "Urssaf", START)


@pytest.mark.parametrize("key", SOURCES)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_every_source_has_words_for_both_sides(key: str, outcome: Outcome) -> None:
    source = SOURCES[key]
    result = replace(BLANK, key=key, provider=source.provider, source=source.title, outcome=outcome)
    for sentence in (company_sentence(result), buyer_sentence(result)):
        assert sentence.endswith(".")
        assert not re.search(r"conforme|validé|refusé|None|\.\.|  ", sentence)
    assert label(result) == LABELS[outcome]


def test_the_company_of_an_obtained_piece_gives_nothing() -> None:
    result = replace(BLANK, valid_until=date(2027, 3, 31))
    assert company_sentence(result) == (
        "Obtenue de l’Urssaf le 23 novembre 2026 ; valable jusqu’au 31 mars 2027. "
        "Vous n’avez rien à fournir (R2143-13)."
    )


def test_the_buyer_is_told_what_a_certificate_does_not_prove(lookup: Lookup) -> None:
    sentence = buyer_sentence(lookup.fetch("vigilance", "BOULANGERIE TOUT VA BIEN"))
    assert "fin le 31 mars 2027" in sentence
    assert "Moins de six mois jusqu’au 29 mars 2027 seulement (D8222-5)." in sentence
    assert sentence.endswith("Ne prouve pas que tout est payé (échéancier, recours).")


def test_an_examined_case_has_its_own_words(lookup: Lookup) -> None:
    result = lookup.fetch("vigilance", "CHARPENTE URSSAF EXAMINE")
    assert label(result) == "En cours d’examen par l’organisme"
    assert company_sentence(result).startswith("L’Urssaf examine votre demande ; nouvel essai le 25 novembre 2026 à ")


def test_a_404_says_what_the_service_covers(lookup: Lookup) -> None:
    result = lookup.fetch("attestation_fiscale", "CONSEIL IMPÔTS INTROUVABLE")
    assert "cela ne dit rien de votre situation" in company_sentence(result)
    assert "Ne vaut pas irrégularité" in buyer_sentence(result)
    assert "impôt sur le revenu" in buyer_sentence(result)


def test_tries_and_the_day_to_ask_are_told_to_the_buyer() -> None:
    result = replace(BLANK, outcome=Outcome.UNAVAILABLE, retry_at=START)
    sentence = buyer_sentence(result, attempts=3, ask_after=date(2026, 12, 1))
    assert sentence == (
        "Incident extérieur au candidat ; nouvel essai le 23 novembre 2026 à 11 h 00. Essais faits : 3. "
        "Après le 1er décembre 2026, demandez la pièce."
    )


def test_days_and_times_are_of_paris() -> None:
    late = datetime(2026, 6, 30, 22, 5, tzinfo=UTC)
    assert (french_day(late), french_time(late)) == ("1er juillet 2026", "1er juillet 2026 à 0 h 05")
    assert french_day(date(2026, 8, 2)) == "2 août 2026"


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [
        ("msa_conformite", "ENTREPRISE AGRICOLE MSA EN RETARD", "la MSA indique que les cotisations"),
        ("probtp_conformite", "BTP PROBTP NON ÉLIGIBLE", "ProBTP indique que cette entreprise ne peut pas"),
        ("cibtp_attestation", "BÂTIMENT CIBTP EN RETARD", "la caisse CIBTP indique que les cotisations"),
        ("vigilance", "MAÇONNERIE URSSAF REFUSE", "l’Urssaf ne délivre pas cette attestation à ce jour"),
    ],
)
def test_a_negative_fact_is_quoted_and_excludes_nobody(lookup: Lookup, key: str, name: str, words: str) -> None:
    result = lookup.fetch(key, name)
    assert words in buyer_sentence(result)
    assert "Ne suffit pas à exclure" in buyer_sentence(result)
    assert words[1:] in company_sentence(result)
    assert "régularisation" in company_sentence(result)


def test_a_status_is_not_called_a_certificate(lookup: Lookup) -> None:
    sentence = buyer_sentence(lookup.fetch("msa_conformite", "ENTREPRISE AGRICOLE À JOUR"))
    assert sentence.startswith("À jour selon la MSA, réponse reçue le 23 novembre 2026 à ")
    assert sentence.endswith("Ne prouve pas que tout est payé (échéancier, recours).")
