"""The BODACC as a piece among others: a capacity of the company, read by the buyer after the opening.

It is open data: nothing protected is told by an answer. It is still not shown to whoever types a SIRET.
"""

from collections.abc import Mapping
from datetime import date, datetime

from siret_lookup.bodacc.notices import Notice
from siret_lookup.bodacc.state import Proceedings, State
from siret_lookup.body import day, flag, required, rows, section, text
from siret_lookup.outcome import Outcome, PieceResult

KEY = "bodacc"
KIND = "capacity"
TITLE = "Procédures collectives publiées au BODACC"
PROVIDER = "BODACC"
PERIMETER = "les entreprises inscrites à un registre dont un jugement de procédure collective a été publié depuis 2008"
SUBSTITUTE = "la copie du ou des jugements prononcés (R2143-9)"


def as_piece(found: Proceedings) -> PieceResult:
    """The same, as a piece: `facts` is JSON-able; only the texts that matter now are kept, not those of the past."""
    known = found.outcome is Outcome.OBTAINED
    return PieceResult(
        key=KEY,
        outcome=found.outcome,
        source=TITLE,
        provider=PROVIDER,
        fetched_at=found.fetched_at,
        facts=_facts(found) if known else {},
        retry_at=found.retry_at,
        detail=found.detail,
    )


def from_facts(siren: str, facts: Mapping[str, object], fetched_at: datetime) -> Proceedings:
    """Back from the facts of an obtained piece, for the sentences of words.py. Raises Unreadable, ValueError."""
    judgment = section(facts, "judgment")
    return Proceedings(
        siren=siren,
        outcome=Outcome.OBTAINED,
        fetched_at=fetched_at,
        state=State(required(facts, "state")),
        since=day(facts, "since"),
        judgment=_read(judgment) if judgment else None,
        ended=flag(facts, "ended") is True,
        expired=flag(facts, "expired") is True,
        to_read=tuple(_read(row) for row in rows(facts, "to_read")),
        history=tuple(_read(row) for row in rows(facts, "history")),
        dropped=tuple(_read(row) for row in rows(facts, "dropped")),
    )


def read_back(siren: str, result: PieceResult) -> Proceedings | None:
    """What an obtained piece of the BODACC tells; None for any other answer."""
    if result.key != KEY or result.outcome is not Outcome.OBTAINED:
        return None
    return from_facts(siren, result.facts, result.fetched_at)


def _facts(found: Proceedings) -> dict[str, object]:
    return {
        "state": found.state.value,
        "since": _iso(found.since),
        "judgment": _written(found.judgment, True) if found.judgment else None,
        "ended": found.ended,
        "expired": found.expired,
        "to_read": [_written(notice, True) for notice in found.to_read],
        "history": [_written(notice, False) for notice in found.history],
        "dropped": [_written(notice, False) for notice in found.dropped],
    }


def _written(notice: Notice, whole: bool) -> dict[str, object]:
    # A judgment's text names people: administrators, creditors' representatives.
    return {
        "id": notice.id,
        "url": notice.url,
        "kind": notice.kind,
        "published": _iso(notice.published),
        "court": notice.court,
        "family": notice.family,
        "nature": notice.nature,
        "judged_on": _iso(notice.judged_on),
        "complement": notice.complement if whole else None,
        "corrects": notice.corrects,
    }


def _read(row: Mapping[str, object]) -> Notice:
    return Notice(
        id=required(row, "id"),
        kind=required(row, "kind"),
        published=day(row, "published"),
        court=text(row, "court"),
        family=text(row, "family"),
        nature=text(row, "nature"),
        judged_on=day(row, "judged_on"),
        complement=text(row, "complement"),
        corrects=text(row, "corrects"),
    )


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
