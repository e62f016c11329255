"""Word models as buyers have them: one as Word in French saves it, one with a section and a logo."""

import base64
import io

import docx
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK

from dce_templates.word.file import open_word, pack
from tests.dce_templates.word_scene import package, paragraph

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COVER, HEADER, DROPPED = "Ville d’Exemple, direction des achats", "Logo et devise", "Texte du modèle à oublier"
BREAK = '<w:p><w:r><w:br w:type="page"/><w:t>Après le saut</w:t></w:r></w:p>'
_NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_STYLES = (
    f'<w:styles {_NS}><w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Titre1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>'
    '<w:pPr><w:numPr><w:numId w:val="7"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr></w:style></w:styles>'
)
NUMBERING = (
    f'<w:numbering {_NS}><w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>'
    '</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="3"/></w:num></w:numbering>'
)
_OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def french(body: str = paragraph(COVER) + BREAK + paragraph(DROPPED), *, numbering: bool = False) -> bytes:
    """As Word in French saves it: ids in French, few styles, a numbered « Titre 1 »."""
    parts = {"styles": _STYLES} | ({"numbering": NUMBERING} if numbering else {})
    made = dict(open_word(package(body)))
    types = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{_OFFICE}.{name}+xml"/>' for name in parts
    ).encode()
    made["[Content_Types].xml"] = made["[Content_Types].xml"].replace(b"</Types>", types + b"</Types>")
    links = "".join(f'<Relationship Id="{n}" Type="{_KINDS}/{n}" Target="{n}.xml"/>' for n in parts)
    relations = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}'
    made["word/_rels/document.xml.rels"] = f"{relations}</Relationships>".encode()
    return pack((made | {f"word/{name}.xml": xml.encode() for name, xml in parts.items()}).items())


def rich(header: str = HEADER) -> bytes:
    """A cover in its own section, a header with a picture, a footer, text to drop with a picture of its own."""
    word = docx.Document()
    word.add_paragraph(COVER)
    word.add_section(WD_SECTION.NEW_PAGE)
    word.add_paragraph(DROPPED).add_run().add_break(WD_BREAK.PAGE)
    word.add_picture(io.BytesIO(PNG + b"dropped"))
    top = word.sections[0].header.paragraphs[0]
    top.add_run(header)
    top.add_run().add_picture(io.BytesIO(PNG))
    word.sections[0].footer.paragraphs[0].add_run("Hôtel de ville")
    word.core_properties.keywords = "motclef"
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


def edited(content: bytes, part: str, before: str, after: str) -> bytes:
    parts = dict(open_word(content))
    text = parts[part].decode()
    assert before in text
    return pack((parts | {part: text.replace(before, after, 1).encode()}).items())
