"""Through a real LibreOffice: our Word files open there, come back whole, and become OpenDocument."""

import io
import re
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from dce_templates.blocks import Kind, words_of
from dce_templates.build import Format, build
from dce_templates.render.docx import render_docx
from dce_templates.render.odt import OdtError, render_odt
from dce_templates.word.text import Line, read_lines
from procurement.rules import rule_table
from tests.dce_templates.golden import NOW, documents, golden
from tests.dce_templates.reading import bare

CCAP = documents("fcs_mapa")["ccap"]


def marks(lines: tuple[Line, ...]) -> set[str]:
    return {mark for line in lines for mark in line.marks}


def test_what_libreoffice_opens_and_saves_keeps_its_words_and_its_bookmarks(tmp_path: Path) -> None:
    ours = render_docx(CCAP, NOW)
    (tmp_path / "ccap.docx").write_bytes(ours)
    soffice = shutil.which("soffice")
    assert soffice, "bin/setup --dev installs it"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        soffice,
        profile,
        "--headless",
        "--convert-to",
        "docx:MS Word 2007 XML",
        "--outdir",
        str(tmp_path / "out"),
    ]
    subprocess.run([*command, str(tmp_path / "ccap.docx")], check=True, capture_output=True, timeout=120)
    before, after = read_lines(ours), read_lines((tmp_path / "out" / "ccap.docx").read_bytes())
    assert marks(before) == marks(after)
    assert any(mark.startswith("cl_OD_05_v") for mark in marks(after))
    assert [line.text for line in before] == [line.text for line in after]


def test_the_odt_says_the_same_words_with_its_bookmarks_and_one_date() -> None:
    word = render_docx(CCAP, NOW)
    made = render_odt(word, NOW)
    content = zipfile.ZipFile(io.BytesIO(made)).read("content.xml").decode()
    said = re.sub(r"<text:table-of-content .*?</text:table-of-content>", "", content, flags=re.DOTALL)
    said = re.sub(r"<text:(?:s|tab|line-break)\b[^>]*>|</text:(?:p|h)>", " ", said)
    text = bare(re.sub(r"<[^>]+>", "", said).replace("&amp;", "&").replace("&apos;", "'").replace("&lt;", "<"))
    assert text == bare(words_of(CCAP))
    assert set(re.findall(r'text:bookmark-start text:name="(cl_\w+)"', content)) == {
        mark for mark in marks(read_lines(word)) if mark.startswith("cl_")
    }
    assert render_odt(word, NOW) == made, "the same bytes"
    assert render_odt(word, NOW + timedelta(days=1)) != made


def test_a_consultation_can_be_made_in_odt() -> None:
    table = rule_table()
    wanted: tuple[Format, ...] = ("odt",)
    kinds: tuple[Kind, ...] = ("ae",)
    built = build(golden("pi_study"), table.figures, table.rules, wanted, now=NOW, kinds=kinds)
    assert [file.name.rpartition(".")[2] for file in built.files] == ["odt", "json"]
    assert built.files[0].media_type == "application/vnd.oasis.opendocument.text"


def test_without_libreoffice_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OdtError, match="LibreOffice n'est pas installé"):
        render_odt(b"", NOW)


def test_a_libreoffice_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "soffice").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "soffice").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OdtError, match="n'a pas pu produire"):
        render_odt(b"", NOW)
