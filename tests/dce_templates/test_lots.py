"""A contract in several lots: one dossier, an AE and a price workbook for each lot, and rules that look at each."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import pytest

from dce_templates.assemble import assemble
from dce_templates.blocks import words_of
from dce_templates.build import Built, Format, build
from dce_templates.checks import Finding, check
from dce_templates.dossier import DossierError, Holder, parse_dossier
from dce_templates.drift import drift
from dce_templates.modification import build_next
from dce_templates.read_prices import read_prices
from procurement.rules import rule_table
from tests.dce_templates.lots_scene import LOTS, PRICE, in_lots, lots_data
from tests.dce_templates.sample import NOW
from tests.dce_templates.test_words import agree

TABLE = rule_table()
DOCX: tuple[Format, ...] = ("docx",)
FIGURES = TABLE.in_force(in_lots().launched_on).figures


def made(**options: Any) -> Built:
    return build(in_lots(), TABLE.figures, TABLE.rules, **{"now": NOW, "formats": ("docx", "xlsx"), **options})


def findings(changes: Mapping[str, Any]) -> dict[str, Finding]:
    found = check(in_lots(**changes), TABLE.figures, TABLE.rules, now=NOW)
    return {item.id: item for item in reversed(found)}


def content(built: Built, start: str) -> bytes:
    return next(file.content for file in built.files if file.name.startswith(start))


def test_each_lot_has_its_acte_and_its_prices_and_nothing_blocks() -> None:
    built = made()
    assert not built.blocked
    assert [file.name.split("_")[0] for file in built.files] == [
        "RC", "AE-LOT1", "AE-LOT2", "AE-LOT3", "CCAP", "ANNEXE-DONNEES", "ANNEXE-RGPD", "BPU-DQE-LOT1", "BPU-DQE-LOT3",
        "manifest.json",
    ]  # fmt: skip
    listed = json.loads(built.files[-1].content)["files"]
    assert len(listed) == len(built.files) - 1
    assert made() == built, "the same bytes"


def test_what_is_estimated_for_a_lot_stays_with_the_buyer() -> None:
    whole = made(formats=("pdf", "html"), checked=False)
    said = "".join(file.content.decode() for file in whole.files if file.name.endswith((".html", ".json")))
    for file in whole.files:
        if file.name.endswith(".pdf"):
            (attached,) = pypdf.PdfReader(io.BytesIO(file.content)).attachments.values()
            said += attached[0].decode()
    assert "Couverture" in said
    assert "estimated_amount" not in said
    assert not re.search(r"(40|30|26|96)[ \u202f.]?000", said)


@pytest.mark.parametrize("kind", ["rc", "ccap", "ae"])
def test_the_three_formats_say_the_same_words_of_lots(kind: Any) -> None:
    dossier = in_lots() if kind != "ae" else in_lots().parts[0]
    document = assemble(kind, dossier, FIGURES)
    assert "Gros œuvre & démolition <partielle>" in words_of(document)
    agree(document)


def test_the_rules_of_the_consultation_tell_the_lots_and_whose_criteria_are_whose() -> None:
    words = words_of(assemble("rc", in_lots(), FIGURES))
    assert "divisé en 3 lots" in words
    assert "répondre à 2 lots au plus" in words
    assert "Critères de jugement des offres des lots n° 1, 3" in words
    assert "Critères de jugement des offres du lot n° 2" in words
    assert "Matériaux biosourcés du lot n° 2 : part de la masse" in words
    assert "Lot n° 1. Démolir l’appentis" in words
    assert "lot unique" not in words.lower()


def test_an_acte_is_of_its_lot_and_the_holders_lot_alone_is_made() -> None:
    words = words_of(assemble("ae", in_lots().parts[1], FIGURES))
    assert "Lot n° 2 : Couverture" in words
    assert "45261210-9" in words
    assert "porte sur le lot n° 2" in words
    holder = Holder(name="Toits & Cie", siret="99900002900010", amount=Decimal("28000"), lot=2)
    built = made(kinds=("ae",), holder=holder, checked=False, formats=("docx",))
    assert [file.name for file in built.files] == ["AE-LOT2_2026-NUM-014.docx", "manifest.json"]
    with pytest.raises(DossierError, match="de quel lot"):
        made(kinds=("ae",), holder=holder.model_copy(update={"lot": None}), checked=False)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "weights": (
        {"lots.1.criteria": [PRICE]}, "Lot n° 2 : La somme des poids", "lots.1.criteria"),
    "environmental_criterion": (
        {"lots.1.criteria": [PRICE, {**PRICE, "id": "t", "kind": "technical", "weight": "60"}]}, "Lot n° 2", "lots.1"),
    "framework_maximum": ({"nature": "Accord-cadre"}, "Lot n° 1", "lots.0.ceiling"),
    "lots_estimate": ({"lots.2.estimated_amount": "26000.01"}, "96\u202f000,01", "estimated_amount"),
    "lots_own": ({"price_lines": LOTS[0]["price_lines"]}, "chacun a les siens", "price_lines"),
    "single_lot": ({"lot.single_reason": "Indivisible."}, "aussi un motif", "lot.single_reason"),
}  # fmt: skip


@pytest.mark.parametrize("rule", BAD)
def test_a_rule_looks_at_the_lot_that_breaks_it(rule: str) -> None:
    changes, sentence, field = BAD[rule]
    found = findings(changes)[rule]
    assert sentence in found.message
    assert found.field.startswith(field)
    assert rule not in findings({})


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_bids": "3", "max_awards": "3"}, ""),
        ({"max_bids": "4"}, "lot.max_bids"),
        ({"max_bids": "1", "max_awards": "2"}, "lot.max_awards"),
        ({"max_awards": "1"}, "lot.tie_rule"),
        ({"max_awards": "1", "tie_rule": "dans l'ordre de préférence donné par le candidat."}, ""),
    ],
)
def test_how_many_lots_one_may_have_holds_together(limits: dict[str, str], told: str) -> None:
    found = findings({"lot": limits}).get("lots_limits")
    assert (found.field if found else "") == told


def test_lots_are_at_least_two_in_order() -> None:
    for lots in (LOTS[:1], [LOTS[1], LOTS[0]], [LOTS[0], LOTS[0]]):
        with pytest.raises(DossierError, match="les lots sont au moins deux, numérotés 1, 2, 3"):
            parse_dossier(lots_data(lots=lots))


def test_the_prices_of_a_lot_are_read_back_against_that_lot() -> None:
    built, parts = made(), in_lots().parts
    book = openpyxl.load_workbook(io.BytesIO(content(built, "BPU-DQE-LOT3")))
    book["BPU"]["D6"] = 12.5
    filled = io.BytesIO()
    book.save(filled)
    assert read_prices(parts[2], filled.getvalue()).lines[0].price == Decimal("12.5")
    assert read_prices(parts[0], filled.getvalue()).problems


def test_an_edited_acte_is_compared_with_that_of_its_lot() -> None:
    acte = content(made(), "AE-LOT3")
    assert not drift(acte, in_lots(), TABLE.figures, TABLE.rules).drifted
    parts = zipfile.ZipFile(io.BytesIO(acte))
    assert "Électricité" in parts.read("word/document.xml").decode()


def test_a_change_of_one_lot_redlines_its_acte_alone_and_is_told() -> None:
    former = {file.name: file.content for file in made().files if file.name.endswith(".docx")}
    after = in_lots(**{"lots.1.title": "Couverture et zinguerie", "lots.1.criteria.0.label": "Prix des travaux"})
    built = build_next(in_lots(), after, TABLE.figures, TABLE.rules, DOCX, former=former, now=NOW, version=2)
    names = [file.name for file in built.files]
    assert "AE-LOT2_2026-NUM-014_modifications_v2.docx" in names
    assert "AE-LOT1_2026-NUM-014_modifications_v2.docx" not in names
    notice = zipfile.ZipFile(io.BytesIO(content(built, "AVIS_"))).read("word/document.xml").decode()
    assert "Couverture et zinguerie" in notice
    assert "D’autres points du dossier changent" in notice
    assert "Acte d’engagement du lot n° 2" in notice
