"""What a user reads of a broken rule is French, whichever of the published sheets says it."""

import re
from decimal import Decimal

import pytest
from lxml import etree

from api.sandbox.invoices import Line, cii, ubl
from procurement.invoicing import check, rulesets
from procurement.invoicing.sentences import sentence
from tests.procurement.invoicing.samples import draft
from tests.procurement.invoicing.stories import Made

XSL = "{http://www.w3.org/1999/XSL/Transform}"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
SHEETS = sorted({sheet for _, sheet in rulesets._CII.values()} | {*rulesets._UBL.values(), *rulesets._FRENCH.values()})
# Too rare for a sentence of ours: shown as the norm writes them, and said so.
AS_WRITTEN = {"BR-FREXT-O-08ini", "BR-FXEXT-03", "BR-FXEXT-CII-DT-097", "UBL-SR-43"}
ENGLISH = {"the", "shall", "should", "must", "MUST", "not", "is", "may", "be"}


def _unquoted(message: str) -> str:
    """The names of elements and of code lists are those of the norm."""
    return re.sub(r"« .*? »", "", message)


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_rule_of_every_sheet_is_said_in_french(sheet: str) -> None:
    asserts = list(etree.parse(rulesets.path(sheet)).iter(f"{SVRL}failed-assert", f"{SVRL}successful-report"))
    for each in asserts:  # as the report names it
        each.set("id", each.findtext(f"{XSL}attribute[@name='id']") or "")
    found = [check._finding(each, sheet) for each in asserts]
    assert not [one for one in found if not one.rule or "?" in one.rule]
    assert len(found) > 50
    assert {one.rule for one in found if "en anglais" in one.message} <= AS_WRITTEN
    assert not [
        one.message for one in found if one.rule not in AS_WRITTEN and ENGLISH & set(_unquoted(one.message).split())
    ]


@pytest.mark.parametrize(
    ("rule", "text", "said"),
    [
        ("BR-FREXT-CO-10", "[BR-FREXT-CO-10]-Absolute Value of", "La somme des lignes (BT-106)"),
        ("BR-FREXT-BR-26", "[BR-FREXT-BR-26]-Each line shall", "Une ligne n’a pas de prix unitaire net (BT-146)."),
        ("BR-FXEXT-S-08", "[BR-FXEXT-S-08] - In a VAT breakdown", "Une base de TVA (BT-116)"),
        ("BR-AE-05", "[BR-AE-05]-In an Invoice line", "« autoliquidation (AE) »"),
        (
            "BR-DEC-12",
            "[BR-DEC-12]-The allowed maximum number of decimals for the net (BT-109) is 2.",
            "BT-109 a plus de",
        ),
        ("FX-1", "Element 'ram:ID' must occur exactly 1 times.", "L’élément « ID » doit figurer 1 fois."),
        ("CII-SR-9", "[CII-SR-9] - GlobalID should not be present", "« GlobalID » n’a pas sa place ici."),
        ("BR-FR-05", "BR-FR-05/BT-22 : La mention manque.", "La mention manque."),
        ("BR-FREXT-01", "[BR-FREXT-01]-Something new", "Son texte, en anglais : Something new"),
    ],
)
def test_a_sentence(rule: str, text: str, said: str) -> None:
    assert said in sentence(rule, text)


@pytest.mark.parametrize("make", [ubl, cii])
def test_a_warning_about_the_reason_of_an_exemption_is_not_that_of_a_wrong_base(make: Made) -> None:
    """The base is right: the line only does not repeat why there is no VAT."""
    line = {
        "BT-126": "1", "BT-129": "2", "BT-130": "C62", "BT-131": "901.00", "BT-146": "450.50", "BT-151": "AE",
        "BT-152": "0", "BT-153": "Pose",
    }  # fmt: skip
    reverse = Line("P1", "Pose", Decimal(2), Decimal("450.50"), Decimal(0), "AE")
    exempt = make(draft(lines=(reverse,), extra={"BG-25": [line]}))
    found = [finding for finding in check.check_invoice(exempt).findings if "-AE-" in finding.rule]
    assert [(one.rule.partition("EXT-")[2], one.severity) for one in found] == [("AE-08rev", "warning")]
    assert "ne répètent pas le motif d’exonération" in found[0].message
