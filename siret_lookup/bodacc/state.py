"""From all the notices of a SIREN to its situation today. Pure: the order in which notices come does not matter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from siret_lookup.bodacc.notices import CANCELLATION, CORRECTION, Notice
from siret_lookup.bodacc.rules import WITHDRAWING_FAMILY, Effect, effect_of, plain
from siret_lookup.outcome import Outcome

# Past this without a new judgment, proceedings are held to be over though no closing was published.
EXPIRES_AFTER_YEARS = 10
_NEVER = date.min


class State(StrEnum):
    """The situation that the notices tell."""

    NONE = "none"
    SAUVEGARDE = "sauvegarde"
    SAUVEGARDE_PLAN = "sauvegarde_plan"
    REDRESSEMENT = "redressement"
    REDRESSEMENT_PLAN = "redressement_plan"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True)
class Proceedings:
    """The collective proceedings of one SIREN. Without an `obtained` outcome nothing is known: never « none ».

    `judgment` decides, `since` is the first day of this situation. With state `none`: `ended` says that proceedings
    were closed, `expired` that the last judgment is over ten years old, and `judgment` is then that one. `to_read` are
    later notices that no rule can tell. `history` is what was read, latest first; `dropped` what was cancelled or
    replaced.
    """

    siren: str
    outcome: Outcome
    fetched_at: datetime
    state: State = State.NONE
    since: date | None = None
    judgment: Notice | None = None
    ended: bool = False
    expired: bool = False
    to_read: tuple[Notice, ...] = ()
    history: tuple[Notice, ...] = ()
    dropped: tuple[Notice, ...] = ()
    retry_at: datetime | None = None
    detail: str | None = None


def current(siren: str, notices: Iterable[Notice], now: datetime) -> Proceedings:
    """The situation at `now`, from all the notices of a SIREN, each once or more, in any order."""
    every = sorted({notice.id: notice for notice in sorted(notices, key=repr)}.values(), key=_rank)
    dead = _dead(every)
    living = [notice for notice in every if notice.id not in dead and _kind(notice) != CANCELLATION]
    telling = [n for n in living if effect_of(n) not in (Effect.NEUTRAL, Effect.UNTOLD)]
    judgment = telling[-1] if telling else None
    ended = judgment is not None and effect_of(judgment) is Effect.ENDED
    expired = judgment is not None and not ended and _expired(living, now.date())
    state = State.NONE if judgment is None or ended or expired else State(effect_of(judgment).value)
    later = [n for n in living if judgment is None or _rank(n) > _rank(judgment)]
    to_read = [n for n in later if effect_of(n) is Effect.UNTOLD] + _aimless(every, dead)
    return Proceedings(
        siren=siren,
        outcome=Outcome.OBTAINED,
        fetched_at=now,
        state=state,
        since=_since(telling) if judgment else None,
        judgment=judgment,
        ended=ended,
        expired=expired,
        to_read=tuple(sorted(to_read, key=_rank)),
        history=tuple(reversed(living)),
        dropped=tuple(reversed([notice for notice in every if notice not in living])),
    )


def _rank(notice: Notice) -> tuple[date, date, str]:
    return notice.on or _NEVER, notice.published or _NEVER, notice.id


def _kind(notice: Notice) -> str:
    """A judgment withdrawn on third-party opposition cancels as a cancellation does."""
    return CANCELLATION if WITHDRAWING_FAMILY in plain(notice.family) else notice.kind


def _dead(notices: list[Notice]) -> set[str]:
    """What was cancelled or replaced. The latest published speaks first: what it cancels cancels nothing any more."""
    published = {notice.id: notice.published or _NEVER for notice in notices}
    dead: set[str] = set()
    for notice in sorted(notices, key=lambda n: (published[n.id], n.id), reverse=True):
        target = notice.corrects
        if notice.id in dead or target is None or not _undoes(notice):
            continue
        if target in published and (published[target], target) < (published[notice.id], notice.id):
            dead.add(target)
    return dead


def _undoes(notice: Notice) -> bool:
    """A correction stands in the place of what it corrects; without a judgment of its own it could not."""
    return _kind(notice) == CANCELLATION or (_kind(notice) == CORRECTION and notice.nature is not None)


def _aimless(notices: list[Notice], dead: set[str]) -> list[Notice]:
    """Cancellations that do not say of what: a person has to read them."""
    return [n for n in notices if _kind(n) == CANCELLATION and n.corrects is None and n.id not in dead]


def _expired(living: list[Notice], today: date) -> bool:
    last = max((notice.on or _NEVER for notice in living), default=_NEVER)
    return (today.year - last.year, today.month, today.day) > (EXPIRES_AFTER_YEARS, last.month, last.day)


def _since(telling: list[Notice]) -> date | None:
    effect, first = effect_of(telling[-1]), telling[-1]
    for notice in reversed(telling):
        if effect_of(notice) is not effect:
            break
        first = notice
    return first.on
