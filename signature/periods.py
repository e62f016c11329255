"""What a trusted list says of a service over time: statuses, uses and qualifiers (ETSI TS 119 612, 5.5 and 5.6).

Plain data. Which status counts is a table, because its meaning changed with eIDAS (ETSI TS 119 615, clause 4.3.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from signature.claims import Claims

EIDAS = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)  # 1 July 2016 at midnight in Brussels

Use = Literal["ForeSignatures", "ForeSeals", "ForWebSiteAuthentication"]
UNREAD = "unread"


@dataclass(frozen=True)
class Standing:
    """Does a status make its service count, before and since 1 July 2016?"""

    before: bool
    since: bool


STATUSES = {
    "granted": Standing(before=False, since=True),
    "withdrawn": Standing(before=False, since=False),
    "recognisedatnationallevel": Standing(before=False, since=False),
    "deprecatedatnationallevel": Standing(before=False, since=False),
    "setbynationallaw": Standing(before=False, since=False),
    "deprecatedbynationallaw": Standing(before=False, since=False),
    "undersupervision": Standing(before=True, since=False),
    "supervisionincessation": Standing(before=True, since=False),
    "accredited": Standing(before=True, since=False),
    "supervisionceased": Standing(before=False, since=False),
    "supervisionrevoked": Standing(before=False, since=False),
    "accreditationceased": Standing(before=False, since=False),
    "accreditationrevoked": Standing(before=False, since=False),
}


@dataclass(frozen=True)
class Criteria:
    """Which certificates a qualifier is for (CriteriaList). `unread` names the criteria that cannot be evaluated.

    A key usage is pairs (bit, wanted); a policy set, the extended usages and the subject attributes are all needed.
    """

    joined: str
    key_usages: tuple[tuple[tuple[str, bool], ...], ...] = ()
    policy_sets: tuple[tuple[str, ...], ...] = ()
    extended_usages: tuple[tuple[str, ...], ...] = ()
    subject_attributes: tuple[tuple[str, ...], ...] = ()
    lists: tuple["Criteria", ...] = ()
    unread: tuple[str, ...] = ()

    def match(self, claims: Claims) -> bool | None:
        """Is this certificate meant? None: it depends on a criterion that cannot be evaluated."""
        answers = [*self._answers(claims), *(inner.match(claims) for inner in self.lists), *(None for _ in self.unread)]
        if not answers:
            return None
        if self.joined == "all":
            return _all(answers)
        if self.joined in ("atLeastOne", "none"):
            some = _some(answers)
            return some if self.joined == "atLeastOne" or some is None else not some
        return None

    def all_unread(self) -> tuple[str, ...]:
        """The names of the criteria that cannot be evaluated, at every depth."""
        return self.unread + tuple(name for inner in self.lists for name in inner.all_unread())

    def _answers(self, claims: Claims) -> Iterable[bool]:
        for usage in self.key_usages:
            yield all((bit in claims.key_usage) == wanted for bit, wanted in usage)
        for wanted, held in (
            (self.policy_sets, claims.policies),
            (self.extended_usages, claims.extended_usages),
            (self.subject_attributes, claims.subject_attributes),
        ):
            yield from (set(oids) <= held for oids in wanted)


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _some(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


@dataclass(frozen=True)
class Qualification:
    """Qualifiers (QCWithSSCD, NotQualified …, without their address) for the certificates that match."""

    qualifiers: tuple[str, ...]
    criteria: Criteria


@dataclass(frozen=True)
class Period:
    """A status of a service from `start` until the next period. No `uses`: the list restricts nothing.

    Status `unread`: something critical of this period is not understood, `unread` says what.
    """

    status: str
    start: datetime
    kind: str = "CA/QC"
    uses: tuple[str, ...] = ()
    qualifications: tuple[Qualification, ...] = ()
    unread: str = ""

    def counts_at(self, moment: datetime) -> bool:
        """Does this status make the service a qualified one at that moment (one of this period)?"""
        standing = STATUSES.get(self.status)
        return standing is not None and (standing.since if moment >= EIDAS else standing.before)


def period_at(periods: Iterable[Period], moment: datetime) -> Period | None:
    """The period that holds at a moment: the latest one begun by then; two begun together: the first one told."""
    begun = [period for period in periods if period.start <= moment]
    return max(begun, key=lambda period: period.start, default=None)
