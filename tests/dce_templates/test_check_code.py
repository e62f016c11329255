"""The QR code of an act to sign, read back from the drawn page: it holds the address of the public check, no more."""

import pypdfium2
import pytest
import segno
from PIL import Image

from dce_templates.render.pdf import render_pdf
from tests.dce_templates.sample import NOW
from tests.dce_templates.test_words import SAMPLES

SCALE = 6
MARGIN, SIDE = 2.4 / 2.54 * 72, 2.8 / 2.54 * 72  # points; the side includes a margin of four modules


def drawn(pdf: bytes) -> tuple[Image.Image, str]:
    """The last page as a picture in black and white, and its words."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[len(document) - 1]
    return page.render(scale=SCALE).to_pil().convert("L"), page.get_textpage().get_text_range()


def modules(picture: Image.Image, count: int) -> list[list[bool]]:
    """The code at the left margin, the last dark thing above the footer: its modules, True for a dark one."""
    left, side = round(MARGIN * SCALE), SIDE * SCALE
    column = picture.crop((left, 0, left + round(side), picture.height - left))
    found = column.point(lambda level: 255 if level < 128 else 0).getbbox()
    assert found is not None
    step = side / (count + 8)
    top = found[3] - count * step
    return [[dark(column, (x + 4.5) * step, top + (y + 0.5) * step) for x in range(count)] for y in range(count)]


def dark(picture: Image.Image, x: float, y: float) -> bool:
    level = picture.getpixel((int(x), int(y)))
    assert isinstance(level, int)
    return level < 128


@pytest.mark.parametrize("address", ["https://marches.exemple.fr/verifier", "http://127.0.0.1:8000/verifier"])
def test_the_code_says_the_address(address: str) -> None:
    picture, words = drawn(render_pdf(SAMPLES["example ae"], NOW, b"{}", address))
    expected = [[bool(dark) for dark in row] for row in segno.make(address, error="q", boost_error=False).matrix]
    assert modules(picture, len(expected)) == expected
    assert f"Vérifier cette signature : {address}" in " ".join(words.replace("\u200b", "").split())


def test_the_same_bytes_each_time_and_no_code_unasked() -> None:
    address = "https://marches.exemple.fr/verifier"
    with_code = render_pdf(SAMPLES["example ae"], NOW, b"{}", address)
    assert with_code == render_pdf(SAMPLES["example ae"], NOW, b"{}", address)
    assert "Vérifier cette signature" not in drawn(render_pdf(SAMPLES["example ae"], NOW, b"{}"))[1]
