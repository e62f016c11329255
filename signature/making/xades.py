"""Making XAdES signatures (EN 319 132-1): enveloped in an XML file, or detached beside any file; levels B, T and LT.

`prepare` gives the canonical SignedInfo to sign, wherever the key is; `finish` puts the value in its place.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from signature.errors import SignatureError, Unreadable
from signature.facts import Embedded
from signature.making.keys import Key, check_dates, elliptic, key_bytes, public_of
from signature.making.stamps import Timestamp, stamped
from signature.reading.references import PROPERTIES_TYPE
from signature.reading.xml import DS, ENVELOPED, NS, XADES, canonical, parse

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
PREFIXES = {"ds": DS, "xades": XADES}


@dataclass(frozen=True)
class Prepared:
    """An XML file whose SignatureValue is empty; `to_sign` is signed with SHA-256. `ident` names the signature."""

    content: bytes
    ident: str
    to_sign: bytes
    chain: tuple[bytes, ...]


def prepare(content: bytes, name: str, chain: tuple[bytes, ...], at: datetime, *, enveloped: bool = False) -> Prepared:
    """A signature over `content`: inside it (XML), or beside it, where `name` is the file's. Raises SignatureError."""
    check_dates(public_of(chain), at)
    ident = f"sig-{secrets.token_hex(8)}"
    signature = _frame(ident, chain)
    if enveloped:
        root = _document(content)
        root.append(signature)
        signed = _without(root, signature)
        references = [_reference("", signed, f"{ident}-ref", [ENVELOPED, EXCLUSIVE])]
    else:
        root = signature
        references = [_reference(quote(name), content, f"{ident}-ref", [])]
    signature.append(_ds("Object", _properties(ident, chain, at)))
    properties = signature.find("ds:Object/xades:QualifyingProperties/xades:SignedProperties", NS)
    references.append(_reference(f"#{ident}-props", canonical(properties, EXCLUSIVE), "", [EXCLUSIVE], PROPERTIES_TYPE))
    info = signature.find("ds:SignedInfo", NS)
    info.extend(references)
    return Prepared(_written(root), ident, canonical(info, EXCLUSIVE), chain)


def finish(
    prepared: Prepared, value: bytes, timestamp: Timestamp | None = None, material: Embedded | None = None
) -> bytes:
    """The signed XML: level T with `timestamp`, LT with `material` as well, else B."""
    document = parse(prepared.content)
    signature = document.by_id(prepared.ident)
    place = signature.find("ds:SignatureValue", NS)
    place.text = _base64(_as_xml(value, prepared.chain))
    if timestamp is not None:
        token = stamped(timestamp, canonical(place, EXCLUSIVE))
        unsigned = _xades("UnsignedSignatureProperties", _stamp(token), *_values(material))
        signature.find("ds:Object/xades:QualifyingProperties", NS).append(_xades("UnsignedProperties", unsigned))
    return _written(document.root)


def stamp_unsigned(content: bytes, material: Embedded, timestamp: Timestamp) -> bytes:
    """A XAdES file made elsewhere, each of its signatures with a timestamp and proofs where it has none.

    Raises SignatureError, Unreadable.
    """
    document = parse(content)
    for signature in document.root.getroottree().iter(f"{{{DS}}}Signature"):
        holder = signature.find("ds:Object/xades:QualifyingProperties", NS)
        place = signature.find("ds:SignatureValue", NS)
        if holder is None or place is None:
            raise SignatureError("Ce jeton n’est pas au format XAdES.")
        unsigned = holder.find("xades:UnsignedProperties/xades:UnsignedSignatureProperties", NS)
        if unsigned is None:
            unsigned = _xades("UnsignedSignatureProperties")
            holder.append(_xades("UnsignedProperties", unsigned))
        if unsigned.find("xades:SignatureTimeStamp", NS) is None:
            unsigned.append(_stamp(stamped(timestamp, canonical(place, EXCLUSIVE))))
        if material.revocation and unsigned.find("xades:RevocationValues", NS) is None:
            unsigned.extend(_values(material))
    return _written(document.root)


def sign_xades(
    content: bytes,
    name: str,
    key: Key,
    at: datetime,
    timestamp: Timestamp | None = None,
    material: Embedded | None = None,
    *,
    enveloped: bool = False,
) -> bytes:
    """`prepare` and `finish` with a key at hand."""
    prepared = prepare(content, name, key.chain, at, enveloped=enveloped)
    return finish(prepared, key.sign(prepared.to_sign), timestamp, material)


def _frame(ident: str, chain: tuple[bytes, ...]) -> Any:
    method = _MORE + ("ecdsa-sha256" if elliptic(chain) else "rsa-sha256")
    data = _ds("X509Data", *(_ds("X509Certificate", _base64(certificate)) for certificate in chain))
    return _ds(
        "Signature",
        _ds("SignedInfo", _ds("CanonicalizationMethod", Algorithm=EXCLUSIVE), _ds("SignatureMethod", Algorithm=method)),
        _ds("SignatureValue", Id=f"{ident}-value"),
        _ds("KeyInfo", data),
        Id=ident,
    )


def _properties(ident: str, chain: tuple[bytes, ...], at: datetime) -> Any:
    digest = hashlib.sha256(chain[0]).digest()
    designated = _xades(
        "Cert", _xades("CertDigest", _ds("DigestMethod", Algorithm=SHA256), _ds("DigestValue", _base64(digest)))
    )
    signed = _xades(
        "SignedProperties",
        _xades(
            "SignedSignatureProperties",
            _xades("SigningTime", at.replace(microsecond=0).isoformat()),
            _xades("SigningCertificateV2", designated),
        ),
        _xades(
            "SignedDataObjectProperties",
            _xades("DataObjectFormat", _xades("MimeType", "application/octet-stream"), ObjectReference=f"#{ident}-ref"),
        ),
        Id=f"{ident}-props",
    )
    return _xades("QualifyingProperties", signed, Target=f"#{ident}")


def _reference(uri: str, content: bytes, ident: str, transforms: list[str], kind: str = "") -> Any:
    reference = _ds("Reference", URI=uri)
    if ident:
        reference.set("Id", ident)
    if kind:
        reference.set("Type", kind)
    if transforms:
        reference.append(_ds("Transforms", *(_ds("Transform", Algorithm=each) for each in transforms)))
    reference.append(_ds("DigestMethod", Algorithm=SHA256))
    reference.append(_ds("DigestValue", _base64(hashlib.sha256(content).digest())))
    return reference


def _stamp(token: bytes) -> Any:
    return _xades(
        "SignatureTimeStamp",
        _ds("CanonicalizationMethod", Algorithm=EXCLUSIVE),
        _xades("EncapsulatedTimeStamp", _base64(token)),
    )


def _values(material: Embedded | None) -> list[Any]:
    """What makes a stamped signature LT: certificates and proofs of non-revocation."""
    if material is None:
        return []
    proofs = _xades("RevocationValues")
    if material.crls:
        proofs.append(_xades("CRLValues", *(_xades("EncapsulatedCRLValue", _base64(each)) for each in material.crls)))
    if material.ocsps:
        proofs.append(
            _xades("OCSPValues", *(_xades("EncapsulatedOCSPValue", _base64(each)) for each in material.ocsps))
        )
    certificates = (_xades("EncapsulatedX509Certificate", _base64(each)) for each in material.certificates)
    return [_xades("CertificateValues", *certificates), proofs]


def _document(content: bytes) -> Any:
    try:
        return parse(content).root
    except Unreadable as error:
        raise SignatureError("Le document n’est pas un XML lisible : il ne peut être signé de l’intérieur.") from error


def _without(root: Any, signature: Any) -> bytes:
    root.remove(signature)
    content = canonical(root.getroottree(), EXCLUSIVE)
    root.append(signature)
    return content


def _as_xml(value: bytes, chain: tuple[bytes, ...]) -> bytes:
    """XML wants r and s of an ECDSA signature side by side, each as long as the key."""
    if not elliptic(chain):
        return value
    size = key_bytes(chain)
    try:
        first, second = decode_dss_signature(value)
        return first.to_bytes(size, "big") + second.to_bytes(size, "big")
    except (ValueError, OverflowError) as error:
        raise SignatureError("La signature reçue n’a pas la forme attendue.") from error


def _ds(name: str, *children: Any, **attributes: str) -> Any:
    return _element(DS, name, children, attributes)


def _xades(name: str, *children: Any, **attributes: str) -> Any:
    return _element(XADES, name, children, attributes)


def _element(namespace: str, name: str, children: tuple[Any, ...], attributes: dict[str, str]) -> Any:
    made = etree.Element(f"{{{namespace}}}{name}", attributes, nsmap=PREFIXES)
    for child in children:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _written(root: Any) -> bytes:
    return bytes(etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True))
