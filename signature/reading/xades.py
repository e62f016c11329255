"""Reading an XML signature: XAdES (EN 319 132-1) enveloped, enveloping, detached, one SignatureFacts each.

The canonical SignedInfo is handed to the engine as the content of a CMS signature without signed attributes: same
bytes, same key, same signature value. SignedProperties count only where they stand inside their own signature.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from signature.algorithms import digest_until
from signature.certificates import certificate_facts
from signature.engine import STANDARD_NAMES, Candidate, Outcome, Stamp, assess, parsed_certificate
from signature.errors import Unreadable
from signature.facts import CertificateFacts, Embedded, Measured, SignatureFacts, SignedObject, broken
from signature.reading.contents import ABSENT, Contents, Shelf, digest_of
from signature.reading.evidence import evidence_of
from signature.reading.references import (
    DIGESTS,
    PROPERTIES_TYPE,
    Absent,
    Changed,
    Covered,
    Resolver,
    decoded,
)
from signature.reading.xml import DEFAULT_CANONICAL, DS, NS, XADES141, Document, NotAllowed, canonical, leaves, parse
from signature.trust import Trust

MOST_SIGNATURES = 100
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHODS = {
    DS + "rsa-sha1": "sha1_rsa",
    _MORE + "rsa-md5": "md5_rsa",
    **{f"{_MORE}rsa-sha{n}": f"sha{n}_rsa" for n in (224, 256, 384, 512)},
    **{f"{_MORE}ecdsa-sha{n}": f"sha{n}_ecdsa" for n in (1, 224, 256, 384, 512)},
    **{f"http://www.w3.org/2007/05/xmldsig-more#sha{n}-rsa-MGF1": f"sha{n}_pss" for n in (224, 256, 384, 512)},
}
BROKEN = "La signature XML est illisible ou mal formée."
NO_CERTIFICATE = "La signature ne désigne aucun certificat : sa clé n’appartient à personne."
WRAPPED = "Le fichier contient, hors de ce qui est signé, un élément semblable à celui qui l’est : il a été recomposé."


def measure(
    content: bytes,
    files: Contents,
    trust: Trust,
    now: datetime,
    not_before: datetime | None,
    *,
    by_name: bool = False,
) -> Measured:
    """Every signature of an XML file; `files` are those it may sign beside it. Raises Unreadable."""
    document, shelf = parse(content), Shelf(files)
    found = document.signatures()
    if len(found) > MOST_SIGNATURES:
        raise Unreadable(f"Ce fichier porte plus de {MOST_SIGNATURES} signatures : il n’est pas examiné.")
    readings = [_Reading(document, s, n, shelf, by_name) for n, s in enumerate(found, 1)]
    facts = tuple(reading.facts(trust, now, not_before) for reading in readings)
    signed = [node for reading in readings for node in reading.nodes]
    unsigned = _unsigned(document, signed) if found else ("Le fichier XML : il ne porte aucune signature.",)
    return Measured("XAdES" if found else "XML", facts, unsigned + (() if by_name else shelf.unsigned))


def _unsigned(document: Document, signed: list[Any]) -> tuple[str, ...]:
    if document.root in signed or document.root.tag == f"{{{DS}}}Signature":
        return ()
    if "asic" in document.root.nsmap or document.root.tag.endswith("}XAdESSignatures"):
        return ()
    names = [f"L’élément « {_local(node)} » : aucune signature ne le couvre." for node in leaves(document.root, signed)]
    return tuple(names[:20])


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


class _Reading:
    """One ds:Signature; `nodes` are the elements it covers once `facts` was called."""

    def __init__(self, document: Document, signature: Any, number: int, shelf: Shelf, by_name: bool) -> None:
        self.document, self.signature, self.shelf = document, signature, shelf
        self.resolver = Resolver(document, signature, shelf, by_name)
        self.name = signature.get("Id") or f"Signature {number}"
        self.nodes: list[Any] = []

    def facts(self, trust: Trust, now: datetime, not_before: datetime | None) -> SignatureFacts:
        """Whatever a hostile signature does, it is one bad signature with its sentence."""
        try:
            return self._examined(trust, now, not_before)
        except NotAllowed as error:
            return broken(self.name, "FORMAT_FAILURE", str(error), "XAdES")
        except Exception as error:
            name = getattr(getattr(error, "ades_subindication", None), "standard_name", "FORMAT_FAILURE")
            return broken(self.name, STANDARD_NAMES.get(name, name), BROKEN, "XAdES")

    def _examined(self, trust: Trust, now: datetime, not_before: datetime | None) -> SignatureFacts:
        parts = _Parts.of(self.signature)
        certificate, ades = parts.signer()
        if certificate is None:
            return broken(self.name, "NO_SIGNING_CERTIFICATE_FOUND", NO_CERTIFICATE, "XAdES")
        signer = certificate_facts(certificate)
        try:
            covered = self.resolver.all(parts.info)
        except Absent:
            return self._lost("SIGNED_DATA_NOT_FOUND", ABSENT, signer, ades)
        except Changed as error:
            return self._lost("HASH_FAILURE", str(error), signer, ades)
        ades = ades and parts.properties_signed(covered)
        candidate = parts.candidate(certificate, covered)
        outcome = _with_digests(assess(candidate, trust, now, not_before), covered, certificate, now)
        seen = replace(evidence_of(candidate, _signed(covered), parts.claimed()), value=decoded(parts.value.text))
        return replace(self._told(outcome, covered, ades, candidate, signer), evidence=seen)

    def _lost(self, name: str, reason: str, signer: CertificateFacts, ades: bool) -> SignatureFacts:
        return replace(broken(self.name, name, reason, "XAdES"), certificate=signer, ades=ades)

    def _told(
        self, outcome: Outcome, covered: list[Covered], ades: bool, candidate: Candidate, certificate: CertificateFacts
    ) -> SignatureFacts:
        business = [c for c in covered if c.role != PROPERTIES_TYPE and not c.file]
        self.nodes = [c.node for c in business if c.node is not None]
        root = self.document.root
        remainder = [] if root.tag == f"{{{DS}}}Signature" else list(leaves(root, self.nodes))
        files = tuple(c.file for c in covered if c.file)
        return SignatureFacts.of(
            outcome,
            field=self.name,
            format="XAdES",
            ades=ades,
            level=candidate.level if ades else f"XMLDSig-{candidate.level}",
            certificate=certificate,
            whole=any(c.whole for c in business) or (not remainder and bool(business or files)),
            tampered=WRAPPED if {n.tag for n in self.nodes} & _tags(remainder, root, self.nodes) else "",
            changes=(),
            covers=files + tuple(f"élément « {_local(node)} »" for node in self.nodes if node is not root),
        )


def _signed(covered: list[Covered]) -> Iterator[SignedObject]:
    """Everything a reference covers but the signature's own properties, as it was digested."""
    for each in covered:
        if each.role != PROPERTIES_TYPE:
            name = each.file or ("" if each.node is None else f"élément « {_local(each.node)} »")
            yield SignedObject(name, each.digest, digest_of(each.octets, each.digest))


def _tags(remainder: list[Any], root: Any, signed: list[Any]) -> set[str]:
    """The names of unsigned elements: what is left over, and its wrappers up to the root."""
    found: set[str] = set()
    for node in remainder:
        found |= {node.tag} | {a.tag for a in node.iterancestors() if not any(s in a.iter() for s in signed if s is a)}
    return found


def _with_digests(outcome: Outcome, covered: list[Covered], certificate: Any, now: datetime) -> Outcome:
    """A digest of a reference that had ended when the signature is known to exist."""
    if outcome.sub_indication == "HASH_FAILURE":  # of the envelope: the digests of the references held
        return replace(outcome, sub_indication="SIG_CRYPTO_FAILURE")
    if outcome.sub_indication != "OK":
        return outcome
    ends = [end for end in (digest_until(c.digest) for c in covered) if end is not None]
    if not ends or (outcome.timestamp or now) < min(ends):
        return outcome
    name = "CRYPTO_CONSTRAINTS_FAILURE"
    return replace(outcome, sub_indication=name if min(ends) <= certificate.not_valid_before else f"{name}_NO_POE")


@dataclass(frozen=True)
class _Parts:
    """The pieces of one ds:Signature, each where the standard puts it."""

    signature: Any
    info: Any
    value: Any
    properties: Any

    @classmethod
    def of(cls, signature: Any) -> "_Parts":
        infos, values = signature.findall("ds:SignedInfo", NS), signature.findall("ds:SignatureValue", NS)
        holders = signature.findall("ds:Object/xades:QualifyingProperties", NS)
        signed = [p for h in holders for p in h.findall("xades:SignedProperties", NS)]
        if len(infos) != 1 or len(values) != 1 or len(holders) > 1 or len(signed) > 1:
            raise NotAllowed(BROKEN)
        return cls(signature, infos[0], values[0], signed[0] if signed else None)

    def signer(self) -> tuple[Any, bool]:
        """The certificate that a signed property designates (True), else the first of KeyInfo (False), else None."""
        held = self._certificates()
        path = "xades:SignedSignatureProperties/{}/xades:Cert"
        designations = [] if self.properties is None else [
            each
            for name in ("xades:SigningCertificateV2", "xades:SigningCertificate")
            for each in self.properties.findall(path.format(name), NS)
        ]  # fmt: skip
        if not designations:
            return (held[0] if held else None), False
        method = designations[0].find("xades:CertDigest/ds:DigestMethod", NS)
        digest = DIGESTS.get(method.get("Algorithm", "") if method is not None else "")
        expected = decoded(designations[0].findtext("xades:CertDigest/ds:DigestValue", "", NS))
        found = [c for c in held if digest and digest_of(c.dump(), digest) == expected]
        return (found[0] if found else None), True

    def claimed(self) -> datetime | None:
        """The date the signer wrote, where it is one and has its offset."""
        path = "xades:SignedSignatureProperties/xades:SigningTime"
        text = "" if self.properties is None else self.properties.findtext(path, "", NS).strip()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    def properties_signed(self, covered: list[Covered]) -> bool:
        """A reference covers the SignedProperties of this very signature. Raises NotAllowed where it covers others."""
        typed = [c for c in covered if c.role == PROPERTIES_TYPE]
        if any(c.node is not self.properties for c in typed):
            raise NotAllowed("Les propriétés signées ne sont pas celles de cette signature.")
        return bool(typed) and self.properties is not None

    def candidate(self, certificate: Any, covered: list[Covered]) -> Candidate:
        algorithm, digest = self._method(certificate)
        signed = canonical(self.info, _algorithm(self.info.find("ds:CanonicalizationMethod", NS)))
        value = decoded(self.value.text)
        if algorithm["algorithm"].native.endswith("ecdsa"):
            value = _der(value)
        data = _envelope(certificate, self._certificates(), algorithm, digest, value)
        archive = tuple(self._stamps(f"{{{XADES141}}}ArchiveTimeStamp", lambda s: self._archived(s, covered)))
        stamps = tuple(self._signature_stamps())
        return Candidate(data, digest_of(signed, digest), stamps, archive, self._embedded(), certificate)

    def _certificates(self) -> list[Any]:
        texts = self.signature.findall("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NS)
        return [parsed_certificate(decoded(text.text)) for text in texts[:50]]

    def _method(self, certificate: Any) -> tuple[Any, str]:
        name = METHODS.get(_algorithm(self.info.find("ds:SignatureMethod", NS)))
        if name is None:
            raise NotAllowed("La signature emploie un algorithme inconnu, ou une clé partagée qui ne signe rien.")
        digest = name.partition("_")[0]
        if name.endswith("pss"):
            return _pss(digest), digest
        return algos.SignedDigestAlgorithm({"algorithm": name}), digest

    def _unsigned(self) -> Any:
        path = "ds:Object/xades:QualifyingProperties/xades:UnsignedProperties/xades:UnsignedSignatureProperties"
        return self.signature.find(path, NS)

    def _signature_stamps(self) -> Iterator[Stamp]:
        tag = f"{{{NS['xades']}}}SignatureTimeStamp"
        return self._stamps(tag, lambda stamp: canonical(self.value, _stamp_form(stamp)))

    def _stamps(self, tag: str, covered: Any) -> Iterator[Stamp]:
        holder = self._unsigned()
        for element in holder.iterchildren(tag) if holder is not None else ():
            content = covered(element)
            for token in element.findall("xades:EncapsulatedTimeStamp", NS):
                data = cms.ContentInfo.load(decoded(token.text))["content"]
                yield Stamp(data, lambda digest, content=content: digest_of(content, digest))  # type: ignore[misc]

    def _archived(self, stamp: Any, covered: list[Covered]) -> bytes:
        """What an archive timestamp covers (EN 319 132-1, 5.5.2.2), in the order of the standard."""
        form = _stamp_form(stamp)
        parts = [c.octets for c in covered]
        key = self.signature.find("ds:KeyInfo", NS)
        parts += [canonical(node, form) for node in (self.info, self.value, key) if node is not None]
        for before in reversed(list(stamp.itersiblings(preceding=True))):
            parts.append(canonical(before, form))
        for held in self.signature.findall("ds:Object", NS):
            if held.find("xades:QualifyingProperties", NS) is None:
                parts.append(canonical(held, form))
        return b"".join(parts)

    def _embedded(self) -> Embedded:
        holder = self._unsigned()

        def all_of(name: str) -> tuple[bytes, ...]:
            found = holder.iter(f"{{{NS['xades']}}}{name}") if holder is not None else ()
            return tuple(decoded(element.text) for element in found)

        certificates = all_of("EncapsulatedX509Certificate")
        return Embedded(certificates, all_of("EncapsulatedCRLValue"), all_of("EncapsulatedOCSPValue"))


def _algorithm(element: Any) -> str:
    return str(element.get("Algorithm", "")) if element is not None else ""


def _stamp_form(stamp: Any) -> str:
    return _algorithm(stamp.find("ds:CanonicalizationMethod", NS)) or DEFAULT_CANONICAL


def _der(value: bytes) -> bytes:
    """ECDSA in XML is r and s side by side (RFC 4050 and XMLDSig 1.1); CMS wants DER."""
    half = len(value) // 2
    if not value or len(value) % 2:
        raise NotAllowed(BROKEN)
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _pss(digest: str) -> Any:
    hashed = algos.DigestAlgorithm({"algorithm": digest})
    mask = algos.MaskGenAlgorithm({"algorithm": "mgf1", "parameters": hashed})
    size = {"sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}[digest]
    return algos.SignedDigestAlgorithm(
        {
            "algorithm": "rsassa_pss",
            "parameters": {"hash_algorithm": hashed, "mask_gen_algorithm": mask, "salt_length": size},
        }
    )


def _envelope(certificate: Any, others: list[Any], algorithm: Any, digest: str, value: bytes) -> Any:
    """A CMS signature without signed attributes: it says no more than the XML one."""
    # Another certificate of the same issuer and number must not be taken for the one that is designated.
    kept = [certificate, *(each for each in others if each.issuer_serial != certificate.issuer_serial)]
    identifier = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": digest}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [cms.CertificateChoices("certificate", each) for each in kept],
            "signer_infos": [
                {
                    "version": "v1",
                    "sid": cms.SignerIdentifier("issuer_and_serial_number", identifier),
                    "digest_algorithm": {"algorithm": digest},
                    "signature_algorithm": algorithm,
                    "signature": value,
                }
            ],
        }
    )
