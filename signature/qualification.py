"""The second axis: what kind of signature it is under eIDAS, in the words of the European reference validator (DSS).

A certificate's own claim counts only if the list of trusted services granted its issuer, both when the certificate
was issued and when the signature was made.
"""

from datetime import datetime
from functools import lru_cache

from signature.facts import CertificateFacts, SignatureFacts
from signature.qualify import Qualified, qualify
from signature.trust import TrustList


def listed(facts: SignatureFacts, trust_list: TrustList, moment: datetime) -> Qualified:
    """What the list says of the signer's certificate at that moment; nothing where no chain leads to it."""
    return _qualified(facts.chain, trust_list, moment) if facts.chain else Qualified()


@lru_cache(maxsize=256)
def _qualified(chain: tuple[bytes, ...], trust_list: TrustList, moment: datetime) -> Qualified:
    """Asked twice for each signature, and again for the next one of the same signer."""
    return qualify(chain[0], chain[1:], (trust_list,), moment)


def qualification(facts: SignatureFacts, trust_list: TrustList | None, indication: str, moment: datetime) -> str:
    """QESig, AdESig-QC, AdESig, the same for seals (QESeal, AdESeal-QC, AdESeal), « Indeterminate … », « Not AdES ».

    Unknown-QC: the list contradicts itself, or says something of this certificate that cannot be evaluated.
    """
    if facts.certificate is None:
        return "N/A"
    if indication == "TOTAL-FAILED":
        return "Not AdES"
    name = _own(facts.certificate) if trust_list is None else _by_list(facts, trust_list, moment)
    return name if indication == "TOTAL-PASSED" and trust_list is not None else f"Indeterminate {name}"


def _own(claims: CertificateFacts) -> str:
    kind = "ESeal" if claims.claims_seal else "ESig"
    return _name(kind, claims.claims_qualified, claims.claims_device)


def _by_list(facts: SignatureFacts, trust_list: TrustList, moment: datetime) -> str:
    answer = listed(facts, trust_list, moment)
    if answer.conflict:
        return "Unknown-QC"
    seal = facts.certificate is not None and facts.certificate.claims_seal
    if answer.listed:
        seal = answer.for_seals and not answer.for_signatures
    return _name("ESeal" if seal else "ESig", answer.for_signatures or answer.for_seals, answer.device)


def _name(kind: str, qualified: bool, device: bool) -> str:
    if not qualified:
        return f"Ad{kind}"
    return f"Q{kind}" if device else f"Ad{kind}-QC"
