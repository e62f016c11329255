"""Blocks → Word. The only file that knows python-docx.

Traps kept in mind: the default template speaks English and borders the title; a time in the core properties changes
the bytes; bookmarks survive Word and LibreOffice, content controls do not; `table.cell()` is quadratic.
"""

import io
import zipfile
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from typing import cast

import docx
from docx.document import Document as Word
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Length, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table as WordTable
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from dce_templates.blocks import (
    Block,
    ClauseMark,
    Document,
    Fields,
    Heading,
    Items,
    Note,
    Para,
    Sign,
    Table,
    gathered,
    relative_widths,
)
from dce_templates.word.file import BROKEN, WordError
from dce_templates.word.model import BODY

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BLACK = RGBColor(0, 0, 0)
_INK, _LINE, _SHADE = RGBColor(0x14, 0x2F, 0x52), "9AA8BA", "E9EEF5"
_TEXT_WIDTH = Cm(16.2)
# The styles that the blocks are written in.
_NEEDED = ("Title", "Subtitle", "Heading 1", "Heading 2", "Caption", "List Bullet")
_FIXED_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def _element(tag: str, **attributes: str) -> BaseOxmlElement:
    element = cast(BaseOxmlElement, OxmlElement(tag))
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    return element


def _style(word: Word, name: str, size: float, before: float, after: float, colour: RGBColor | None = None) -> None:
    style = word.styles[name]
    assert isinstance(style, ParagraphStyle)  # noqa: S101 (python-docx types every style alike)
    style.font.size, style.font.name = Pt(size), "Cambria"
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for key in [key for key in fonts.attrib if key.endswith("Theme")]:
        del fonts.attrib[key]
    for kind in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{kind}"), "Cambria")
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
    if colour is not None:
        style.font.color.rgb, style.font.bold, style.font.italic = colour, True, False


def _set_up(word: Word) -> None:
    """The look that mps has of its own."""
    section = word.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.2)
    _style(word, "Normal", 10.5, 0, 6)
    _style(word, "Title", 22, 6, 4, _INK)
    _style(word, "Subtitle", 13, 0, 10, _BLACK)
    word.styles["Subtitle"].font.bold = False
    for spacing in word.styles["Subtitle"].element.findall(f".//{qn('w:rPr')}/{qn('w:spacing')}"):
        spacing.getparent().remove(spacing)
    _style(word, "Heading 1", 14, 16, 6, _INK)
    _style(word, "Heading 2", 11.5, 10, 4, _INK)
    _style(word, "Caption", 9.5, 8, 3, _INK)
    _style(word, "List Bullet", 10.5, 0, 3)
    for border in word.styles["Title"].element.findall(f".//{qn('w:pBdr')}"):
        border.getparent().remove(border)


def _describe(word: Word, document: Document, now: datetime) -> None:
    """French, from the defaults on; whose document it is, and since when."""
    node = word.styles.element
    for tag in ("w:docDefaults", "w:rPrDefault", "w:rPr"):
        if node.find(qn(tag)) is None:
            node.insert(0, _element(tag))
        node = node.find(qn(tag))
    if node.find(qn("w:lang")) is None:
        node.append(_element("w:lang"))
    for language in word.styles.element.findall(f".//{qn('w:lang')}"):
        language.set(qn("w:val"), "fr-FR")
    properties = word.core_properties
    said = (text[:255] for text in (document.title, document.subject, document.buyer))  # a property holds no more
    properties.title, properties.subject, properties.author = said
    properties.language, properties.identifier, properties.comments = "fr-FR", document.reference, ""
    properties.created = properties.modified = now.replace(microsecond=0, tzinfo=None)
    properties.last_modified_by, properties.revision = document.buyer[:255], 1


def _field(paragraph: Paragraph, code: str, shown: str) -> None:
    for kind, text in (("begin", ""), ("", code), ("separate", ""), ("shown", shown), ("end", "")):
        run = paragraph.add_run(text if kind == "shown" else "")
        if kind in ("begin", "separate", "end"):
            run._r.append(_element("w:fldChar", fldCharType=kind))
        elif kind == "":
            instruction = _element("w:instrText")
            instruction.text = code
            instruction.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            run._r.append(instruction)


def footer_text(document: Document) -> str:
    """The running footer, before the page number."""
    return f"{document.reference} – {document.title}"


def _footer(word: Word, document: Document) -> None:
    footer = word.sections[-1].footer
    if len(word.sections) > 1:
        footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    paragraph.add_run(footer_text(document) + " – ")
    _field(paragraph, " PAGE ", "1")
    paragraph.add_run(" / ")
    _field(paragraph, " NUMPAGES ", "1")
    for run in paragraph.runs:
        run.font.size = Pt(8.5)


def _open_model(model: bytes) -> Word:
    """The buyer's model, with the styles that it lacks. Raises WordError where it only looks like a Word document."""
    try:
        word, ours = docx.Document(io.BytesIO(model)), docx.Document()
        _set_up(ours)
        known = _ids(word)
        for name in _NEEDED:
            if name not in known:
                _add_style(word, ours, name, known.get("Normal"))
        _width(word)
        return word
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise WordError(BROKEN) from error


def _ids(word: Word) -> dict[str, str]:
    """Name → id of each style of paragraphs and tables: Word writes ids in its own language, never these names."""
    kinds = (WD_STYLE_TYPE.PARAGRAPH, WD_STYLE_TYPE.TABLE)
    return {style.name: style.style_id for style in word.styles if style.name and style.type in kinds}


def _width(word: Word) -> Length:
    """Of the text in the last section, where the blocks go."""
    section = word.sections[-1]
    page, left, right = section.page_width, section.left_margin, section.right_margin
    if page is None or left is None or right is None:
        raise ValueError
    return Length(max(page - left - right, Cm(8)))


def _add_style(word: Word, ours: Word, name: str, normal: str | None) -> None:
    """Our style, in the model's letters."""
    style = deepcopy(ours.styles[name].element)
    for node in list(style.iter(*map(qn, ("w:rFonts", "w:link", "w:next", "w:basedOn")))):
        node.getparent().remove(node)
    if normal is not None:
        style.insert(1, _element("w:basedOn", val=normal))
    for number in style.iter(qn("w:numId")):
        number.set(qn("w:val"), _bullets(word, ours, number.get(qn("w:val"))))
    word.styles.element.append(style)


def _bullets(word: Word, ours: Word, number: str) -> str:
    """The id of our list in the model. In the schema lists stand before the numbers that are given to them."""
    theirs = ours.part.numbering_part
    try:
        root = word.part.numbering_part.element
    except NotImplementedError:
        word.part.relate_to(theirs, RELATIONSHIP_TYPE.NUMBERING)
        return number
    (given,) = theirs.element.xpath(f"./w:num[@w:numId='{number}']")
    (bullets,) = theirs.element.xpath(f"./w:abstractNum[@w:abstractNumId='{given.abstractNumId.val}']")
    kinds, numbers = root.findall(qn("w:abstractNum")), root.findall(qn("w:num"))
    kind = str(1 + max((int(each.get(qn("w:abstractNumId"))) for each in kinds), default=0))
    free = str(1 + max((int(each.get(qn("w:numId"))) for each in numbers), default=0))
    bullets.set(qn("w:abstractNumId"), kind)
    for identity in bullets.findall(qn("w:nsid")):
        bullets.remove(identity)
    root.insert(root.index(numbers[0]) if numbers else len(root), bullets)
    made = _element("w:num", numId=free)
    made.append(_element("w:abstractNumId", val=kind))
    root.insert(root.index(numbers[-1]) + 1 if numbers else len(root), made)
    return free


class _Writer:
    """Writes blocks one after the other; `ids` numbers the bookmarks. `own`: in our look, not in a buyer's model."""

    def __init__(self, word: Word, own: bool) -> None:
        self.word, self.own = word, own
        self.width = _TEXT_WIDTH if own else _width(word)
        self.ids: dict[str, int] = {}
        # python-docx reads every style again for each paragraph it is asked to style: half the time of a long document.
        self.styles = _ids(word)
        self.theirs = "" if own else self.styles.get("Table Grid", "")

    def paragraph(self, text: str, style: str) -> Paragraph:
        paragraph = self.word.add_paragraph(text)
        paragraph._p.style = self.styles[style]
        return paragraph

    def bookmark(self, name: str, closes: bool) -> BaseOxmlElement:
        number = str(self.ids.setdefault(name, len(self.ids) + 1))
        if closes:
            return _element("w:bookmarkEnd", id=number)
        return _element("w:bookmarkStart", id=number, name=name)

    def heading(self, block: Heading) -> None:
        paragraph = self.paragraph(block.text, f"Heading {block.level}")
        if not self.own:  # our titles carry their number
            number = _element("w:numPr")
            number.extend((_element("w:ilvl", val="0"), _element("w:numId", val="0")))
            paragraph._p.get_or_add_pPr().append(number)
        start, end = (self.bookmark(block.anchor, closes) for closes in (False, True))
        paragraph._p.insert(1, start)
        paragraph._p.append(end)

    def note(self, block: Note) -> None:
        paragraph = self.word.add_paragraph(block.text)
        borders = _element("w:pBdr")
        borders.append(_element("w:left", val="single", sz="24", space="8", color=str(_INK)))
        properties = paragraph._p.get_or_add_pPr()
        properties.append(borders)
        properties.append(_element("w:shd", val="clear", color="auto", fill=_SHADE))
        paragraph.runs[0].bold = True

    def table(self, block: Table) -> None:
        self.caption(block.caption)
        table = self.grid(len(block.rows) + 1, relative_widths(block))
        cells = table._cells
        for cell, text in zip(cells, (*block.header, *(text for row in block.rows for text in row)), strict=True):
            cell.paragraphs[0].add_run(text)
        for cell in cells[: len(block.header)]:
            self.shade(cell)
        table.rows[0]._tr.get_or_add_trPr().append(_element("w:tblHeader"))
        self.word.add_paragraph().paragraph_format.space_after = Pt(2)

    def fields(self, block: Fields) -> None:
        self.caption(block.caption)
        table = self.grid(len(block.rows), (1.0, 2.0))
        cells = table._cells
        for cell, text in zip(cells, (text for row in block.rows for text in row), strict=True):
            cell.paragraphs[0].add_run(text)
        for label, row, (_, value) in zip(cells[::2], table.rows, block.rows, strict=True):
            self.shade(label)
            row.height = None if value else Cm(0.9)
        self.word.add_paragraph().paragraph_format.space_after = Pt(2)

    def signs(self, signs: tuple[Sign, ...]) -> None:
        for cell, sign in zip(self.grid(1, [1.0] * len(signs))._cells, signs, strict=True):
            cell.paragraphs[0].add_run(sign.party).bold = True
            for line in sign.lines:
                cell.add_paragraph(line).paragraph_format.space_after = Pt(3)
            cell.add_paragraph().paragraph_format.space_after = Pt(60)
        self.word.add_paragraph().paragraph_format.space_after = Pt(2)

    def caption(self, text: str) -> None:
        if text:
            self.paragraph(text, "Caption").paragraph_format.keep_with_next = True

    def grid(self, rows: int, widths: Sequence[float]) -> WordTable:
        table: WordTable = self.word.add_table(rows, len(widths))
        table.autofit = False
        sizes = [int(self.width * width / sum(widths)) for width in widths]
        for column, size in zip(table._tbl.tblGrid.gridCol_lst, sizes, strict=True):
            column.w = Length(size)
        for cell, size in zip(table._cells, sizes * rows, strict=True):
            cell.width = Length(size)
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        self.borders(table)
        for row in table.rows:
            row._tr.get_or_add_trPr().append(_element("w:cantSplit"))
        for cell in table._cells:
            cell.paragraphs[0].paragraph_format.space_before = Pt(2)
            cell.paragraphs[0].paragraph_format.space_after = Pt(2)
        return table

    def borders(self, table: WordTable) -> None:
        """The model's own grid, where it has one: its header row has its colours."""
        if self.theirs:
            table._tbl.tblPr.style = self.theirs
            return
        borders = _element("w:tblBorders")
        for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
            borders.append(_element(f"w:{side}", val="single", sz="4", space="0", color=_LINE))
        cast(BaseOxmlElement, table._tbl.tblPr.find(qn("w:tblLayout"))).addprevious(borders)

    def shade(self, cell: _Cell) -> None:
        if not self.theirs:
            cell._tc.get_or_add_tcPr().append(_element("w:shd", val="clear", color="auto", fill=_SHADE))
        for run in cell.paragraphs[0].runs:
            run.bold = True

    def block(self, block: Block | tuple[Sign, ...]) -> None:
        match block:
            case Heading():
                self.heading(block)
            case Para(text=text):
                self.word.add_paragraph(text)
            case Note():
                self.note(block)
            case Items(items=items):
                for item in items:
                    self.paragraph(item, "List Bullet")
            case Table():
                self.table(block)
            case Fields():
                self.fields(block)
            case Sign():
                self.signs((block,))
            case tuple():
                self.signs(block)
            case ClauseMark(bookmark=name, closes=closes):
                self.mark(name, closes=closes)

    def mark(self, name: str, *, closes: bool = False) -> None:
        self.word.element.body.insert(len(self.word.element.body) - 1, self.bookmark(name, closes))


def _repack(data: bytes) -> bytes:
    """The same parts with fixed dates, so that the same words give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as read, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as write:
        for name in read.namelist():
            info = zipfile.ZipInfo(name, _FIXED_ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            write.writestr(info, read.read(name))
    return out.getvalue()


def render_docx(document: Document, now: datetime, model: bytes | None = None) -> bytes:
    """A .docx, French, one bookmark per article and per clause; `now` (aware) dates its properties.

    `model`: what read_model() made of a buyer's own Word model; its cover, headers, footers and styles stay, a look of
    ours fills what it lacks. Raises WordError where it cannot be used.
    """
    word = docx.Document() if model is None else _open_model(model)
    if model is None:
        _set_up(word)
    _describe(word, document, now)
    writer = _Writer(word, own=model is None)
    if model is None:
        _write(writer, document)
    else:
        writer.mark(BODY)
        _write(writer, document)
        writer.mark(BODY, closes=True)
    if model is None or not list(word.element.body.iter(qn("w:footerReference"))):
        _footer(word, document)
    out = io.BytesIO()
    word.save(out)
    return _repack(out.getvalue())


def _write(writer: _Writer, document: Document) -> None:
    writer.word.add_paragraph(document.buyer).runs[0].bold = True
    writer.paragraph(document.title, "Title")
    writer.paragraph(document.subject, "Subtitle")
    for block in gathered(document.blocks):
        writer.block(block)
