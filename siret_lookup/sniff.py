"""What a downloaded document really is, by its first bytes: a provider's header or file name is not trusted."""

_SIGNATURES = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"PK\x03\x04", "application/zip", "zip"),
)
UNKNOWN = "application/octet-stream"
# What a certificate may be → what stands at its end: a copy cut on its way has lost it.
_ENDS = {"application/pdf": b"%%EOF", "image/jpeg": b"\xff\xd9", "image/png": b"IEND"}
CERTIFICATES = frozenset(_ENDS)
_TAIL = 4096


def sniff(content: bytes) -> tuple[str, str]:
    """Media type and file extension of `content`: PDF, JPEG, PNG, ZIP, HTML, else octet-stream and `bin`."""
    for start, media_type, extension in _SIGNATURES:
        if content.startswith(start):
            return media_type, extension
    if content[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "text/html", "html"
    return UNKNOWN, "bin"


def is_whole(content: bytes, media_type: str) -> bool:
    """Whether a certificate has its end, within the last kilobytes (some writers add a few bytes after it)."""
    return _ENDS.get(media_type, b"") in content[-_TAIL:]
