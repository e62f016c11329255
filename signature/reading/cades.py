"""Reading a CMS signature (.p7s, .p7m): detached or enveloping, one SignatureFacts per SignerInfo (EN 319 122-1)."""

import base64
import binascii
from dataclasses import replace
from datetime import datetime
from typing import Any

from asn1crypto import cms, core, pem
from asn1crypto.ocsp import OCSPResponse
from pyhanko.sign.general import CMSExtractionError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import message_imprint_checker

from signature.certificates import certificate_facts
from signature.engine import STANDARD_NAMES, Candidate, assess, stamps_of
from signature.errors import Unreadable
from signature.facts import Embedded, Measured, SignatureFacts, SignedObject, broken
from signature.reading.archive import archive_stamps
from signature.reading.contents import ABSENT, Contents, Shelf, digest_of
from signature.reading.evidence import evidence_of
from signature.trust import Trust

MOST_SIGNERS = 100
ENVELOPED = "(contenu placé dans la signature)"
BROKEN = "La signature (CMS) est illisible ou mal formée."
_OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1"
_OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2"


class _RevocationValues(core.Sequence):  # type: ignore[misc]
    """id-aa-ets-revocationValues (EN 319 122-1, A.1.2.2), without its rare third part."""

    _fields = [
        ("crls", core.SequenceOf, {"explicit": 0, "optional": True, "spec": core.Any}),
        ("ocsps", core.SequenceOf, {"explicit": 1, "optional": True, "spec": core.Any}),
        ("other", core.Any, {"optional": True}),
    ]


def measure(content: bytes, files: Contents, trust: Trust, now: datetime, not_before: datetime | None) -> Measured:
    """Every SignerInfo of a CMS file; `files` are those it may sign. Raises Unreadable."""
    data, shelf = load(content), Shelf(files)
    signers = list(data["signer_infos"])
    found = tuple(_one(number, data, info, shelf, (trust, now, not_before)) for number, info in enumerate(signers, 1))
    return Measured("CAdES", found, shelf.unsigned)


def load(content: bytes) -> Any:
    """The SignedData of a DER, PEM or Base64 file. Raises Unreadable."""
    try:
        raw = _der(content)
        info = cms.ContentInfo.load(raw, strict=not raw.startswith(b"\x30\x80"))
        if info["content_type"].native != "signed_data":
            raise Unreadable("Ce fichier CMS n’est pas une signature.")
        data = info["content"]
        signers = len(data["signer_infos"])
        [info["sid"].native for info in data["signer_infos"]]
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable("La signature est un fichier CMS abîmé : elle ne peut être lue.") from error
    if data["encap_content_info"]["content_type"].native == "tst_info":
        raise Unreadable("Ce fichier est un jeton d’horodatage seul, pas une signature.")
    if signers > MOST_SIGNERS:
        raise Unreadable(f"Ce fichier porte plus de {MOST_SIGNERS} signatures : il n’est pas examiné.")
    return data


def _der(content: bytes) -> bytes:
    if pem.detect(content):
        return bytes(pem.unarmor(content)[2])
    if content[:1] == b"\x30":
        return content
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error as error:
        raise Unreadable("La signature est un fichier CMS abîmé : elle ne peut être lue.") from error


def _one(
    number: int, data: Any, info: Any, shelf: Shelf, how: tuple[Trust, datetime, datetime | None]
) -> SignatureFacts:
    name = f"Signataire {number}"
    try:
        algorithm = info["digest_algorithm"]["algorithm"].native
        digest, covers = _content(data, info, algorithm, shelf)
        if digest is None:
            return _absent(name, data, info)
        candidate = _candidate(data, info, digest)
        outcome = assess(candidate, *how)
        return SignatureFacts.of(
            outcome,
            field=name,
            format="CAdES",
            ades=_designates(info),
            level=candidate.level if _designates(info) else f"PKCS7-{candidate.level}",
            certificate=certificate_facts(candidate.certificate),
            whole=True,
            tampered="",
            changes=(),
            covers=covers,
            evidence=evidence_of(candidate, [SignedObject(name, algorithm, digest) for name in covers]),
        )
    except SignatureValidationError as error:
        known = error.ades_subindication.standard_name
        return broken(name, STANDARD_NAMES.get(known, known), "", "CAdES")
    except CMSExtractionError:
        return broken(name, "NO_SIGNING_CERTIFICATE_FOUND", "", "CAdES")
    except Exception:  # whatever a hostile SignerInfo does, it is one bad signature
        return broken(name, "FORMAT_FAILURE", BROKEN, "CAdES")


def _absent(name: str, data: Any, info: Any) -> SignatureFacts:
    candidate = _candidate(data, info, b"")
    facts = broken(name, "SIGNED_DATA_NOT_FOUND", ABSENT, "CAdES")
    return replace(
        facts,
        certificate=certificate_facts(candidate.certificate),
        ades=_designates(info),
        evidence=evidence_of(candidate, ()),
    )


def _content(data: Any, info: Any, algorithm: str, shelf: Shelf) -> tuple[bytes | None, tuple[str, ...]]:
    """The digest of what is signed and its name; None where it is not at hand."""
    inside = data["encap_content_info"]["content"]
    if inside.native is not None:
        held = inside.native if isinstance(inside.native, bytes) else inside.parsed.dump()
        return digest_of(held, algorithm), (ENVELOPED,)
    expected = _signed_digest(info)
    if expected is not None and (found := shelf.matching(algorithm, expected)):
        return expected, (found,)
    if not shelf.files:
        return None, ()
    first = next(iter(shelf.files))  # nothing fits: the digest of a file that was given tells so
    if expected is None:
        shelf.claimed.add(first)
    return shelf.digest(first, algorithm), (first,)


def _signed_digest(info: Any) -> bytes | None:
    attributes = info["signed_attrs"]
    found = [a["values"][0].native for a in attributes if a["type"].native == "message_digest"] if attributes else []
    return found[0] if len(found) == 1 else None


def _designates(info: Any) -> bool:
    attributes = info["signed_attrs"]
    names = {attribute["type"].native for attribute in attributes} if attributes else set()
    return bool(names & {"signing_certificate", "signing_certificate_v2"})


def _candidate(data: Any, info: Any, digest: bytes) -> Candidate:
    """One signer alone, without the content, as the engine wants it.

    Spliced: asn1crypto writes what it built of such parts over and over again, for seconds.
    """
    held = data["certificates"].dump() if isinstance(data["certificates"], cms.CertificateSet) else b""
    kind = tlv(0x30, data["encap_content_info"]["content_type"].dump())
    algorithms = tlv(0x31, info["digest_algorithm"].dump())
    parts = data["version"].dump(), algorithms, kind, held, tlv(0x31, info.dump())
    alone = cms.SignedData.load(tlv(0x30, *parts))
    stamps = stamps_of(info, "signature_time_stamp_token", message_imprint_checker(info))
    return Candidate(alone, digest, stamps, archive_stamps(data, info, digest), _embedded(data, info))


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element around these."""
    content = b"".join(parts)
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(long)]) + long) + content


def _embedded(data: Any, info: Any) -> Embedded:
    """What B-LT keeps in the SignedData, and what the older forms keep in unsigned attributes."""
    crls, ocsps = [], []
    for choice in data["crls"] or ():
        if choice.name == "crl":
            crls.append(choice.chosen.dump())
        elif choice.name == "other":
            ocsps += _other(choice.chosen)
    values = [a["values"][0] for a in info["unsigned_attrs"] or () if a["type"].dotted == "1.2.840.113549.1.9.16.2.24"]
    for value in values:
        kept = _RevocationValues.load(value.dump())
        crls += [each.dump() for each in kept["crls"] or ()]
        ocsps += [_response(each.dump()) for each in kept["ocsps"] or ()]
    return Embedded((), tuple(crls), tuple(ocsps))


def _other(entry: Any) -> list[bytes]:
    form, value = entry["other_rev_info_format"].dotted, entry["other_rev_info"].dump()
    if form == _OCSP_RESPONSE:
        return [value]
    return [_response(value)] if form == _OCSP_BASIC else []


def _response(basic: bytes) -> bytes:
    """An OCSPResponse around a BasicOCSPResponse."""
    wrapped = OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {"response_type": "basic_ocsp_response", "response": core.ParsableOctetString(basic)},
        }
    )
    return bytes(wrapped.dump())
