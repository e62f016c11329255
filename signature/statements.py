"""Read the claims of a certificate: its QC statements, policies and usages (ETSI EN 319 412-5, RFC 5280)."""

from typing import Any

from asn1crypto import x509 as asn1_x509
from pyhanko.sign.ades.qualified_asn1 import get_qc_statements

from signature.claims import Claims
from signature.errors import Unreadable

# ASN.1 names of the bits, and the names a trusted list gives them.
_BITS = {
    "digital_signature": "digitalSignature",
    "non_repudiation": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "crlSign",
    "encipher_only": "encipherOnly",
    "decipher_only": "decipherOnly",
}
_KINDS = {"qct_esign": "ForeSignatures", "qct_eseal": "ForeSeals", "qct_web": "ForWebSiteAuthentication"}


def claims_of(certificate: bytes) -> Claims:
    """The claims of a DER certificate. Raises Unreadable."""
    try:
        return _claims(asn1_x509.Certificate.load(certificate))
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable("Le certificat du signataire est illisible.") from error


def qc_statements(certificate: Any) -> tuple[bool, bool, frozenset[str]]:
    """QcCompliance, QcSSCD, and the QcType values in the trusted list's words, of an asn1crypto certificate."""
    statements = {s["statement_id"].native: s["statement_info"] for s in get_qc_statements(certificate)}
    kinds = [kind.native for kind in statements["qc_type"]] if "qc_type" in statements else []
    uses = frozenset(_KINDS.get(kind, kind) for kind in kinds)
    return "qc_compliance" in statements, "qc_sscd" in statements, uses


def _claims(certificate: Any) -> Claims:
    compliant, device, uses = qc_statements(certificate)
    usage = certificate.key_usage_value
    policies = certificate.certificate_policies_value or ()
    return Claims(
        not_before=certificate.not_valid_before,
        not_after=certificate.not_valid_after,
        compliant=compliant,
        device=device,
        uses=uses,
        policies=frozenset(policy["policy_identifier"].dotted for policy in policies),
        key_usage=frozenset(_BITS[bit] for bit in (usage.native if usage else ())),
        extended_usages=frozenset(usage.dotted for usage in certificate.extended_key_usage_value or ()),
        subject_attributes=frozenset(pair["type"].dotted for names in certificate.subject.chosen for pair in names),
    )
