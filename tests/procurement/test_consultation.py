"""A consultation's verbs: dates decide, motives are kept, strangers get nothing."""

from datetime import timedelta

import pytest

from api.db import Database, now, transaction
from procurement import consultation as consultations
from procurement.consultation import Consultation
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person, User, person_of
from tests.factories import make_account, make_buyer, make_officer
from tests.procurement.test_events import a_consultation


def published(database: Database, days: float = 20) -> tuple[int, Person]:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        consultation, person = a_consultation(db, buyer, officer)
        consultation.deadline = now(db) + timedelta(days=days)
        consultations.publish(db, consultation, [], "age1test", b"wrapped", person, now(db))
        return consultation.id, person


def test_it_is_closed_at_the_very_second_of_its_deadline(database: Database) -> None:
    number, _ = published(database)
    with transaction(database) as db:
        consultation = db.get_one(Consultation, number)
        assert consultation.deadline is not None
        assert consultation.receives(consultation.deadline - timedelta(microseconds=1))
        assert not consultation.receives(consultation.deadline)


def test_publishing_after_the_deadline_is_refused(database: Database) -> None:
    with pytest.raises(Refused, match="déjà passée"):
        published(database, days=-1)


def test_a_deadline_only_moves_later_and_only_while_open(database: Database) -> None:
    number, person = published(database)
    with transaction(database) as db:
        consultation = db.get_one(Consultation, number)
        before = consultation.deadline
        assert before is not None
        with pytest.raises(Invalid):
            consultations.extend(db, consultation, before - timedelta(hours=1), person, now(db))
        consultations.extend(db, consultation, before + timedelta(days=1), person, now(db))
        assert consultation.deadline == before + timedelta(days=1)
        with pytest.raises(Refused):
            consultations.extend(db, consultation, before + timedelta(days=9), person, before + timedelta(days=2))


@pytest.mark.parametrize("motive", ["", "   ", "court"])
def test_ending_or_passing_over_asks_a_motive(database: Database, motive: str) -> None:
    number, person = published(database)
    with transaction(database) as db:
        consultation = db.get_one(Consultation, number)
        with pytest.raises(Invalid):
            consultations.end(db, consultation, "cancelled", motive, person, now(db))
        with pytest.raises(Invalid):
            consultations.pass_over(db, consultation, "R9", motive, person, now(db))
        assert consultation.state == "published"


def test_a_stranger_and_a_wrong_ref_get_the_same_answer(database: Database) -> None:
    number, person = published(database)
    stranger = person_of_user(database, make_account(database))
    with transaction(database) as db:
        ref = db.get_one(Consultation, number).ref
        assert consultations.find_for(db, ref, person).id == number
        with pytest.raises(NotFound) as theirs:
            consultations.find_for(db, ref, stranger)
        with pytest.raises(NotFound) as nowhere:
            consultations.find_for(db, "0" * 12, person)
        assert theirs.value.sentence == nowhere.value.sentence


def person_of_user(database: Database, user: User) -> Person:
    with transaction(database) as db:
        return person_of(db.get_one(User, user.id))


def test_a_draft_is_not_public_and_search_ignores_accents(database: Database) -> None:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        consultation, person = a_consultation(db, buyer, officer)
        with pytest.raises(NotFound):
            consultations.find_public(db, consultation.ref)
        consultations.publish(db, consultation, [], "age1test", b"wrapped", person, now(db))
        assert consultations.find_public(db, consultation.ref) is consultation
        assert consultation.ref in [c.ref for c in consultations.public_list(db, "ECOLES nettoyage", None, 500)]
        assert consultation.ref not in [c.ref for c in consultations.public_list(db, "100% _", None, 500)]
