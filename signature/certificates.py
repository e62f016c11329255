"""Adapter over asn1crypto's certificates: what a signer's certificate says of itself."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from signature.facts import CertificateFacts
from signature.statements import qc_statements


def certificate_facts(certificate: Any) -> CertificateFacts:
    """Facts of an asn1crypto certificate; QC statements are the certificate's own claims (ETSI EN 319 412-5)."""
    subject, issuer = certificate.subject.native, certificate.issuer.native
    qualified, device, uses = qc_statements(certificate)
    name = _text(subject, "common_name") or _text(subject, "organization_name") or "sans nom"
    return CertificateFacts(
        name=name,
        organisation=_text(subject, "organization_name"),
        identifier=_text(subject, "organization_identifier"),
        issuer=_text(issuer, "common_name") or _text(issuer, "organization_name") or "émetteur sans nom",
        serial=format(certificate.serial_number, "X"),
        not_before=certificate.not_valid_before,
        not_after=certificate.not_valid_after,
        claims_qualified=qualified,
        claims_device=device,
        claims_seal="ForeSeals" in uses and "ForeSignatures" not in uses,
    )


def linked(chain: Sequence[bytes]) -> bool:
    """Is each DER certificate, the signer's first, signed by the key of the next one?"""
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    for certificate, issuer in pairwise(certificates):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError):
            return False
        except (TypeError, UnsupportedAlgorithm):  # a key this check does not know is left to the engine
            continue
    return True


def _text(names: dict[str, Any], key: str) -> str:
    value = names.get(key, "")
    return ", ".join(value) if isinstance(value, list) else str(value)
