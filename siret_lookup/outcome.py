"""The closed set of outcomes of one piece, and the result of one fetch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one piece. None of them means « in order » or « not in order »."""

    OBTAINED = "obtained"
    REFUSED_BY_AUTHORITY = "refused_by_authority"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_FOUND = "not_found"
    WITHHELD_BY_LAW = "withheld_by_law"
    UNAVAILABLE = "unavailable"
    NOT_APPLICABLE = "not_applicable"
    GIVEN_BY_CANDIDATE = "given_by_candidate"
    NOT_AUTHORISED = "not_authorised"

    @property
    def waiting(self) -> bool:
        """Whether the piece is still to be fetched, at its `retry_at`."""
        return self is Outcome.UNAVAILABLE


# The authority itself is looking into the case (Urssaf's codes, MSA's status): not an outage.
UNDER_REVIEW = frozenset({"04501", "04502", "under_investigation"})


@dataclass(frozen=True, slots=True)
class PieceResult:
    """One piece fetched (or not) for one company at `fetched_at`.

    `facts` is JSON-able; `sha256` is of the reply's bytes, `document_sha256` of the document's. `valid_until` is the
    authority's date; `valid_strictly_until` is the earlier one of the labour code's « moins de six mois » (D8222-5).
    `code` is the provider's code or status, `source` the piece's French title, `provider` who answers.
    """

    key: str
    outcome: Outcome
    source: str
    provider: str
    fetched_at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)
    document: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    filename: str | None = None
    document_sha256: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    valid_strictly_until: date | None = None
    retry_at: datetime | None = None
    code: str | None = None
    detail: str | None = None
    request_id: str | None = None
    sha256: str | None = None

    @property
    def under_review(self) -> bool:
        """Whether the authority said that it is looking into the case."""
        return self.outcome is Outcome.UNAVAILABLE and self.code in UNDER_REVIEW
