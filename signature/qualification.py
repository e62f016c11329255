"""The second axis: what kind of signature it is under eIDAS, in the words of the European reference validator (DSS).

A certificate's own claim counts only if the list of trusted services granted its issuer, both when the certificate
was issued and when the signature was made.
"""

from datetime import datetime

from signature.facts import SignatureFacts
from signature.trust import TrustedService, TrustList


def granting_service(facts: SignatureFacts, trust_list: TrustList, moment: datetime) -> TrustedService | None:
    """The CA/QC service that makes the certificate a qualified one at that moment, or None."""
    certificate = facts.certificate
    if certificate is None or not certificate.claims_qualified:
        return None
    moments = (certificate.not_before, min(moment, certificate.not_after))
    return trust_list.grants(facts.chain[1:], "CA/QC", moments)


def qualification(facts: SignatureFacts, trust_list: TrustList | None, indication: str, moment: datetime) -> str:
    """QESig, AdESig-QC, AdESig, the same for seals (QESeal, AdESeal-QC, AdESeal), « Indeterminate … », « Not AdES »."""
    if facts.certificate is None:
        return "N/A"
    if indication == "TOTAL-FAILED":
        return "Not AdES"
    claims, kind = facts.certificate, "ESeal" if facts.certificate.claims_seal else "ESig"
    listed = trust_list is not None and granting_service(facts, trust_list, moment) is not None
    qualified = listed if trust_list is not None else claims.claims_qualified
    best = f"Q{kind}" if claims.claims_device else f"Ad{kind}-QC"
    name = best if qualified else f"Ad{kind}"
    return name if indication == "TOTAL-PASSED" and trust_list is not None else f"Indeterminate {name}"
