"""The words of a file as its own format keeps them, without spaces: what a renderer lost, added or moved shows."""

import io
import re
import unicodedata
from dataclasses import replace

import docx
import pypdf
from docx.oxml.ns import qn
from lxml import html as lxml_html
from pypdf.generic import ContentStream, NameObject

from dce_templates.blocks import Document, Heading, Items, words_of
from dce_templates.render.pdf import LONG

# Spaces, and what has no width: a line's possible end.
_UNSEEN = re.compile(r"[\s\u200b]+")


def bare(text: str) -> str:
    """An accent is the same on its letter or after it."""
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text))


def in_word(data: bytes) -> str:
    body = docx.Document(io.BytesIO(data)).element.body
    return bare("".join(body.itertext(qn("w:t"))))


def in_html(data: bytes) -> str:
    body = lxml_html.document_fromstring(data.decode()).find("body")
    assert body is not None
    return bare("".join(map(str, body.itertext())))


def in_pdf(data: bytes) -> str:
    """What is tagged as content, in its order: footers and repeated header rows are artifacts and left out."""
    reader = pypdf.PdfReader(io.BytesIO(data))
    return bare("".join(_content(page, reader) for page in reader.pages))


def _content(page: pypdf.PageObject, reader: pypdf.PdfReader) -> str:
    stream = ContentStream(page["/Contents"].get_object(), reader, "bytes")
    kept, depth, hidden = [], 0, 0
    for operands, operator in stream.operations:
        if operator in (b"BMC", b"BDC"):
            depth += 1
            hidden = hidden or (depth if operands[0] == "/Artifact" else 0)
        elif operator == b"EMC":
            hidden, depth = (0 if hidden == depth else hidden), depth - 1
        elif not (hidden and operator in (b"Tj", b"TJ", b"'", b'"')):
            kept.append((operands, operator))
    stream.operations = kept
    page[NameObject("/Contents")] = stream
    return str(page.extract_text())


def pdf_pattern(document: Document) -> re.Pattern[str]:
    """What the PDF must hold and nothing else: the words, dashes before items, a table of contents with its pages."""
    head = bare(words_of(replace(document, blocks=())))
    contents = [block.text for block in document.blocks if isinstance(block, Heading) and block.level == 1]
    listed = "".join(rf"{re.escape(bare(text))}\.*\d+" for text in contents if document.kind in LONG)
    empty = replace(document, buyer="", title="", subject="")
    body = []
    for block in document.blocks:
        dash = isinstance(block, Items)
        parts = block.items if isinstance(block, Items) else (words_of(replace(empty, blocks=(block,))),)
        body += [("–" if dash else "") + bare(part) for part in parts]
    return re.compile(re.escape(head) + listed + re.escape("".join(body)))
