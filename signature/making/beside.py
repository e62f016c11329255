"""A token that came in (XAdES, CAdES), raised to T or LT: a timestamp and proofs are added, nothing is changed."""

import hashlib
from typing import Any

from asn1crypto import cms
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp

from signature.errors import SignatureError, Unreadable
from signature.facts import Embedded
from signature.kinds import kind_of
from signature.making.pades import Signed, signed_of
from signature.making.stamps import Timestamp, token_of
from signature.making.xades import stamp_unsigned
from signature.reading.cades import load

OCSP_FORMAT = "1.3.6.1.5.5.7.16.2"


def raised_token(content: bytes, material: Embedded, timestamp: Timestamp) -> Signed:
    """Every signature of the token with a timestamp, and with `material`. Raises SignatureError."""
    try:
        if kind_of(content) == "XAdES":
            made = stamp_unsigned(content, material, timestamp)
        else:
            made = _cades(content, material, timestamp)
    except (Unreadable, ValueError, TypeError) as error:
        raise SignatureError("Ce jeton ne peut pas être complété.") from error
    return signed_of(made, "LT" if material.revocation else "T")


def _cades(content: bytes, material: Embedded, timestamp: Timestamp) -> bytes:
    data = load(content)
    for info in data["signer_infos"]:
        held = list(info["unsigned_attrs"]) if info["unsigned_attrs"].native else []
        if any(each["type"].native == "signature_time_stamp_token" for each in held):
            continue
        token = token_of(timestamp, hashlib.sha256(info["signature"].native).digest())
        held.append(cms.CMSAttribute({"type": "signature_time_stamp_token", "values": [token]}))
        info["unsigned_attrs"] = cms.CMSAttributes(held)
    if material.revocation and not data["crls"].native:
        data["crls"] = cms.RevocationInfoChoices(_proofs(material))
        data["version"] = "v5"
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def _proofs(material: Embedded) -> list[Any]:
    """RFC 5652, 10.2.1: CRLs, and OCSP answers as another format (RFC 5940)."""
    lists = [cms.RevocationInfoChoice("crl", asn1_crl.CertificateList.load(der)) for der in material.crls]
    answers = [
        cms.RevocationInfoChoice(
            "other", {"other_rev_info_format": OCSP_FORMAT, "other_rev_info": asn1_ocsp.OCSPResponse.load(der)}
        )
        for der in material.ocsps
    ]
    return [*lists, *answers]
