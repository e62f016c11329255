"""What is measured in a signature, before any verdict: plain values, no library's objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


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
class Embedded:
    """Validation material found beside the signature, in DER."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()

    @property
    def revocation(self) -> bool:
        return bool(self.crls or self.ocsps)


@dataclass(frozen=True)
class SignedObject:
    """One thing that was signed: its name (empty for the file that holds the signature), its digest and which."""

    name: str
    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class StampSeen:
    """One timestamp of a signature, held or not: its token in DER; `archive` covers the proofs as well."""

    moment: datetime
    token: bytes
    archive: bool


@dataclass(frozen=True)
class Evidence:
    """What a report shows of the signature itself: `digest` is of what the key signed, by `algorithm`.

    `certificate` is the signer's in DER, `claimed` the date the signer wrote, which proves nothing.
    """

    value: bytes = b""
    algorithm: str = ""
    digest: bytes = b""
    certificate: bytes = b""
    claimed: datetime | None = None
    documents: tuple[SignedObject, ...] = ()
    stamps: tuple[StampSeen, ...] = ()


class _Outcome(Protocol):
    @property
    def sub_indication(self) -> str: ...
    @property
    def chain(self) -> tuple[bytes, ...]: ...
    @property
    def timestamp(self) -> datetime | None: ...
    @property
    def timestamp_chain(self) -> tuple[bytes, ...]: ...
    @property
    def stamp_refused(self) -> bool: ...
    @property
    def revoked_at(self) -> datetime | None: ...


STAMP_REFUSED = "L’horodatage de la signature n’a pas pu être vérifié ; la signature elle-même n’est pas en cause."


@dataclass(frozen=True)
class SignatureFacts:
    """One signature. `sub_indication` is the engine's (ETSI name or OK); chains are DER, signer first.

    `format` is PAdES, CAdES or XAdES; `ades`: a signed attribute designates the certificate, as these formats require.
    `tampered` is a French sentence where the structure or a later change is not acceptable; `changes` tells every
    later change; `timestamp` is set only by a timestamp that verifies but perhaps for its date; `stamp_refused`: there
    is one, it does not verify, and the sub-indication is its own. `covers` names what is signed, empty for the file
    that holds the signature; `length`: the bytes of a PDF that it reaches; `written`: the reason that
    the signer wrote in it.
    """

    field: str
    format: str
    sub_indication: str
    reason: str
    level: str
    ades: bool
    certificate: CertificateFacts | None
    chain: tuple[bytes, ...]
    timestamp: datetime | None
    timestamp_chain: tuple[bytes, ...]
    stamp_refused: bool
    revoked_at: datetime | None
    whole: bool
    tampered: str
    changes: tuple[str, ...]
    covers: tuple[str, ...] = ()
    length: int = 0
    written: str = ""
    evidence: Evidence = Evidence()

    @classmethod
    def of(cls, outcome: _Outcome, **facts: Any) -> "SignatureFacts":
        """The engine's answer with what only the format knows."""
        return cls(
            sub_indication=outcome.sub_indication,
            reason=STAMP_REFUSED if outcome.stamp_refused else "",
            chain=outcome.chain,
            timestamp=outcome.timestamp,
            timestamp_chain=outcome.timestamp_chain,
            stamp_refused=outcome.stamp_refused,
            revoked_at=outcome.revoked_at,
            **facts,
        )


def broken(field: str, sub_indication: str, reason: str, form: str = "PAdES") -> SignatureFacts:
    """A signature that could not be examined further."""
    return SignatureFacts(
        field=field,
        format=form,
        sub_indication=sub_indication,
        reason=reason,
        level="B",
        ades=False,
        certificate=None,
        chain=(),
        timestamp=None,
        timestamp_chain=(),
        stamp_refused=False,
        revoked_at=None,
        whole=False,
        tampered="",
        changes=(),
    )


@dataclass(frozen=True)
class Measured:
    """What one file holds: its format, its signatures in the order they were made, and what none of them covers."""

    format: str
    signatures: tuple[SignatureFacts, ...]
    unsigned: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """The revocation of one certificate: an OCSP request (DER) for any of `responders`, else one of the `crls`."""

    request: bytes
    responders: tuple[str, ...]
    crls: tuple[str, ...]
