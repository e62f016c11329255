"""The validation report of ETSI TS 119 102-2 (namespace v1.2.1), from our own verdicts, whatever the format.

Same verdicts and same moment, same bytes: identifiers are digests, there is no clock. One report per signature, then
the certificates, timestamps and signed objects it names.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from lxml import etree

from signature.arrete import Point
from signature.errors import SignatureError
from signature.facts import StampSeen
from signature.verdict import Report, SignatureVerdict

VR, DS = "http://uri.etsi.org/19102/v1.2.1#", "http://www.w3.org/2000/09/xmldsig#"
URN = "urn:etsi:019102:"
ARTICLE_5 = "https://www.legifrance.gouv.fr/eli/arrete/2019/3/22/ECOM1830224A/jo/article_5"
# No ETSI document has words for eIDAS qualification here: those of the European reference validator are taken.
QUALIFICATION = "urn:cef:dss:signatureQualification:"
_QUALIFIED = {"Not AdES": "notAdES", "N/A": "notApplicable"}
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"
DIGESTS = {
    "sha1": DS + "sha1", "sha224": _MORE + "sha224", "sha256": _ENC + "sha256", "sha384": _MORE + "sha384",
    "sha512": _ENC + "sha512", "md5": _MORE + "md5",
    **{f"sha3_{n}": f"http://www.w3.org/2007/05/xmldsig-more#sha3-{n}" for n in (224, 256, 384, 512)},
}  # fmt: skip
_POINT = {True: "passed", False: "failed", None: "indeterminate"}
NOTHING = "Aucun des fichiers ne porte de signature électronique : il n’y a pas de rapport XML à en faire."


def validation_report(files: Sequence[tuple[str, Report]], now: datetime) -> bytes:
    """A ValidationReport in UTF-8 on every signature of these files (name, report), judged as of `now` (aware).

    Raises SignatureError where none is signed: the standard has no report without a signature.
    """
    root = etree.Element(_vr("ValidationReport"), nsmap={"vr": VR, "ds": DS})
    objects = _Objects(now)
    number = 0
    for name, report in files:
        for signature in report.signatures:
            number += 1
            _signature(root, signature, name, f"S{number}", now, objects)
    if not number:
        raise SignatureError(NOTHING)
    objects.write(root)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _signature(
    root: Any, signature: SignatureVerdict, file: str, number: str, now: datetime, objects: "_Objects"
) -> None:
    """One SignatureValidationReport; the order of its elements is the schema's."""
    part = _add(root, "SignatureValidationReport")
    names = _Names.of(signature, number, objects)
    _identifier(part, signature, file, number)
    _constraints(part, signature.arrete_2019.points)
    times = _add(part, "ValidationTimeInfo")
    _add(times, "ValidationTime", _time(now))
    best = _proof(_add(times, "BestSignatureTime"), signature.best_time)
    if names.proof:
        _refer(best, "POEObject", names.proof)
    _document(part, signature, names)
    _attributes(part, signature, names)
    if names.certificate:
        signer = _add(part, "SignerInformation")
        _refer(signer, "SignerCertificate", names.certificate)
        _add(signer, "Signer", signature.signer)
    _add(_add(part, "SignatureQuality"), "SignatureQualityInformation", qualification_uri(signature.qualification))
    process = _add(part, "SignatureValidationProcess")
    _add(process, "SignatureValidationProcessID", f"{URN}validationprocess:{_process(signature.level)}")
    _status(part, signature, names)


class _Names:
    """The identifiers of the objects that one signature's report refers to, empty where there is none."""

    def __init__(self, certificate: str, chain: list[str], stamps: list[str], documents: list[str], proof: str) -> None:
        self.certificate, self.chain, self.stamps = certificate, chain, stamps
        self.documents, self.proof = documents, proof

    @classmethod
    def of(cls, signature: SignatureVerdict, number: str, objects: "_Objects") -> "_Names":
        """Enters them among the objects."""
        facts, seen = signature.facts, signature.facts.evidence
        chain = [objects.certificate(der) for der in facts.chain]
        certificate = objects.certificate(seen.certificate) if seen.certificate else ""
        for der in facts.timestamp_chain:
            objects.certificate(der)
        stamps = [objects.stamp(stamp, stamp.moment == facts.timestamp, number) for stamp in seen.stamps]
        held = (name for name, stamp in zip(stamps, seen.stamps, strict=True) if stamp.moment == facts.timestamp)
        documents = [objects.signed(one.name, one.algorithm, one.digest) for one in seen.documents]
        return cls(certificate, chain, stamps, documents, next(held, ""))


def _identifier(part: Any, signature: SignatureVerdict, file: str, number: str) -> None:
    """Told by the digest of what the key signed and by the signature's value (4.2.3)."""
    seen = signature.facts.evidence
    holder = _add(part, "SignatureIdentifier")
    holder.set("id", number)
    if seen.algorithm in DIGESTS and seen.digest:
        _digest(_add(holder, "DigestAlgAndValue"), seen.algorithm, seen.digest)
    if seen.value:
        etree.SubElement(holder, f"{{{DS}}}SignatureValue").text = _base64(seen.value)
    _add(holder, "HashOnly", "false")
    _add(holder, "DocHashOnly", "false")
    _add(holder, "DAIdentifier", f"{file} : {signature.field}" if signature.field else file)


def _constraints(part: Any, points: Iterable[Point]) -> None:
    """The five points of the arrêté, each with its finding in French."""
    holder = _add(part, "ValidationConstraintsEvaluationReport")
    for point in points:
        one = _add(holder, "ValidationConstraint")
        _add(one, "ValidationConstraintIdentifier", f"{ARTICLE_5}#{point.number}")
        _add(_add(one, "ConstraintStatus"), "Status", f"{URN}constraintStatus:applied")
        _add(_add(one, "ValidationStatus"), "MainIndication", f"{URN}mainindication:{_POINT[point.holds]}")
        _add(one, "Indications", point.evidence)


def _document(part: Any, signature: SignatureVerdict, names: _Names) -> None:
    """The digest of what was signed: of the first where there are several, all are referred to."""
    documents = [one for one in signature.facts.evidence.documents if one.algorithm in DIGESTS]
    if documents:
        holder = _add(part, "SignersDocument")
        _digest(_add(holder, "DigestAlgAndValue"), documents[0].algorithm, documents[0].digest)
        _refer(holder, "SignersDocumentRef", " ".join(dict.fromkeys(filter(None, names.documents))))


def _attributes(part: Any, signature: SignatureVerdict, names: _Names) -> None:
    seen = signature.facts.evidence
    designated = names.certificate if signature.facts.ades else ""
    if not (seen.claimed or designated or seen.stamps):
        return
    holder = _add(part, "SignatureAttributes")
    if seen.claimed:
        _add(_add(holder, "SigningTime", Signed="true"), "Time", _time(seen.claimed))
    if designated:
        _refer(_add(holder, "SigningCertificate", Signed="true"), "AttributeObject", designated)
    for name, stamp in zip(names.stamps, seen.stamps, strict=True):
        archive = "DocTimeStamp" if signature.format == "PAdES" else "ArchiveTimeStamp"
        one = _add(holder, archive if stamp.archive else "SignatureTimeStamp", Signed="false")
        _refer(one, "AttributeObject", name)
        _add(one, "TimeStampValue", _time(stamp.moment))


def _status(part: Any, signature: SignatureVerdict, names: _Names) -> None:
    holder = _add(part, "SignatureValidationStatus")
    _add(holder, "MainIndication", f"{URN}mainindication:{signature.indication.lower()}")
    if signature.sub_indication:
        _add(holder, "SubIndication", f"{URN}subindication:{signature.sub_indication}")
    revoked = signature.facts.revoked_at if names.certificate else None
    if not names.chain and revoked is None:
        return
    data = _add(holder, "AssociatedValidationReportData")
    if names.chain:
        chain = _add(data, "CertificateChain")
        last = len(names.chain) - 1
        for place, name in enumerate(names.chain):
            kind = "SigningCertificate" if place == 0 else "IntermediateCertificate" if place < last else "TrustAnchor"
            _refer(chain, kind, name)
    if revoked is not None:
        told = _add(data, "RevocationStatusInformation")
        _refer(told, "ValidationObjectId", names.certificate)
        _add(told, "RevocationTime", _time(revoked))


class _Objects:
    """SignatureValidationObjects: each certificate, timestamp and signed object once, in the order it was met."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._found: dict[str, Any] = {}

    def certificate(self, der: bytes) -> str:
        return self._kept("certificate", "C", der, lambda holder: _add(holder, "base64", _base64(der)))

    def stamp(self, stamp: StampSeen, held: bool, signature: str) -> str:
        """`held`: it proves when the signature existed, which its object then tells."""
        name = self._kept("timestamp", "T", stamp.token, lambda holder: _add(holder, "base64", _base64(stamp.token)))
        if held:
            given = self._found[name].find(_vr("POEProvisioning"))
            if given is None:
                given = _add(self._found[name], "POEProvisioning")
                _add(given, "POETime", _time(stamp.moment))
            _refer(given, "ValidationObject", signature)
        return name

    def signed(self, name: str, algorithm: str, digest: bytes) -> str:
        """Its digest only: the report does not hand on what was signed. "" where no name of the digest is known."""
        if algorithm not in DIGESTS:
            return ""
        return self._kept(
            "signedData", "D", f"{name}\n{algorithm}\n".encode() + digest,
            lambda holder: _digest(_add(holder, "DigestAlgAndValue"), algorithm, digest),
        )  # fmt: skip

    def _kept(self, kind: str, letter: str, content: bytes, write: Any) -> str:
        name = f"{letter}-{sha256(content).hexdigest()}"
        if name not in self._found:
            one = etree.Element(_vr("ValidationObject"), id=name)
            _add(one, "ObjectType", f"{URN}validationObject:{kind}")
            write(_add(one, "ValidationObjectRepresentation"))
            _proof(_add(one, "POE"), self._now)
            self._found[name] = one
        return name

    def write(self, root: Any) -> None:
        if self._found:
            _add(root, "SignatureValidationObjects").extend(list(self._found.values()))


def qualification_uri(name: str) -> str:
    """« Indeterminate AdESig-QC » → …:indeterminateAdESigQC."""
    if name in _QUALIFIED:
        return QUALIFICATION + _QUALIFIED[name]
    if name.endswith("Unknown-QC"):
        return QUALIFICATION + "indeterminateAdESQC"
    first, _, rest = name.partition(" ")
    return QUALIFICATION + ("indeterminate" + rest if rest else first).replace("-", "")


def _process(level: str) -> str:
    """Which process of EN 319 102-1 judged it: 5.3, 5.5 or 5.6."""
    return {"B": "Basic", "LTA": "LTA"}.get(level.rpartition("-")[2], "LTVM")


def _proof(holder: Any, moment: datetime) -> Any:
    _add(holder, "POETime", _time(moment))
    _add(holder, "TypeOfProof", f"{URN}poetype:validation")
    return holder


def _digest(holder: Any, algorithm: str, value: bytes) -> None:
    etree.SubElement(holder, f"{{{DS}}}DigestMethod").set("Algorithm", DIGESTS[algorithm])
    etree.SubElement(holder, f"{{{DS}}}DigestValue").text = _base64(value)


def _refer(holder: Any, tag: str, names: str) -> None:
    _add(holder, tag).set("VOReference", names)


def _add(holder: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
    """An element of the report's namespace; characters that XML forbids are left out of its text."""
    element = etree.SubElement(holder, _vr(tag), attributes)
    if text is not None:
        element.text = "".join(sign for sign in text if _allowed(sign))
    return element


def _allowed(sign: str) -> bool:
    return sign in "\t\n" or (sign >= " " and not "\ud800" <= sign <= "\udfff" and sign not in "\ufffe\uffff")


def _vr(tag: str) -> str:
    return f"{{{VR}}}{tag}"


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
