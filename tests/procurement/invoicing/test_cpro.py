"""The 44 rules of Chorus Pro: each has an invoice that passes and one that breaks it, in both syntaxes."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from procurement.invoicing import cpro, mentions, own
from procurement.invoicing.check import check_invoice
from procurement.invoicing.directory import Directory, Recipient
from procurement.invoicing.making import Line
from procurement.invoicing.parsing import read_invoice
from procurement.invoicing.rows import AtMostOne, Row, Within, broken, fingerprint
from tests.procurement.invoicing.edits import (
    ASKS,
    EITHER,
    MAKE,
    delivered_to,
    identified,
    put,
    rich,
    sample,
    twice,
    without,
)
from tests.procurement.invoicing.samples import BUYER, SELLER, draft

pytestmark = pytest.mark.parametrize("syntax", ["CII", "UBL"])
Edit = Callable[[bytes, str], bytes]
ROWS = {row.code.rsplit("-", 1)[-1]: row for row in cpro.RULES}
LENGTHS = [number for number, row in ROWS.items() if isinstance(row.holds, Within) and not row.supposed]
REPEATED = [number for number, row in ROWS.items() if isinstance(row.holds, AtMostOne) and not row.supposed]
# UBL has room for one contact only: its schema refuses the second before any rule is asked.
BY_SCHEMA = {("UBL", "26"), ("UBL", "27"), ("UBL", "28")}
EXEMPT = draft(lines=(Line("P1", "Pose", Decimal(2), Decimal("450.50"), Decimal(0), "AE"),))
# number → (process, an edit that keeps the rule, an edit that breaks it, the directory needed)
OTHERS: dict[str, tuple[str, Edit, Edit, Directory | None]] = {
    "01": (
        "S1",
        lambda xml, s: MAKE[s](rich(extra={"EXT-FR-FE-01": "CT"})),
        lambda xml, s: MAKE[s](rich(extra={"EXT-FR-FE-01": "ON"})),
        None,
    ),
    "02": ("S1", lambda xml, s: put(xml, s, "BT-1", "F" * 20), lambda xml, s: put(xml, s, "BT-1", "F" * 21), None),
    "03": ("S1", lambda xml, s: xml, lambda xml, s: identified(xml, s, "0088", "3012345678900"), None),
    "04": (
        "S1",
        lambda xml, s: identified(xml, s, "0223", "BE0123456749"),
        lambda xml, s: identified(xml, s, "0223", "B" * 18),
        None,
    ),
    "05": (
        "S1",
        lambda xml, s: identified(xml, s, "0227", "US123"),
        lambda xml, s: identified(xml, s, "0227", "U" * 18),
        None,
    ),
    "06": (
        "S1",
        lambda xml, s: identified(xml, s, "0228", "123456789"),
        lambda xml, s: identified(xml, s, "0228", "12345678"),
        None,
    ),
    "07": (
        "S1",
        lambda xml, s: identified(xml, s, "0229", "1234567890"),
        lambda xml, s: identified(xml, s, "0229", "12345678901"),
        None,
    ),
    "08": (
        "S1",
        lambda xml, s: identified(xml, s, "0226", "0123456789DUPONT"),
        lambda xml, s: identified(xml, s, "0226", "DUPONT0123456789"),
        None,
    ),
    "09": ("S1", lambda xml, s: xml, lambda xml, s: without(xml, s, "seller-ids"), None),
    "10": ("S1", lambda xml, s: xml, lambda xml, s: without(xml, s, "buyer-ids", "0009"), None),
    "11": ("S1", lambda xml, s: xml, lambda xml, s: unserved(xml, s), ASKS),
    "12": ("S1", lambda xml, s: xml, lambda xml, s: MAKE[s](rich(contract="", engagement="")), ASKS),
    "13": (
        "S1",
        lambda xml, s: xml,
        lambda xml, s: unserved(MAKE[s](rich(contract="", engagement="")), s),
        EITHER,
    ),
    "17": ("S1", lambda xml, s: xml, lambda xml, s: without(xml, s, "payee-ids"), None),
    "18": ("S3", lambda xml, s: xml, lambda xml, s: without(xml, s, "agent-ids"), None),
    "28": ("S3", lambda xml, s: xml, lambda xml, s: twice(xml, s, "agent-contact"), None),
    "40": (
        "S1",
        lambda xml, s: delivered_to(xml, s, "L" * 20),
        lambda xml, s: delivered_to(xml, s, "L" * 21),
        None,
    ),
    "21": ("S3", lambda xml, s: xml, lambda xml, s: without(xml, s, "agent-ids"), None),
    "23": ("S3", lambda xml, s: xml, lambda xml, s: xml, None),
    "24": ("S1", lambda xml, s: xml, lambda xml, s: put(xml, s, "BT-23", "S5"), None),
}


def unserved(xml: bytes, syntax: str) -> bytes:
    """No service in either place."""
    return without(without(xml, syntax, "buyer-ids", "0224"), syntax, "BT-10")


def said(xml: bytes, directory: Directory | None = None) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in check_invoice(xml, directory).findings}


def test_every_row_is_judged_here_or_says_why_not(syntax: str) -> None:
    assert [row.code for row in cpro.RULES] == [f"BR-FR-CPRO-{number:02}" for number in range(1, 45)]
    unknown = {number for number, row in ROWS.items() if not row.known}
    assert unknown == {"16", "22"}
    assert set(ROWS) == {*LENGTHS, *REPEATED, *OTHERS, "19", *unknown}


@pytest.mark.parametrize("process", ["S1", "S3", "S6"])
def test_the_sample_breaks_nothing(syntax: str, process: str) -> None:
    report = check_invoice(sample(syntax, process), ASKS)
    assert (report.findings, report.valid) == ((), True)


@pytest.mark.parametrize("number", LENGTHS)
def test_a_length(syntax: str, number: str) -> None:
    row = ROWS[number]
    assert isinstance(row.holds, Within)
    limit = row.holds.limit
    xml = MAKE[syntax](EXEMPT) if number == "29" else sample(syntax)
    prefix = "#PMT#" if number == "42" and syntax == "UBL" else ""
    assert row.code not in said(put(xml, syntax, row.holds.term, prefix + "9" * limit))
    assert said(put(xml, syntax, row.holds.term, prefix + "9" * (limit + 1)))[row.code] == "fatal"


@pytest.mark.parametrize("number", REPEATED)
def test_what_may_stand_once(syntax: str, number: str) -> None:
    row = ROWS[number]
    assert isinstance(row.holds, AtMostOne)
    assert row.code not in said(sample(syntax))
    rules = said(twice(sample(syntax), syntax, row.holds.term))
    assert rules == {"XSD": "fatal"} if (syntax, number) in BY_SCHEMA else rules[row.code] == "fatal"


@pytest.mark.parametrize("number", OTHERS)
def test_another_rule(syntax: str, number: str) -> None:
    process, keep, spoil, directory = OTHERS[number]
    code, xml = ROWS[number].code, sample(syntax, process)
    stranger = Directory({SELLER.siret: Recipient()}) if number == "23" else directory
    assert code not in said(keep(xml, syntax), ASKS if number == "23" else directory)
    rules = said(spoil(xml, syntax), stranger)
    if (syntax, number) in BY_SCHEMA:
        assert rules == {"XSD": "fatal"}
    else:
        assert rules[code] == ("warning" if ROWS[number].supposed else "fatal")


def test_a_supposed_reading_says_so_and_never_refuses(syntax: str) -> None:
    assert {number for number, row in ROWS.items() if row.supposed} == {"18", "28", "40"}
    report = check_invoice(delivered_to(sample(syntax), syntax, "L" * 21))
    assert [finding.rule for finding in report.findings] == ["BR-FR-CPRO-40"]
    assert "lecture supposée" in report.findings[0].message
    assert report.valid


def test_a_million_lines_are_too_many(syntax: str) -> None:
    invoice = read_invoice(sample(syntax))
    assert "BR-FR-CPRO-19" not in {row.code for row in broken(cpro.RULES, invoice)}
    many = replace(invoice, lines=invoice.lines[:1] * 1_000_000)
    assert "BR-FR-CPRO-19" in {row.code for row in broken(cpro.RULES, many)}


def test_an_unlisted_service_is_refused_and_a_listed_one_may_be_in_bt10_alone(syntax: str) -> None:
    closed = Directory({BUYER.siret: Recipient(services=frozenset({"ECOLES"}))})
    assert said(sample(syntax), closed)["BR-FR-CPRO-11"] == "fatal"
    alone = without(sample(syntax), syntax, "buyer-ids", "0224")
    assert "BR-FR-CPRO-11" not in said(alone, ASKS)
    assert said(put(alone, syntax, "BT-10", "CULTURE"), ASKS)["BR-FR-CPRO-11"] == "fatal"


def test_the_markets_number_stands_in_for_the_engagement(syntax: str) -> None:
    assert "BR-FR-CPRO-12" not in said(MAKE[syntax](rich(engagement="")), ASKS)


def test_what_was_not_verified_is_said(syntax: str) -> None:
    alone = {one.rule: one.sentence for one in check_invoice(sample(syntax, "S3")).not_verified}
    assert {f"BR-FR-CPRO-{number}" for number in (11, 12, 13, 16, 22, 23)} <= set(alone)
    assert "annuaire" in alone["BR-FR-CPRO-11"]
    assert "non vérifiable" in alone["BR-FR-CPRO-16"]
    helped = {one.rule for one in check_invoice(sample(syntax, "S3"), ASKS).not_verified}
    assert helped == {f"BR-FR-CPRO-{number}" for number in (16, 22)}


MENTIONS: dict[str, Edit] = {
    "D2192-2-4": lambda xml, s: MAKE[s](rich(contract="", engagement="")),
    "D2192-2-5": lambda xml, s: unserved(xml, s),
    "D2192-2-6": lambda xml, s: without(without(without(xml, s, "BT-72"), s, "BT-73"), s, "BT-74"),
    "D2192-2-11": lambda xml, s: without(xml, s, "BT-84"),
    "D2192-2-SIRET": lambda xml, s: without(xml, s, "buyer-ids", "0009"),
}


@pytest.mark.parametrize("code", MENTIONS)
def test_a_missing_mention_of_d2192_2_is_a_warning(syntax: str, code: str) -> None:
    invoice = read_invoice(MENTIONS[code](sample(syntax), syntax))
    assert code in {row.code for row in broken(mentions.RULES, invoice, ASKS)}
    assert code not in {row.code for row in broken(mentions.RULES, read_invoice(sample(syntax)), ASKS)}
    if code == "D2192-2-4":
        assert said(MENTIONS[code](sample(syntax), syntax))[code] == "warning"


def test_mentions_that_a_schema_already_asks_for(syntax: str) -> None:
    """Names, lines and VAT are never missing from what the schema lets through; the rows hold all the same."""
    invoice = read_invoice(sample(syntax))
    empty = replace(invoice, lines=(), vat=(), terms={}, seller=replace(invoice.seller, sirets=(), ids=()))
    codes = {row.code for row in broken(mentions.RULES, empty)}
    assert {f"D2192-2-{end}" for end in ("2-EMETTEUR", "2-DESTINATAIRE", "7", "8", "9", "SIRET")} <= codes


@pytest.mark.parametrize("rules", [cpro.RULES, mentions.RULES, own.RULES])
def test_the_rows_have_a_sha256_that_moves_with_them(syntax: str, rules: tuple[Row, ...]) -> None:
    named = fingerprint(rules)
    assert re.fullmatch("[0-9a-f]{64}", named)
    assert named == fingerprint(rules) != fingerprint(rules[1:])
    assert named in {rules.sha256 for rules in check_invoice(sample(syntax)).rule_sets}


def left(xml: bytes, directory: Directory | None = None) -> set[str]:
    return {one.rule for one in check_invoice(xml, directory).not_verified}


def test_a_part_of_the_directory_judges_only_whom_it_knows(syntax: str) -> None:
    """A buyer whose switches were not read, another buyer, and one whose switches were."""
    asked = {f"BR-FR-CPRO-{number}" for number in (11, 12, 13)} | {"D2192-2-5"}
    bare = unserved(sample(syntax, "S3"), syntax)
    unread = Directory({BUYER.siret: Recipient(read=False)}, whole=False)
    assert asked <= left(bare, unread)
    assert "BR-FR-CPRO-23" not in left(bare, unread) | set(said(bare, unread))
    stranger = Directory({SELLER.siret: Recipient()}, whole=False)
    assert asked | {"BR-FR-CPRO-23"} <= left(bare, stranger)
    assert "BR-FR-CPRO-23" not in said(bare, stranger)
    read = Directory(ASKS.recipients, whole=False)
    assert not asked & left(bare, read)
    assert said(bare, read)["BR-FR-CPRO-11"] == "fatal"
