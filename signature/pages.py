"""What was changed in a PDF after its signature, as pictures: the pages as signed beside the pages as shown now.

A signature covers the file up to a length; whatever comes later was added by somebody else. Only pages that look
different are drawn.
"""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageDraw

from signature.errors import Unreadable

WIDTH = 620  # pixels of a picture
MOST_COMPARED, MOST_SHOWN = 60, 5
TOLERANCE = 24  # of 255: a smoothed edge is no change
MARGIN = 6


@dataclass(frozen=True)
class ChangedPage:
    """One page in two pictures (PNG, Base64): `signed` is empty where it was added, `shown` where it was taken out."""

    number: int
    signed: str
    shown: str


@dataclass(frozen=True)
class Comparison:
    """The pages that changed, at most five; `more` others changed too."""

    pages: tuple[ChangedPage, ...]
    more: int


def compared(pdf: bytes, length: int) -> Comparison:
    """The file against its first `length` bytes, which are what was signed. Raises Unreadable."""
    try:
        before, after = _opened(pdf[:length]), _opened(pdf)
        count = min(max(len(before), len(after)), MOST_COMPARED)
        changed = [pair for pair in (_pair(before, after, n) for n in range(count)) if pair is not None]
    except Exception as error:
        raise Unreadable("Les pages de ce PDF ne peuvent être dessinées.") from error
    return Comparison(tuple(changed[:MOST_SHOWN]), max(0, len(changed) - MOST_SHOWN))


def _opened(pdf: bytes) -> Any:
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    return document


def _drawn(document: Any, number: int) -> Any:
    """A page as a picture with its annotations and form fields, None where there is no such page."""
    if number >= len(document):
        return None
    page = document[number]
    width, height = page.get_size()
    scale = min(WIDTH / max(width, 1), 3 * WIDTH / max(height, 1))
    return page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")


def _pair(before: Any, after: Any, number: int) -> ChangedPage | None:
    old, new = _drawn(before, number), _drawn(after, number)
    if old is None or new is None:
        return ChangedPage(number + 1, _png(old), _png(new))
    place = _difference(old, new)
    if place is None:
        return None
    for picture in (old, new):
        ImageDraw.Draw(picture).rectangle(place, outline=(176, 0, 32), width=3)
    return ChangedPage(number + 1, _png(old), _png(new))


def _difference(old: Any, new: Any) -> tuple[int, int, int, int] | None:
    """The rectangle around what differs, None where nothing does."""
    if old.size != new.size:
        return 0, 0, new.size[0] - 1, new.size[1] - 1
    found = ImageChops.difference(old, new).convert("L").point(lambda level: 255 if level > TOLERANCE else 0)
    box = found.getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    return max(0, left - MARGIN), max(0, top - MARGIN), right + MARGIN, bottom + MARGIN


def _png(picture: Image.Image | None) -> str:
    if picture is None:
        return ""
    output = BytesIO()
    picture.save(output, "PNG", optimize=True)
    return base64.b64encode(output.getvalue()).decode("ascii")


def drawn(pdf: bytes, most: int = 20) -> list[str]:
    """The first pages as pictures (PNG, Base64). Raises Unreadable."""
    try:
        document = _opened(pdf)
        return [_png(_drawn(document, number)) for number in range(min(len(document), most))]
    except Exception as error:
        raise Unreadable("Les pages de ce PDF ne peuvent être dessinées.") from error
