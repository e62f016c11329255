"""Price schedules: written, filled as a candidate does it, read back; each bad file is one sentence."""

import io
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.workbook import Workbook

from dce_templates.assemble import assemble
from dce_templates.blocks import words_of
from dce_templates.build import build
from dce_templates.dossier import Dossier, DossierError
from dce_templates.price_sheets import sheets
from dce_templates.read_prices import MAX_PROBLEMS, PricesRead, read_prices
from dce_templates.render.xlsx import render_xlsx
from dce_templates.workbook import MAX_BYTES, WorkbookError
from procurement.rules import rule_table
from tests.dce_templates.sample import NOW, dossier

LINES = [
    {"code": "1.1", "label": "Pose d’un capteur", "unit": "u", "quantity": "20"},
    {"code": "1.2", "label": "Contrôle & réglage", "unit": "jour", "quantity": "12.5"},
    {"code": "2", "label": "Tableau de bord", "unit": "forfait", "quantity": "1"},
]
PRICES = [Decimal("850.5"), Decimal("640"), Decimal("1200.125")]
TOTAL = Decimal("26210.13")  # 17010.00 + 8000.00 + 1200.125 rounded up
SHEET = "xl/worksheets/sheet1.xml"
Change = Callable[[Workbook], object]


def priced(form: str = "Forfaitaire", lines: Any = LINES) -> Dossier:
    return dossier({"price.form": form, "price_lines": lines})


UNIT, LUMP = priced("Unitaire"), priced()
SENT = {"Unitaire": render_xlsx(UNIT), "Forfaitaire": render_xlsx(LUMP)}


def filled(content: bytes, prices: Any = PRICES, change: Change = lambda book: None) -> bytes:
    """What a candidate sends back: prices in the column that is theirs, then whatever else they did."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    page = book.worksheets[0]
    column = next(cell.column for cell in page[5] if cell.value == "Prix unitaire HT (€)")
    for row, price in enumerate(prices, 6):
        page.cell(row, column).value = price
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parts(content: bytes, given: dict[str, bytes]) -> bytes:
    """The same archive with parts put in."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as read, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as write:
        for name in read.namelist():
            if name not in given:
                write.writestr(name, read.read(name))
        for name, data in given.items():
            write.writestr(name, data)
    return out.getvalue()


def told(read: PricesRead) -> list[tuple[str, str]]:
    return [(problem.cell, problem.sentence) for problem in read.problems]


def test_unit_prices_are_given_once_and_give_the_estimate() -> None:
    read = read_prices(UNIT, filled(SENT["Unitaire"]), TOTAL)
    assert (told(read), read.total_ht, [line.price for line in read.lines]) == ([], TOTAL, PRICES)
    book = openpyxl.load_workbook(io.BytesIO(SENT["Unitaire"]))
    assert book.sheetnames == ["BPU", "DQE"]
    assert book.defined_names["TOTAL_HT"].value == "DQE!$F$9"
    codes = [[page.cell(row, 1).value for row in range(6, 9)] for page in book.worksheets]
    assert codes == [["1.1", "1.2", "2"]] * 2
    bpu = book["BPU"]
    assert (bpu["A1"].value, bpu.freeze_panes, bpu.print_title_rows) == (
        "Bordereau des prix unitaires (BPU)", "A6", "$5:$5",
    )  # fmt: skip
    assert bpu.protection.sheet
    assert (bpu["B6"].protection.locked, bpu["D6"].protection.locked, bpu["D6"].value) == (True, False, None)
    rule = bpu.data_validations.dataValidation[0]
    assert (str(rule.sqref), rule.operator, rule.formula1) == ("D6:D8", "greaterThanOrEqual", "0")
    assert not any(page.merged_cells.ranges for page in book.worksheets)
    shown = openpyxl.load_workbook(io.BytesIO(SENT["Unitaire"]), data_only=True)
    assert shown["DQE"]["F9"].value == 0


def test_without_quantities_there_is_a_bordereau_and_no_total() -> None:
    lines = [{**line, "quantity": None} for line in LINES]
    alone = priced("Mixte", lines)
    read = read_prices(alone, filled(render_xlsx(alone)), TOTAL)
    assert [sheet.kind for sheet in sheets(alone)] == ["BPU"]
    assert (read.total_ht, read.lines[0].quantity, read.lines[0].amount) == (None, None, None)
    assert told(read) == [("BPU", "Un bordereau sans quantités n’a pas de total à comparer au montant donné.")]
    lump = priced("Forfaitaire", lines)
    assert read_prices(lump, filled(render_xlsx(lump))).total_ht == Decimal("2690.63")


def test_the_amount_engaged_and_the_total_shown_must_be_the_sum() -> None:
    content = filled(SENT["Forfaitaire"])
    read = read_prices(LUMP, content, Decimal("26210.12"))
    assert told(read)[0][0] == "DPGF!F9"
    assert "Le montant donné est de 26 210,12 €" in told(read)[0][1].replace("\u202f", " ").replace("\u00a0", " ")
    with zipfile.ZipFile(io.BytesIO(SENT["Forfaitaire"])) as archive:
        sheet = archive.read(SHEET)
    prices = [b'<c r="E%d" s="' % row for row in (6, 7, 8)]
    for start, price in zip(prices, PRICES, strict=True):
        at = sheet.index(b"/>", sheet.index(start))
        sheet = sheet[:at] + b"><v>" + str(price).encode() + b"</v></c>" + sheet[at + 2 :]
    for shown, problems in ((b"26210.130000000001", 0), (b"26210.15", 1)):
        lying = sheet.replace(b"<f>SUM(F6:F8)</f><v>0</v>", b"<f>SUM(F6:F8)</f><v>" + shown + b"</v>")
        read = read_prices(LUMP, parts(SENT["Forfaitaire"], {SHEET: lying}))
        assert (read.total_ht, len(read.problems)) == (TOTAL, problems)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip()) and " ".join(text.split()).isprintable()
)
STARTS = st.sampled_from(["", "=", "+", "-", "@", "<r>", "_x0041_", "x005F_", "'"])
NUMBERS = st.decimals(0, 999_999_999, places=6)


@settings(max_examples=8)
@given(
    st.sampled_from(["Unitaire", "Forfaitaire"]),
    st.lists(st.tuples(STARTS, WORDS, WORDS, st.none() | NUMBERS, NUMBERS), min_size=1, max_size=4),
)
def test_what_is_written_and_filled_is_read_back(form: str, rows: list[Any]) -> None:
    lines = [
        {"code": f"{start}{number}", "label": start + label + "</r>", "unit": unit, "quantity": quantity}
        | ({"chapter": label} if number % 2 else {})
        for number, (start, label, unit, quantity, _) in enumerate(rows)
    ]
    asked = priced(form, lines)
    content = render_xlsx(asked)
    assert render_xlsx(asked) == content
    read = read_prices(asked, filled(content, [row[4] for row in rows]))
    assert told(read) == []
    assert [line.price for line in read.lines] == [row[4] for row in rows]
    assert [line.label for line in read.lines] == [line.label for line in asked.price_lines]


def put(cell: str, value: Any, sheet: str = "DPGF") -> Change:
    def change(book: Workbook) -> None:
        book[sheet][cell].value = value

    return change


def hide(book: Workbook) -> None:
    book["DPGF"].row_dimensions[7].hidden = True
    book["DPGF"].column_dimensions["C"].hidden = True


def add(book: Workbook) -> None:
    book["DPGF"].insert_rows(7)
    book["DPGF"]["A7"].value = "X"


def swap(book: Workbook) -> None:
    book["DPGF"].delete_rows(6)
    book["DPGF"].insert_rows(8)
    book["DPGF"]["A8"].value = "X"


def move(book: Workbook) -> None:
    first, second = ([cell.value for cell in row] for row in book["DPGF"]["A6:G7"])
    for row, values in ((6, second), (7, first)):
        for column in (1, 2, 3, 4, 5):
            book["DPGF"].cell(row, column).value = values[column - 1]


def note(book: Workbook) -> None:
    book["DPGF"]["B6"].comment = Comment("Sous réserve", "nous")


def rename(book: Workbook) -> None:
    book["DPGF"].title = "Devis"


BAD: dict[str, tuple[Change, list[tuple[str, str]]]] = {
    "a label": (put("B7", "Contrôle seul"), [("B7", "« Contrôle & réglage » a été envoyé, « Contrôle seul » e")]),
    "a unit": (put("C6", None), [("C6", "« u » a été envoyé, cette cellule est vide.")]),
    "a code": (put("A6", "9"), [("A6", "« 1.1 » a été envoyé, « 9 » est écrit.")]),
    "a quantity": (put("D7", 12), [("D7", "« 12,5 » a été envoyé, « 12 » est écrit.")]),
    "another consultation": (put("A2", "2020-001"), [("A2", "« 2026-NUM-014 – Collecte et mise")]),
    "no price": (put("E6", None), [("E6", "Le prix « 1.1 » n’est pas donné.")]),
    "text": (put("E6", "12,50 €"), [("E6", "Le prix « 1.1 » est du texte, « 12,50 € » : écrivez un nombre.")]),
    "formula": (put("E6", "=1+1"), [("E6", "Le prix « 1.1 » est une formule : écrivez le nombre.")]),
    "yes": (put("E6", True), [("E6", "Le prix « 1.1 » n’est pas un nombre.")]),
    "date": (put("E6", date(2026, 1, 1)), [("E6", "Le prix « 1.1 » n’est pas un nombre.")]),
    "negative": (put("E6", -1), [("E6", "Le prix « 1.1 » est négatif.")]),
    "too large": (put("E6", 10**9), [("E6", "Le prix « 1.1 » dépasse 999")]),
    "a third": (put("E6", 1 / 3), [("E6", "Le prix « 1.1 » a plus de 6 décimales : arrondissez-le.")]),
    "total replaced": (put("F9", 1), [
        ("F9", "La formule de cette cellule a été changée ou remplacée."),
        ("F9", "Le fichier affiche 1,00\u00a0€ de total"),
    ]),
    "condition": (put("J30", "8 jours"), [("J30", "« 8 jours » a été écrit hors du tableau.")]),
    "far away": (put("XFD1048576", "x"), [("XFD1048576", "« x » a été écrit hors du tableau.")]),
    "merged": (lambda book: book["DPGF"].merge_cells("A12:B12"), [("A12:B12", "Les cellules A12:B12 ont")]),
    "hidden": (hide, [("A7", "La ligne 7 est masquée."), ("C5", "La colonne C est masquée.")]),
    "note": (note, [("B6", "Une note a été ajoutée à cette cellule.")]),
    "row removed": (lambda book: book["DPGF"].delete_rows(7), [("A7", "La ligne du prix « 1.2 » a été supprimée.")]),
    "row added": (add, [("A7", "La ligne 7 a été ajoutée : « X ».")]),
    "one row for another": (swap, [
        ("A8", "La ligne 8 a été ajoutée : « X »."), ("A6", "La ligne du prix « 1.1 » a été supprimée."),
    ]),
    "moved": (move, [("A7", "La ligne du prix « 1.1 » a été déplacée.")]),
    "another sheet": (lambda book: book.create_sheet("Notes"), [("Notes", "La feuille « Notes » a été ajoutée.")]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_each_change_is_one_sentence_with_its_cell(case: str) -> None:
    change, expected = BAD[case]
    read = read_prices(LUMP, filled(SENT["Forfaitaire"], change=change))
    found = [(cell.removeprefix("DPGF!"), sentence) for cell, sentence in told(read)]
    assert [cell for cell, _ in found] == [cell for cell, _ in expected]
    for (_, sentence), (_, start) in zip(found, expected, strict=True):
        assert sentence.startswith(start)
        assert sentence.endswith(".")


def test_the_wrong_workbook_says_so_and_a_changed_reference_too() -> None:
    read = read_prices(LUMP, filled(SENT["Forfaitaire"], change=rename))
    assert [sentence.split(" :")[0] for _, sentence in told(read)] == [
        "La feuille « DPGF » manque", "La feuille « Devis » a été ajoutée.",
    ]  # fmt: skip
    assert (read.total_ht, read.lines[0].price) == (None, None)
    masked = filled(SENT["Unitaire"], change=put("F6", 3, "DQE"))
    assert told(read_prices(UNIT, masked))[0][0] == "DQE!F6"


def test_a_code_turned_into_a_number_is_still_that_code() -> None:
    assert told(read_prices(LUMP, filled(SENT["Forfaitaire"], change=put("A8", 2)))) == []


def test_a_thousand_differences_are_cut_short() -> None:
    many = priced("Forfaitaire", [{"code": str(n), "label": "a", "unit": "u"} for n in range(MAX_PROBLEMS + 100)])
    read = read_prices(many, render_xlsx(many))
    assert len(read.problems) == MAX_PROBLEMS + 1
    assert read.problems[-1].sentence == "Autres différences : 100."


def lying(content: bytes) -> bytes:
    """A part that unpacks to 21 MB and announces 100 bytes, checksum included."""
    spaces = b" " * 21_000_000
    data = bytearray(parts(content, {"xl/sharedStrings.xml": spaces}))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 16 : entry + 20] = zlib.crc32(spaces[:100]).to_bytes(4, "little")
    data[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    return bytes(data)


DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'
UNREADABLE = {
    "nothing": (b"", "abîmé"),
    "a page": (b"<html></html>", "abîmé"),
    "cut": (SENT["Forfaitaire"][:-40], "abîmé"),
    "too big": (b"P" * (MAX_BYTES + 1), "trop gros"),
    "old": (b"\xd0\xcf\x11\xe0" + bytes(600), "mot de passe"),
    "macros": (parts(SENT["Forfaitaire"], {"xl/vbaProject.bin": b"x"}), "macros"),
    "bomb": (parts(SENT["Forfaitaire"], {"xl/media/a.xml": b" " * 21_000_000}), "trop gros"),
    "lying bomb": (lying(SENT["Forfaitaire"]), "abîmé"),
    "many cells": (parts(SENT["Forfaitaire"], {SHEET: b"<c/>" * 300_001}), "trop gros"),
    "entities": (parts(SENT["Forfaitaire"], {"xl/sharedStrings.xml": DOCTYPE}), "abîmé"),
    "no sheet": (parts(SENT["Forfaitaire"], {SHEET: b"<a/>x"}), "abîmé"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_workbook_is_one_sentence(case: str) -> None:
    content, words = UNREADABLE[case]
    with pytest.raises(WorkbookError, match=words) as caught:
        read_prices(LUMP, content)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_dossier_without_lines_has_nothing_to_read_and_a_code_stands_once() -> None:
    with pytest.raises(WorkbookError, match="aucun prix"):
        read_prices(dossier(), SENT["Forfaitaire"])
    with pytest.raises(DossierError) as caught:
        priced(lines=[LINES[0], {**LINES[1], "code": " 1.1"}])
    assert caught.value.errors == {"price_lines": "le code « 1.1 » est donné à deux prix ; chaque prix a le sien."}


def test_the_workbook_goes_with_the_documents_that_name_it() -> None:
    table = rule_table()
    made = build(UNIT, table.figures, table.rules, ("html", "xlsx"), now=NOW, version=2)
    rc, *_, prices, manifest = made.files
    assert prices.name == "BPU-DQE_2026-NUM-014.xlsx"
    assert prices.content == SENT["Unitaire"]
    assert f'"sha256": "{prices.sha256}"' in manifest.content.decode()
    assert rc.content.decode().count(f"le fichier {prices.name}") == 2
    words = words_of(assemble("ccap", UNIT, {}))
    assert "annexes financières, dont le bordereau des prix unitaires ;" in words
