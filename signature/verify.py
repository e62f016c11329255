"""Verify a file with our own verdict. Everything needed is passed in; nothing is fetched, no clock is read."""

from datetime import datetime

from signature.engine import measure
from signature.errors import Unreadable
from signature.trust import Trust
from signature.verdict import Report, judge


def verify_pdf(pdf: bytes, trust: Trust, now: datetime, not_before: datetime | None = None) -> Report:
    """Every signature of a PDF, judged as of `now` (aware). No signature: an empty list.

    `not_before`: when the document is known not to have been signed yet (it turns « revoked, without proof » into
    « revoked »). Raises Unreadable.
    """
    measured = measure(pdf, trust, now, not_before)
    verdicts = tuple(judge(facts, trust.trust_list, now, not_before) for facts in measured.signatures)
    return Report("PAdES" if verdicts else "PDF", verdicts, measured.unsigned)


def verify(content: bytes, trust: Trust, now: str, not_before: str | None = None) -> Report:
    """`verify_pdf` for a worker process: any file, moments in ISO 8601 with their offset. Raises Unreadable."""
    kind = kind_of(content)
    if kind in ("XAdES", "CAdES", "ASiC"):
        raise Unreadable(f"Le format {kind} n’est pas encore vérifié ici ; seules les signatures PAdES (PDF) le sont.")
    if kind != "PAdES":
        raise Unreadable("Ce fichier n’est ni un PDF, ni une signature électronique reconnue.")
    return verify_pdf(content, trust, _moment(now), _moment(not_before) if not_before else None)


def kind_of(content: bytes) -> str:
    """PAdES, XAdES, CAdES, ASiC by the first bytes, or an empty string."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in head:
        return "PAdES"
    if head.startswith(b"<"):
        return "XAdES"
    if head.startswith(b"PK\x03\x04"):
        return "ASiC"
    if head.startswith((b"\x30\x80", b"\x30\x82", b"\x30\x83", b"-----BEGIN PKCS7", b"-----BEGIN CMS")):
        return "CAdES"
    return ""


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset")
    return moment
