"""The register: one line per change of state, chained; nothing else changes a state."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.db import Database, now, transaction
from procurement import consultation as consultations
from procurement.consultation import Consultation
from procurement.errors import DomainError, Refused
from procurement.events import Event, chain_holds, move, register
from procurement.people import Organisation, Person, User, person_of
from tests.factories import make_buyer, make_officer

STATES = sorted(consultations.MOVES)


def a_consultation(db: Session, buyer: Organisation, user: User) -> tuple[Consultation, Person]:
    person = person_of(db.get_one(User, user.id))
    where = db.get_one(Organisation, buyer.id)
    number = f"C-{db.query(Consultation).count() + 1}"
    deadline = (now(db) + timedelta(days=20)).isoformat()
    dossier = {"reference": number, "object": "Nettoyage des écoles", "deadline": deadline}
    return consultations.draft(db, where, dossier, person, now(db)), person


@settings(max_examples=15)
@given(walk=st.lists(st.sampled_from(STATES), max_size=12))
def test_each_change_of_state_has_its_event_whatever_the_walk(database: Database, walk: list[str]) -> None:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        consultation, person = a_consultation(db, buyer, officer)
        path = [consultation.state]
        for state in walk:
            try:
                move(db, consultation, consultation, state, person.email, now(db))
            except Refused:
                assert state not in consultations.MOVES[path[-1]]
            else:
                path.append(state)
        assert consultation.state == path[-1]
        moves = [e for e in register(db, consultation) if "came_from" in e.data]
        assert [(e.data["came_from"], e.kind) for e in moves] == [
            (before, f"consultation.{after}") for before, after in itertools.pairwise(path)
        ]
        assert chain_holds(db, consultation)


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE event SET actor = 'quelqu’un d’autre' WHERE seq = 2",
        "DELETE FROM event WHERE seq = 2",
        "UPDATE event SET seq = 9 WHERE seq = 3",
    ],
)
def test_a_line_changed_removed_or_moved_breaks_the_chain(database: Database, tamper: str) -> None:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        consultation, person = a_consultation(db, buyer, officer)
        consultations.pass_over(db, consultation, "R1", "Un motif assez long.", person, now(db))
        consultations.pass_over(db, consultation, "R2", "Un autre motif assez long.", person, now(db))
        assert chain_holds(db, consultation)
        db.execute(text(tamper))
        db.expire_all()
        assert not chain_holds(db, consultation)


def test_two_writers_never_share_a_number(database: Database) -> None:
    buyer = make_buyer(database)
    officer = make_officer(database, buyer)
    with transaction(database) as db:
        consultation, _ = a_consultation(db, buyer, officer)
    with transaction(database) as db:
        again = db.get_one(Consultation, consultation.id)
        with pytest.raises(DomainError):
            move(db, again, again, "awarded", "x", now(db))
        assert [e.seq for e in db.query(Event).filter_by(consultation_id=again.id)] == [1]
