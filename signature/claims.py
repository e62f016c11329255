"""What a certificate says of itself that a trusted list confirms or overrules: plain values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Claims:
    """`uses` are the QcType values in the trusted list's words; policies, usages and attributes are dotted OIDs."""

    not_before: datetime
    not_after: datetime
    compliant: bool
    device: bool
    uses: frozenset[str]
    policies: frozenset[str]
    key_usage: frozenset[str]
    extended_usages: frozenset[str]
    subject_attributes: frozenset[str]
