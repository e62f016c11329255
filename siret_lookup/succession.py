"""A closed establishment: who may stand in its place. A proposal in an order, and a sentence; a person confirms.

A closed establishment of an active company is what a removal leaves (Insee: `F` for the place, `A` for the unit). Links
are Sirene's `liensSuccession`. Nothing here is a choice: the number asked stays, the one confirmed is kept beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from siret_lookup.identity import Identity
from siret_lookup.siret import Siret
from siret_lookup.words import french_day

_NO_DAY = date.min


@dataclass(frozen=True, slots=True)
class Link:
    """One succession that Sirene knows, between two SIRETs."""

    predecessor: str
    successor: str
    on: date | None
    head_office_moved: bool
    economic_continuity: bool


class Because(StrEnum):
    """Why a SIRET is proposed, in the order of proposals."""

    HEAD_OFFICE_MOVED = "head_office_moved"
    ECONOMIC_CONTINUITY = "economic_continuity"
    SUCCESSION = "succession"
    HEAD_OFFICE = "head_office"


class Case(StrEnum):
    """Where the establishment asked stands."""

    OPEN = "open"
    CLOSED = "closed"
    CEASED = "ceased"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A SIRET to confirm. `same_company` is False for another SIREN: another legal person. `on` is the link's day."""

    siret: str
    because: Because
    same_company: bool
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """`proposals` in the order to show; `sentence` is for the person who typed the number, empty for an open place."""

    case: Case
    proposals: tuple[Proposal, ...]
    sentence: str


def resolve(identity: Identity, links: Iterable[Link] = (), states: Mapping[str, str] | None = None) -> Resolution:
    """Say where the establishment stands and who may stand in its place.

    `states`: what is known of other SIRETs, active or closed. One known closed is never proposed: its own successors
    are looked for instead, without going round in circles.
    """
    case = _case(identity)
    if case in (Case.OPEN, Case.UNKNOWN):
        return Resolution(case, (), "")
    proposals = _proposals(identity, tuple(links), states or {}, case)
    return Resolution(case, proposals, _sentence(identity, case, proposals))


def _case(identity: Identity) -> Case:
    if identity.unit_state == "ceased":
        return Case.CEASED
    if identity.establishment_state == "closed":
        return Case.CLOSED
    return Case.OPEN if identity.establishment_state == "active" else Case.UNKNOWN


def _proposals(
    identity: Identity, links: tuple[Link, ...], states: Mapping[str, str], case: Case
) -> tuple[Proposal, ...]:
    found = _heirs(identity, links, states)
    head = identity.head_office_siret
    if head and head != identity.siret and states.get(head) != "closed" and head not in {p.siret for p in found}:
        found.append(Proposal(head, Because.HEAD_OFFICE, head[:9] == identity.siren))
    if case is Case.CEASED:
        # Every establishment of a ceased company is closed.
        found = [proposal for proposal in found if not proposal.same_company]
    order = list(Because)
    return tuple(sorted(found, key=lambda p: (order.index(p.because), -(p.on or _NO_DAY).toordinal(), p.siret)))


def _heirs(identity: Identity, links: tuple[Link, ...], states: Mapping[str, str]) -> list[Proposal]:
    seen, heirs, row = {identity.siret}, list[Proposal](), [identity.siret]
    while row:
        following = sorted((link for link in links if link.predecessor in row), key=_strength)
        row = []
        for link in following:
            if link.successor in seen:
                continue
            seen.add(link.successor)
            if states.get(link.successor) == "closed":
                row.append(link.successor)
            else:
                same = link.successor[:9] == identity.siren
                heirs.append(Proposal(link.successor, _because(link), same, link.on))
    return heirs


def _because(link: Link) -> Because:
    if link.head_office_moved:
        return Because.HEAD_OFFICE_MOVED
    return Because.ECONOMIC_CONTINUITY if link.economic_continuity else Because.SUCCESSION


def _strength(link: Link) -> tuple[int, int, str]:
    return list(Because).index(_because(link)), -(link.on or _NO_DAY).toordinal(), link.successor


_REASONS = {
    Because.HEAD_OFFICE_MOVED: "le siège y a été transféré",
    Because.ECONOMIC_CONTINUITY: "l’activité y a été poursuivie",
    Because.SUCCESSION: "Sirene l’indique comme successeur",
    Because.HEAD_OFFICE: "c’est le siège de l’entreprise",
}


def reason(proposal: Proposal) -> str:
    """« le siège y a été transféré le 1er avril 2026 », to stand beside the number proposed."""
    when = f" le {french_day(proposal.on)}" if proposal.on and proposal.because is not Because.SUCCESSION else ""
    other = "" if proposal.same_company else " ; c’est une autre entreprise, avec un autre SIREN"
    return f"{_REASONS[proposal.because]}{when}{other}"


def _sentence(identity: Identity, case: Case, proposals: tuple[Proposal, ...]) -> str:
    asked = f"L’établissement {Siret(identity.siret)}"
    closed = f" depuis le {french_day(date.fromisoformat(identity.closed_on))}" if identity.closed_on else ""
    first = f"{Siret(proposals[0].siret)} : {reason(proposals[0])}" if proposals else ""
    if case is Case.CEASED:
        start = f"{asked} est celui d’une entreprise qui a cessé son activité, selon l’Insee."
        if not proposals:
            return f"{start} Si vous avez un autre numéro, indiquez-le ; si c’est une erreur, prévenez l’Insee."
        return f"{start} Répondez-vous pour {first} ? Confirmez-le, ou indiquez un autre SIRET."
    start = f"{asked} est fermé{closed}, mais l’entreprise est en activité."
    if not proposals:
        return f"{start} Nous ne savons pas lequel le remplace : indiquez le SIRET d’un établissement ouvert."
    return f"{start} Est-ce maintenant {first} ? Confirmez-le, ou indiquez un autre SIRET."
