"""Each rule of a running contract's acts has a test that breaks it; what the documents say follows the figures."""

from dataclasses import replace
from typing import Any

import pytest

from dce_templates.acts.build import build_amendment, build_subcontract
from dce_templates.acts.check_amendment import AMENDMENT_CHECKS
from dce_templates.acts.check_subcontract import SUBCONTRACT_CHECKS
from dce_templates.acts.documents import amendment as amendment_of
from dce_templates.acts.documents import subcontract as subcontract_of
from dce_templates.acts.minutes import record
from dce_templates.blocks import words_of
from dce_templates.build import Built, Format
from dce_templates.catalogue import catalogue
from dce_templates.law import in_force
from procurement.rules import rule_table
from tests.dce_templates.acts.sample import DATASET, amendment, minutes, subcontract
from tests.dce_templates.sample import NOW, dossier
from tests.factories import make_siret

TABLE = rule_table()
FIGURES = in_force(TABLE.figures, NOW.date())
FORMER = {"name": "Ancienne SARL", "siret": make_siret(6102)}
BROKEN: dict[str, dict[str, Any]] = {
    "amendment_minor": {"amount_change": "6400"},
    "amendment_half": {"basis": "additional", "amount_change": "42000.01"},
    "amendment_review": {"basis": "review"},
    "amendment_successor": {"basis": "successor", "clauses": [], "datasets": [], "amount_change": "1"},
    "amendment_balance": {"basis": "not_substantial"},
    "amendment_notice": {"basis": "unforeseen", "contract.procedure": "open"},
    "amendment_vars": {"clauses": [{"id": "OD-99"}]},
    "amendment_clauses": {"clauses": [{"id": "OD-02"}, {"id": "OD-10"}]},
    "amendment_personal": {
        "clauses": [{"id": "OD-05"}, {"id": "OD-10"}, {"id": "OD-27"}],
        "datasets": [DATASET | {"personal": True, "published": False}],
    },
    "subcontract_whole": {"maximum": "84000"},
    "subcontract_same": {"subcontractor.siret": make_siret(6100)},
    "subcontract_direct": {"maximum": "499.99"},
    "subcontract_exclusion": {"no_exclusion": False},
    "subcontract_receivables": {"receivables": None},
    "subcontract_supplies": {"kind": "supplies"},
    "subcontract_personal": {"personal_data": True},
}


HTML: tuple[Format, ...] = ("html",)


def made(name: str, changes: dict[str, Any], **options: Any) -> Built:
    if name.startswith("amendment"):
        return build_amendment(amendment(changes), TABLE.figures, TABLE.contracts, HTML, now=NOW, **options)
    return build_subcontract(subcontract(changes), TABLE.figures, TABLE.contracts, HTML, now=NOW, **options)


def said(changes: dict[str, Any]) -> str:
    return words_of(amendment_of(amendment(changes), FIGURES, catalogue()))


def test_every_rule_has_its_test_and_its_example() -> None:
    assert {*AMENDMENT_CHECKS, *SUBCONTRACT_CHECKS} == {rule.id for rule in TABLE.contracts} == set(BROKEN)
    assert made("amendment", {}).findings == made("subcontract", {}).findings == ()


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_act_is_found_and_only_that(name: str) -> None:
    built = made(name, BROKEN[name])
    assert {finding.id for finding in built.findings} == {name}
    assert all(finding.fix and finding.read for finding in built.findings)
    blocks = next(rule for rule in TABLE.contracts if rule.id == name).severity == "block"
    assert (built.blocked, bool(built.files)) == (blocks, not blocks)


def test_the_limits_are_strict_and_count_the_earlier_ones_of_their_kind() -> None:
    """84 000 €: 10 % is 8 400 €, of which 2 000 € are used."""
    assert made("amendment", {"amount_change": "6399.99"}).findings == ()
    assert made("amendment", {"amount_change": "-10400"}).blocked
    assert not made("amendment", {"amount_change": "8399.99", "former": []}).blocked
    assert not made("amendment", {"amount_change": "42000", "basis": "additional"}).blocked
    works = {"contract.kind": "works", "contract.ccag": "Travaux"}
    assert not made("amendment", {"amount_change": "10599.99", **works}).blocked
    assert made("amendment", {"amount_change": "10600", **works}).blocked
    large = {"contract.initial_amount": "5000000", "amount_change": "216000", "former": []}
    assert made("amendment", large).blocked
    assert not made("amendment", large | {"amount_change": "215999.99"}).blocked
    assert made("subcontract", {"maximum": "500"}).findings == ()


def test_the_words_follow_the_amounts_and_never_say_more_than_holds() -> None:
    text = said({})
    for words in ("1,79\u00a0%", "4,17\u00a0%", "mille cinq cents euros et cinquante centimes", "87\u202f500,50"):
        assert words in text
    free = said({"amount_change": "0"})
    assert "n’a pas d’incidence financière" in free
    assert "n’ouvre droit à aucun paiement" in free
    assert "moins cinq cents euros" in said({"amount_change": "-500"})
    assert "en dessous de 10" in text
    assert "en dessous de" not in said(BROKEN["amendment_minor"])
    assert "ne dépasse pas" not in said(BROKEN["amendment_half"])
    successor = said(BROKEN["amendment_successor"] | {"former_holder": FORMER})
    assert "se substitue à Ancienne SARL" in successor


def test_a_derogation_of_an_added_clause_is_listed() -> None:
    clause = next(c for c in catalogue().values() if c.meta.derogates_from and c.meta.place == "ccap")
    ccag = clause.meta.derogates_from[0].ccag
    text = said({"clauses": [{"id": clause.meta.id}], "contract.ccag": ccag})
    assert "Dérogations au CCAG" in text
    assert clause.meta.derogates_from[0].article in text


def test_the_declaration_follows_the_stage_the_tax_and_the_data() -> None:
    def words(changes: dict[str, Any]) -> str:
        return words_of(subcontract_of(subcontract(changes), FIGURES))

    assert "son silence gardé 21 jours" in words({})
    offer = words({"stage": "offer", "receivables": None})
    assert "R2193-2" in offer
    assert "Cession ou nantissement" not in offer
    assert "autoliquidation" in words({"vat": "reverse"})
    assert "payé par l’entreprise principale" in words({"maximum": "499"})
    processing = {"purposes": ["Compter"], "data": ["Plaques"], "people": ["Usagers"], "retention": "Un mois"}
    assert "l’autorise par écrit" in words({"personal_data": True, "processing": processing})
    assert "☐ Oui" in words({"no_exclusion": None})


def test_letters_of_a_formal_procedure_name_the_winner_and_the_first_day_of_the_signature() -> None:
    """NOW is 23 November 2026: eleven days, then the day after (R2182-1)."""
    facts = replace(minutes(), dossier=dossier({"procedure": "open", "negotiation": "false"}), standstill_days=11)
    words = words_of(record("letters", facts, NOW)).replace("\u202f", " ").replace("\u00a0", " ")
    assert "attribué à Capteurs et Mesures SAS, pour un montant de 84 000,00 € hors taxes" in words
    assert "La meilleure note sur les deux critères." in words
    assert "ne sera pas signé avant le 5 décembre 2026" in words
    assert "Motif : Attestation non produite." in words
    assert "Pli hors délai : Retard et Fils" in words
    adapted = words_of(record("letters", replace(facts, dossier=dossier()), NOW))
    assert "signé avant" not in adapted
    assert "La meilleure note" not in adapted, "reasons wait for a request (R2181-2)"
