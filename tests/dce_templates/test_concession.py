"""A concession: one contract instead of AE and CCAP, an RC of its own, what its law asks of the words."""

from typing import Any

import pytest

from dce_templates.assemble import assemble, kinds_of
from dce_templates.blocks import Heading, Kind, words_of
from dce_templates.checks import check
from dce_templates.law import in_force
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, concession

TABLE = rule_table()
FIGURES = in_force(TABLE.figures, concession().launched_on)


def words(kind: Kind, changes: dict[str, Any] | None = None) -> str:
    return words_of(assemble(kind, concession(changes), FIGURES)).replace("\u202f", " ").replace("\u00a0", " ")


def test_one_contract_takes_the_place_of_two_documents() -> None:
    assert kinds_of(concession()) == ("rc", "concession", "data")


def test_the_complete_concession_has_nothing_that_blocks_or_warns() -> None:
    found = check(concession(), TABLE.figures, TABLE.rules, now=NOW)
    assert {item.id for item in found} <= {"legality_control"}


def test_the_contract_has_every_article_and_its_law() -> None:
    text = words("concession")
    for said in (
        "Durée et amortissement", "R3114-2", "s’amortit en 7 ans", "Risque transféré", "L1121-1",
        "sont au risque du concessionnaire", "Abonnement annuel", "30,00 €", "L3114-6",
        "400 000,00 €", "5 ans", "bien de reprise", "bien de retour", "L3132-4", "L3132-5",
        "Rapport annuel", "avant le 1er juin",
        "R3131-2 à R3131-4", "inventaire des biens de retour et de reprise", "Contrôle", "200,00 €", "Fin du contrat",
        "L3136-10", "Remise des données de la concession de service public", "Bases de données, biens de retour",
        "article L3131-2", "laïcité", "R3131-1", "Taux de disponibilité", "50 000,00 €",
    ):  # fmt: skip
        assert said in text, said
    assert "acte d’engagement" not in text
    headings = [b.text for b in assemble("concession", concession(), FIGURES).blocks if isinstance(b, Heading)]
    assert len(headings) == len(set(headings))


def test_what_is_not_said_stays_to_be_filled_and_the_law_stands_without_its_clause() -> None:
    bare = words("concession", {"concession": {}, "clauses": []})
    assert "Répartition des risques" in bare
    assert "☐ retour" in bare
    assert bare.count("article L3131-2") == 1
    waived = words("concession", {"clauses": [], "data_waiver": "délibération n° 12 du 3 mars"})
    assert "L3131-3" in waived
    assert "L3131-2" not in waived
    private = words("concession", {"nature": "Concession de service", "public_service": "false", "clauses": []})
    assert "Les parties conviennent" in private
    assert "L3131-2" not in private
    assert "laïcité" not in private


def test_the_rules_of_a_concession_follow_its_value() -> None:
    small, large = words("rc"), words("rc", {"estimated_amount": "5404000"})
    assert "R3126-12" in small
    assert "R3125-2" not in small
    assert "R3125-2" in large
    assert "R3124-5" in large
    assert "R3126-12" not in large
    unknown = words_of(assemble("rc", concession(), {}))
    assert "R3125-2" in unknown
    assert "R3126-12" in unknown
    for marche in ("acte d’engagement", "cahier des clauses administratives", "R2143", "R2144", "R2181", "R2152"):
        assert marche not in small, marche
    assert "2 500 000" not in small, "the estimate stays with the buyer"


@pytest.mark.parametrize("kind", ["rc", "concession"])
def test_criteria_and_anchors_are_in_order(kind: Kind) -> None:
    document = assemble(kind, concession({"criteria.2.weight": "45", "criteria.0.weight": "20"}), FIGURES)
    anchors = [block.anchor for block in document.blocks if isinstance(block, Heading)]
    assert len(anchors) == len(set(anchors))
    if kind == "rc":
        text = words_of(document)
        assert text.index("Durée de vie") < text.index("Tarifs et équilibre") < text.index("Qualité du service rendu")
