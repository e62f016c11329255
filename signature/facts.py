"""What is measured in a signature, before any verdict: plain values, no library's objects."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CertificateFacts:
    """A signer's certificate. `claims_*` are its own words (QC statements, ETSI EN 319 412-5), not yet believed."""

    name: str
    organisation: str
    identifier: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    claims_qualified: bool
    claims_device: bool
    claims_seal: bool

    @property
    def title(self) -> str:
        """Name, then organisation and its registered number where the certificate gives them."""
        detail = ", ".join(part for part in (self.organisation, self.identifier) if part and part != self.name)
        return f"{self.name} ({detail})" if detail else self.name


@dataclass(frozen=True)
class SignatureFacts:
    """One signature field. `sub_indication` is the engine's (ETSI name or OK); chains are DER, signer first.

    `tampered` is a French sentence where the structure or a later change is not acceptable; `changes` tells every
    later change; `timestamp` is set only by a timestamp that verifies but perhaps for its date; `stamp_refused`: there
    is one, it does not verify, and the sub-indication is its own.
    """

    field: str
    sub_indication: str
    reason: str
    level: str
    pades: bool
    certificate: CertificateFacts | None
    chain: tuple[bytes, ...]
    timestamp: datetime | None
    timestamp_chain: tuple[bytes, ...]
    stamp_refused: bool
    revoked_at: datetime | None
    whole: bool
    tampered: str
    changes: tuple[str, ...]
