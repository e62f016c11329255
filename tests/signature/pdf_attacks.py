"""An act in PDF written by hand, and later revisions of it as an attacker writes them: bytes, no library between."""

import re
import struct
from collections.abc import Mapping

from signature.errors import Unreadable
from signature.verdict import Report
from signature.verify import examine
from tests.signature.conftest import NOW, Bench

FREE = 100  # the first object number that no signing tool has taken here

# Object number → content; 9 is a field, 10 its appearance, 7 a drawing that page 3 shows.
ACT: dict[int, bytes] = {
    1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 8 0 R /Metadata 11 0 R >>",
    2: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
    3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [9 0 R] "
    b"/Resources << /Font << /F1 6 0 R >> /XObject << /X1 7 0 R >> >> >>",
    4: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    6: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    8: b"<< /Fields [9 0 R] >>",
    9: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (montant) /V (100) /Rect [50 600 250 630] /P 3 0 R "
    b"/AP << /N 10 0 R >> >>",
    12: b"<< /Title (Acte d'engagement) >>",
}


def stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def drawing(text: bytes) -> bytes:
    """A form XObject that shows a text."""
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 200 30] /Resources << /Font << /F1 6 0 R >> >>"
    return stream(entries, b"BT /F1 12 Tf (%s) Tj ET" % text)


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x:xmpmeta>"
ACT |= {
    5: stream(b"", b"BT /F1 24 Tf 50 700 Td (Montant : 12 345 EUR) Tj ET /X1 Do"),
    7: drawing(b"hors taxes"),
    10: drawing(b"100"),
    11: stream(b"/Type /Metadata /Subtype /XML", XMP),
}


def act(*, hidden: bytes = b"") -> bytes:
    """The act; `hidden` lies in the file as a second object 5 that nothing refers to."""
    pdf = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    if hidden:
        pdf += b"5 0 obj\n%s\nendobj\n" % hidden
    return updated(pdf, ACT, trailer=b"/Info 12 0 R", first=True)


def latest(pdf: bytes, number: int) -> bytes:
    """The object as the last revision has it."""
    found = re.findall(rb"(?<!\d)%d 0 obj\s(.*?)\s*endobj" % number, pdf, re.DOTALL)
    return bytes(found[-1])


def edited(pdf: bytes, number: int, old: bytes, new: bytes) -> dict[int, bytes]:
    """The object with one passage replaced."""
    before = latest(pdf, number)
    assert old in before
    return {number: before.replace(old, new, 1)}


def start_of_table(pdf: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])


def size(pdf: bytes) -> int:
    """The first number no object has yet; never less than before."""
    return max((int(n) for n in re.findall(rb"/Size (\d+)", pdf)), default=300)


def updated(
    pdf: bytes,
    objects: Mapping[int, bytes],
    *,
    points: Mapping[int, int | None] | None = None,
    root: bytes = b"1 0 R",
    trailer: bytes = b"",
    first: bool = False,
) -> bytes:
    """The file with one more revision (a cross-reference table). `points`: offsets of old bytes, None: deleted."""
    body, places = _body(pdf, objects)
    table = places | dict(points or {})
    lines = b"".join(b"%d 1\n%s" % (number, _entry(place)) for number, place in sorted(table.items()))
    if first or not lines:
        lines = b"0 1\n0000000000 65535 f \n" + lines
    prev = b"" if first else b"/Prev %d" % start_of_table(pdf)
    end = b"trailer\n<< /Size %d /Root %s %s %s >>\nstartxref\n%d\n%%%%EOF\n"
    return body + b"xref\n" + lines + end % (size(pdf), root, prev, trailer, len(body))


def _entry(place: int | None) -> bytes:
    return b"0000000000 00001 f \n" if place is None else b"%010d 00000 n \n" % place


def _body(pdf: bytes, objects: Mapping[int, bytes]) -> tuple[bytes, dict[int, int | None]]:
    places: dict[int, int | None] = {}
    for number, content in objects.items():
        places[number] = len(pdf)
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    return pdf, places


def with_stream_table(pdf: bytes, objects: Mapping[int, bytes], *, hybrid: bool = False) -> bytes:
    """The same with a cross-reference stream; `hybrid`: hidden behind an empty table (/XRefStm)."""
    body, places = _body(pdf, objects)
    own, previous = len(body), start_of_table(pdf)
    known = {number: place or 0 for number, place in places.items()} | {299: own}
    index = b" ".join(b"%d 1" % number for number in sorted(known))
    rows = b"".join(struct.pack(">BIH", 1, known[number], 0) for number in sorted(known))
    entries = b"/Type /XRef /Size %d /W [1 4 2] /Index [%s] /Root 1 0 R /Prev %d" % (size(pdf), index, previous)
    body += b"299 0 obj\n%s\nendobj\n" % stream(entries, rows)
    if not hybrid:
        return body + b"startxref\n%d\n%%%%EOF\n" % own
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size %d /Root 1 0 R /Prev %d /XRefStm %d >>\n"
    return body + table % (size(pdf), previous, own) + b"startxref\n%d\n%%%%EOF\n" % len(body)


FORGED = stream(b"", b"BT /F1 24 Tf 50 700 Td (Montant : 900 000 EUR) Tj ET")


def report(bench: Bench, pdf: bytes) -> Report | None:
    try:
        return examine(pdf, bench.trust(), NOW)
    except Unreadable:
        return None


def passed(bench: Bench, pdf: bytes) -> list[str]:
    """The fields that are TOTAL-PASSED; none where the file is refused as a whole."""
    found = report(bench, pdf)
    return [s.field for s in found.signatures if s.indication == "TOTAL-PASSED"] if found else []


def over(pdf: bytes, pattern: bytes, new: bytes) -> bytes:
    """The file with one passage overwritten, every other byte where it was."""
    found = re.search(pattern, pdf, re.DOTALL)
    assert found is not None
    assert len(new) <= len(found[0])
    return pdf[: found.start()] + new.ljust(len(found[0])) + pdf[found.end() :]
