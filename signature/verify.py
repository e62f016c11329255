"""Verify a file with our own verdict. Everything needed is passed in; nothing is fetched, no clock is read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from signature.errors import Unreadable
from signature.facts import Measured
from signature.kinds import kind_of
from signature.reading import asic, cades, pades, xades
from signature.trust import Trust
from signature.verdict import Report, judge

OFFICE = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis.opendocument")
ZIP_NOTE = (
    "Le fichier signé est une archive (ZIP) : signer une archive ne signe pas les documents qu’elle contient. "
    "Demandez que l’acte lui-même soit signé."
)


def verify_pdf(pdf: bytes, trust: Trust, now: datetime, not_before: datetime | None = None) -> Report:
    """`examine` for a PDF."""
    return _judged(pades.measure(pdf, trust, now, not_before), trust, now, not_before)


def examine(
    content: bytes,
    trust: Trust,
    now: datetime,
    not_before: datetime | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Report:
    """Every signature of a file (PAdES, XAdES, CAdES, ASiC), judged as of `now` (aware). None: an empty list.

    `files`: those a detached signature may cover, by name; they are matched by digest whatever their names.
    `not_before`: when the document is known not to have been signed yet (it turns « revoked, without proof » into
    « revoked »). Raises Unreadable.
    """
    beside = dict(files or {})
    return _judged(measured(content, trust, now, not_before, beside), trust, now, not_before, beside)


def measured(
    content: bytes, trust: Trust, now: datetime, not_before: datetime | None, files: Mapping[str, bytes]
) -> Measured:
    """What the reader of this kind of file finds in it, before any verdict. Raises Unreadable."""
    kind = kind_of(content)
    if kind == "PAdES":
        return pades.measure(content, trust, now, not_before)
    if kind == "ASiC":
        return asic.measure(content, trust, now, not_before)
    if kind in ("XAdES", "CAdES"):
        reading = xades.measure if kind == "XAdES" else cades.measure
        return reading(content, files, trust, now, not_before)
    raise Unreadable("Ce fichier n’est ni un PDF, ni une signature électronique reconnue.")


def _judged(
    found: Measured,
    trust: Trust,
    now: datetime,
    not_before: datetime | None,
    files: Mapping[str, bytes] | None = None,
) -> Report:
    verdicts = tuple(judge(facts, trust.trust_list, now, not_before) for facts in found.signatures)
    notes = (ZIP_NOTE,) if any(_archive(content) for content in (files or {}).values()) else ()
    return Report(found.format, verdicts, found.unsigned, notes)


def _archive(content: bytes) -> bool:
    """A ZIP that is no office document."""
    return content.startswith(b"PK\x03\x04") and not any(mark in content[:400] for mark in OFFICE)


def verify(
    content: bytes,
    trust: Trust,
    now: str,
    not_before: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Report:
    """`examine` for a worker process: moments in ISO 8601 with their offset. Raises Unreadable."""
    return examine(content, trust, _moment(now), _moment(not_before) if not_before else None, files)


def shape(
    content: bytes,
    trust: Trust,
    now: str,
    not_before: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """`verify` as plain values, which a web process can take without loading what judged. Raises Unreadable."""
    return verify(content, trust, now, not_before, files).as_dict()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset")
    return moment
