"""The sandbox's certificates: one page of PDF 1.4, written by hand, that says that it is worth nothing. Odd ones."""

import base64
from collections.abc import Iterator

WEB_PAGE = b"<!doctype html><title>Document</title>"
# One grey dot.
JPEG = (
    base64.b64decode(
        "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////"
        "////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
    )
    + b"\xff\xd9"
)
HUGE = 200_000_000
_CHUNK = 65_536


def huge() -> Iterator[bytes]:
    """A PDF of two hundred megabytes, made as it is sent."""
    yield b"%PDF-1.4\n"
    yield from (bytes(_CHUNK) for _ in range(HUGE // _CHUNK))


def certificate(title: str, lines: list[str]) -> bytes:
    """A small, real PDF: a title and lines of text (Latin-1), « SPÉCIMEN » across the bottom."""
    content = "\n".join(
        [
            f"BT /F1 18 Tf 60 770 Td ({_escape(title)}) Tj ET",
            *(f"BT /F1 11 Tf 60 {730 - 18 * n} Td ({_escape(line)}) Tj ET" for n, line in enumerate(lines)),
            "BT /F1 28 Tf 60 80 Td (SPÉCIMEN SANS VALEUR) Tj ET",
        ]
    ).encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (fr) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
