"""Proofs of a running contract: the calendar, what is asked again in time, and nothing once it has ended."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.context import Context
from api.db import now, transaction
from api.steps.renewals import renew_one
from procurement.contract import Contract, paris_day
from procurement.events import Event
from procurement.mail import Mail
from procurement.people import Membership
from procurement.pieces import Piece
from procurement.renewals import contract_end, proofs_due, strict_end
from siret_lookup.periods import later
from tests.award_scene import in_effect

DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))


@given(DAYS, st.integers(0, 120))
def test_so_many_months_later_is_never_in_another_month(day: date, months: int) -> None:
    found = later(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or later(found.replace(day=1), 1) - timedelta(days=1) == found


def vigilance(context: Context, ends_in: int | None, outcome: str = "obtained") -> None:
    """The winner's certificate ends (strictly) so many days from now; the other proofs do not count."""
    with transaction(context.database) as db:
        today = paris_day(now(db))
        for piece in db.query(Piece):
            piece.outcome = outcome if piece.key == "vigilance" else "not_applicable"
            if piece.key == "vigilance":
                piece.valid_until = piece.valid_strictly_until = (
                    None if ends_in is None else today + timedelta(days=ends_in)
                )


def state(context: Context) -> tuple[str, date | None, int]:
    """The certificate's state, when the contract is looked at next, messages about renewals."""
    with transaction(context.database) as db:
        piece = db.query(Piece).filter_by(key="vigilance").one()
        mails = db.query(Mail).filter(Mail.subject.contains("preuves à renouveler")).count()
        return piece.state, db.query(Contract).one().renew_on, mails


def today(context: Context) -> date:
    with transaction(context.database) as db:
        return paris_day(now(db))


def test_what_lasts_is_left_alone_until_a_month_before_its_end(context: Context) -> None:
    in_effect(context)
    vigilance(context, ends_in=100)
    assert renew_one(context)
    assert state(context) == ("settled", today(context) + timedelta(days=70), 0)
    assert not renew_one(context)


@pytest.mark.parametrize(("ends_in", "outcome"), [(29, "obtained"), (-3, "obtained"), (None, "refused_by_authority")])
def test_what_runs_out_is_asked_again_and_both_sides_are_told(
    context: Context, ends_in: int | None, outcome: str
) -> None:
    scene = in_effect(context)
    vigilance(context, ends_in, outcome)
    assert renew_one(context)
    assert state(context) == ("waiting", today(context) + timedelta(days=14), 3)
    with transaction(context.database) as db:
        told = {mail.to for mail in db.query(Mail).filter(Mail.subject.contains("renouveler"))}
        assert told == {scene.officer.email, scene.finance.email, scene.winner.email}
        assert db.query(Event).filter_by(kind="contract.renewal").one().data["keys"] == ["vigilance"]
    assert not renew_one(context)


def test_who_left_the_buyer_is_not_written_to(context: Context) -> None:
    scene = in_effect(context)
    vigilance(context, ends_in=10)
    with transaction(context.database) as db:
        role = db.query(Membership).filter_by(user_id=scene.finance.id).one()
        role.ended_at = now(db)
    assert renew_one(context)
    with transaction(context.database) as db:
        told = {mail.to for mail in db.query(Mail).filter(Mail.subject.contains("preuves à renouveler"))}
    assert scene.officer.email in told
    assert scene.finance.email not in told


def test_nothing_is_asked_once_the_contract_has_ended(context: Context) -> None:
    in_effect(context)
    vigilance(context, ends_in=1)
    with transaction(context.database) as db:
        contract = db.query(Contract).one()
        contract.received_on = date(2015, 1, 31)
        assert contract_end(contract) < date(2026, 1, 1)  # type: ignore[operator]
    assert renew_one(context)
    assert state(context) == ("settled", None, 0)
    assert not renew_one(context)


def piece(key: str, at: datetime, **columns: object) -> Piece:
    return Piece(key=key, state="settled", outcome="obtained", fetched_at=at, **columns)


def test_the_calendar_says_both_ends_and_counts_where_the_authority_gives_none(context: Context) -> None:
    with transaction(context.database) as db:
        at = now(db)
    day = paris_day(at)
    dated = piece("vigilance", at, valid_until=day + timedelta(days=50), valid_strictly_until=day + timedelta(days=20))
    undated = piece("msa_conformite", at)
    register = piece("infogreffe_extrait", at)
    dues = proofs_due([undated, register, dated], day)
    assert [(d.strictly_until, d.state) for d in dues] == [
        (day + timedelta(days=20), "soon"),
        (later(day, 6) - timedelta(days=1), "valid"),
    ]
    assert dues[0].until == day + timedelta(days=50)
    assert proofs_due([dated], day + timedelta(days=21))[0].state == "past"
    assert strict_end(Piece(key="vigilance", outcome="not_found", fetched_at=at)) is None
