"""What comes back signed may only add a signature to what was handed out."""

from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import NameObject, TextStringObject

from signature.additions import ANNOTATED, CHANGED, redrawn
from signature.errors import Unreadable
from tests.signature.conftest import Bench


def extended(pdf: bytes, change: str) -> bytes:
    """The file with an incremental update that makes one change."""
    writer = PdfWriter(BytesIO(pdf), incremental=True)
    if change == "rotate":
        writer.pages[0].rotate(90)
    elif change == "page":
        writer.add_blank_page(595, 842)
    elif change == "note":
        writer.add_annotation(0, FreeText(text="94 000 €", rect=(50, 550, 200, 650)))
    elif change == "action":
        writer.root_object[NameObject("/OpenAction")] = TextStringObject("x")
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def test_signatures_alone_are_fine(bench: Bench) -> None:
    once = bench.sign()
    assert redrawn(bench.pdf, once) == ""
    assert redrawn(bench.pdf, bench.sign(pdf=once)) == ""
    assert redrawn(bench.pdf, bench.sign_t()) == ""


@pytest.mark.parametrize(
    ("change", "sentence"), [("rotate", CHANGED), ("page", CHANGED), ("action", CHANGED), ("note", ANNOTATED)]
)
def test_a_change_before_the_signature_is_seen(bench: Bench, change: str, sentence: str) -> None:
    changed = extended(bench.pdf, change)
    assert changed.startswith(bench.pdf)
    assert len(PdfReader(BytesIO(changed)).pages) >= 1
    assert redrawn(bench.pdf, bench.sign(pdf=changed)) == sentence


def test_another_file_and_a_broken_one(bench: Bench) -> None:
    assert "n’est pas la suite" in redrawn(bench.pdf, b"%PDF-1.7")
    with pytest.raises(Unreadable):
        redrawn(b"%PDF-1.7", b"%PDF-1.7 rien")
