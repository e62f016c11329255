"""A candidacy's verbs: drafts belong to accounts, deposits are frozen, nothing is counted before the opening."""

from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from api.db import Database, now, transaction
from procurement import candidacy as candidacies
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import Consultation, draft, end, publish
from procurement.errors import DomainError, Invalid, NotFound, Refused
from procurement.events import chain_holds, move, register
from procurement.opening import open_plis
from procurement.people import Organisation, Person, User, person_of
from procurement.pieces import CAPACITY, GIVE_UP_AFTER, WINNER, Piece, ask, claim_pieces, keep_result
from procurement.receipts import claim_receipt
from tests.factories import make_account, make_buyer, make_company, make_company_member, make_officer, make_siret

SIRET = make_siret(41)
GIVEN = {"capacity": "gérante", "insurance": "n° 42"}


class Ground:
    """One published consultation, its officer and an account, inside one transaction."""

    def __init__(self, db: Session, buyer: Organisation, officer: User, account: User) -> None:
        self.db = db
        self.now = now(db)
        self.officer = person_of(db.get_one(User, officer.id))
        self.account = person_of(db.get_one(User, account.id))
        deadline = self.now + timedelta(days=20)
        dossier = {
            "reference": f"C-{db.query(Consultation).count()}",
            "object": "Essai",
            "deadline": deadline.isoformat(),
        }
        where = db.get_one(Organisation, buyer.id)
        self.consultation = draft(db, where, dossier, self.officer, self.now)
        publish(db, self.consultation, [], "age1essai", b"cle", self.officer, self.now)
        self.late = deadline

    def open(self, account: Person | None = None, siret: str = SIRET) -> Candidacy:
        who = account or self.account
        return candidacies.open_candidacy(self.db, self.consultation, siret, {"name": "Essai"}, who, self.now)[0]

    def deposit(self, candidacy: Candidacy) -> Candidacy:
        candidacies.answer(candidacy, GIVEN, {}, self.now)
        candidacies.submit(self.db, candidacy, True, self.now)
        return candidacy


def people(database: Database) -> tuple[Organisation, User, User]:
    buyer = make_buyer(database)
    return buyer, make_officer(database, buyer), make_account(database)


def a_file(kind: str = "candidacy", at: datetime = datetime(2026, 11, 1, tzinfo=UTC)) -> CandidacyFile:
    return CandidacyFile(kind=kind, name="a.pdf", size=1, sha256="0" * 64, key="plis/x", started_at=at, received_at=at)


VERBS = ("open", "answer", "submit", "unattested", "replace", "withdraw", "file", "deadline")


def do(ground: Ground, verb: str) -> None:
    latest = ground.db.query(Candidacy).filter_by(consultation_id=ground.consultation.id).order_by(Candidacy.id.desc())
    candidacy = latest.first() or ground.open()
    match verb:
        case "open":
            ground.open()
        case "answer":
            candidacies.answer(candidacy, GIVEN, {"name": "Autre"}, ground.now)
        case "submit" | "unattested":
            candidacies.submit(ground.db, candidacy, verb == "submit", ground.now)
        case "replace":
            candidacies.replace(ground.db, candidacy, ground.now)
        case "withdraw":
            candidacies.withdraw(ground.db, candidacy, ground.now)
        case "deadline":
            ground.now = ground.late
        case "file":
            candidacies.add_file(candidacy, a_file())


@settings(max_examples=20)
@given(walk=st.lists(st.sampled_from(VERBS), max_size=14))
def test_whatever_the_walk_one_deposit_stands_and_has_its_events(database: Database, walk: list[str]) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        for verb in walk:
            try:
                do(here, verb)
            except DomainError:
                continue
        rows = db.query(Candidacy).filter_by(consultation_id=here.consultation.id).all()
        assert sum(row.state == "submitted" for row in rows) <= 1
        for row in rows:
            assert row.submitted_at is None or (row.submitted_at >= here.late) == (row.state == "late")
            assert (row.snapshot is None) == (row.state == "draft")
            assert row.snapshot is None or row.snapshot_sha256 == candidacies.sha256_json(row.snapshot)
            kinds = [event.kind for event in register(db, here.consultation) if event.subject == row.ref]
            assert kinds[-1].removeprefix("candidacy.") == {"draft": "created"}.get(row.state, row.state)
        assert chain_holds(db, here.consultation)


def test_a_draft_is_the_account_s_alone(database: Database) -> None:
    who, other = people(database), make_account(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        stranger = person_of(db.get_one(User, other.id))
        mine, theirs = here.open(), here.open(stranger)
        assert here.open() is mine
        assert theirs.ref != mine.ref
        for person in (stranger, here.officer):
            with pytest.raises(NotFound):
                candidacies.find_own(db, mine.ref, person)
        with pytest.raises(NotFound):
            candidacies.find_own_locked(db, "000000000000", here.account)
        assert candidacies.find_own_locked(db, mine.ref, here.account) is mine
        here.deposit(mine)
        here.deposit(theirs)
        assert {mine.state, theirs.state} == {"submitted"}


def test_an_unverified_account_opens_nothing_nor_does_anyone_once_the_procedure_is_stopped(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        with pytest.raises(Refused, match="Confirmez"):
            here.open(changed(here.account, verified=False))
        end(db, here.consultation, "cancelled", "Le besoin a disparu.", here.officer, here.now)
        with pytest.raises(Refused, match="ne reçoit plus"):
            here.open()


def test_belonging_is_declared_until_it_is_proven(database: Database) -> None:
    who, member = people(database), make_company_member(database, make_company(database, SIRET))
    with transaction(database) as db:
        here = Ground(db, *who)
        assert here.open().belonging == "declared"
        assert here.open(person_of(db.get_one(User, member.id))).belonging == "proven"


@pytest.mark.parametrize("late", [False, True])
def test_the_second_of_the_deadline_decides(database: Database, late: bool) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        candidacy = here.open()
        candidacies.answer(candidacy, GIVEN, {}, here.now)
        here.now = here.late if late else here.late - timedelta(microseconds=1)
        candidacies.submit(db, candidacy, True, here.now)
        assert candidacy.submitted_at == here.now
        assert candidacy.state == ("late" if late else "submitted")


def test_a_late_deposit_is_taken_closed_and_one_made_in_time_stands(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        first = here.deposit(here.open())
        second = candidacies.replace(db, first, here.now)
        here.now = here.late
        candidacies.add_file(second, a_file("offer", here.now))
        here.deposit(second)
        assert (first.state, second.state) == ("submitted", "late")
        with pytest.raises(Refused, match="scellés"):
            candidacies.received_late(db, here.consultation)
        assert open_plis(db, here.consultation, here.officer, here.late) == [first]
        assert candidacies.received_late(db, here.consultation) == [("Essai", here.late)]
        with pytest.raises(NotFound):
            candidacies.find_received(db, here.consultation, second.ref)
        for verb in ("answer", "submit", "file", "replace", "withdraw"):
            with pytest.raises(Refused):
                do(here, verb)
        assert here.open() is second
        assert {piece.candidacy_id for piece in db.query(Piece)} == {first.id}


@pytest.mark.parametrize("state", ["awarded", "abandoned"])
def test_after_the_decision_not_even_a_late_answer_is_taken(database: Database, state: str) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        here.open()
        for to in ("opened", "intended", state):
            move(db, here.consultation, here.consultation, to, "essai", here.late)
        for verb in ("answer", "submit", "file"):
            with pytest.raises(Refused, match="ne reçoit plus"):
                do(here, verb)


def test_a_deposit_asks_for_what_nobody_else_knows(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        candidacy = here.open()
        with pytest.raises(Invalid) as found:
            candidacies.submit(db, candidacy, False, here.now)
        assert set(found.value.fields) == {"capacity", "insurance", "attested"}
        with pytest.raises(Invalid):
            candidacies.answer(candidacy, {"unknown": "x"}, {}, here.now)
        with pytest.raises(Invalid):
            candidacies.answer(candidacy, {"references": "x" * 4001}, {}, here.now)


def test_a_correction_stands_beside_and_can_be_taken_back(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        candidacy = here.open()
        candidacies.answer(candidacy, {}, {"name": " Neuf ", "address": ""}, here.now)
        assert candidacy.name == "Neuf"
        assert candidacy.identity == {"name": "Essai"}
        assert candidacy.corrections == {"name": "Neuf", "typed_at": here.now.isoformat()}
        candidacies.answer(candidacy, {}, {"name": ""}, here.now)
        assert candidacy.corrections == {}


def test_files_and_amount_follow_into_a_replacement(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        first = here.open()
        candidacies.add_file(first, a_file("offer"))
        candidacies.set_amount(first, b"scelle")
        here.deposit(first)
        second = candidacies.replace(db, first, here.now)
        assert candidacies.replace(db, first, here.now) is second
        assert [f.key for f in second.files] == ["plis/x"]
        assert second.files[0].ref != first.files[0].ref
        assert second.offer_amount == b"scelle"
        candidacies.remove_file(db, second, second.files[0].ref)
        assert second.files == []
        assert len(first.files) == 1
        here.deposit(second)
        assert (first.state, second.state) == ("replaced", "submitted")
        with pytest.raises(Refused):
            candidacies.remove_file(db, first, first.files[0].ref)


def test_an_offer_is_refused_where_it_is_received_elsewhere_and_files_are_counted(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        candidacy = here.open()
        here.consultation.offers_here, here.consultation.offers_elsewhere = False, "https://offres.exemple.fr"
        with pytest.raises(Refused, match="se dépose ailleurs"):
            candidacies.add_file(candidacy, a_file("offer"))
        with pytest.raises(Refused, match="se dépose ailleurs"):
            candidacies.set_amount(candidacy, b"x")
        for _ in range(50):
            candidacies.add_file(candidacy, a_file())
        with pytest.raises(Refused, match="Cinquante"):
            candidacies.add_file(candidacy, a_file())


def test_nobody_gets_a_list_before_the_opening_and_the_opening_waits_for_the_deadline(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        candidacy = here.deposit(here.open())
        with pytest.raises(Refused, match="scellés"):
            candidacies.received(db, here.consultation)
        with pytest.raises(Refused, match="date limite"):
            open_plis(db, here.consultation, here.officer, here.late - timedelta(microseconds=1))
        assert open_plis(db, here.consultation, here.officer, here.late) == [candidacy]
        assert {piece.key for piece in db.query(Piece)} == set(CAPACITY)
        assert candidacies.find_received(db, here.consultation, candidacy.ref) is candidacy
        with pytest.raises(NotFound):
            candidacies.find_received(db, here.consultation, "000000000000")
        with pytest.raises(Refused):
            open_plis(db, here.consultation, here.officer, here.late)


def test_a_receipt_is_leased_to_one_worker_until_the_lease_ends(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        assert claim_receipt(db, here.now) is None
        candidacy = here.deposit(here.open())
        assert claim_receipt(db, here.now) is candidacy
        db.flush()
        assert claim_receipt(db, here.now + timedelta(minutes=1)) is None
        assert claim_receipt(db, here.now + timedelta(minutes=2)) is candidacy
        candidacy.receipt_sha256 = "0" * 64
        db.flush()
        assert claim_receipt(db, here.now + timedelta(hours=1)) is None


def test_a_piece_waits_is_leased_and_is_given_up_after_eight_tries(database: Database) -> None:
    who = people(database)
    with transaction(database) as db:
        here = Ground(db, *who)
        (piece,) = ask(db, here.open(), WINNER[:1], "essai", here.now)
        assert ask(db, piece.candidacy, WINNER[:1], "essai", here.now) == []
        moment, lease = here.now, timedelta(seconds=90)
        for attempt in range(1, GIVE_UP_AFTER + 1):
            assert claim_pieces(db, moment, lease, 5) == [piece]
            db.flush()
            assert claim_pieces(db, moment + timedelta(seconds=89), lease, 5) == []
            assert (piece.attempts, piece.state) == (attempt, "waiting")
            retry = moment + timedelta(minutes=5)
            keep_result(db, piece, {"outcome": "unavailable", "fetched_at": moment}, retry, moment)
            db.flush()
            moment = retry
        assert (piece.state, piece.next_try_at) == ("settled", None)
        assert claim_pieces(db, moment, lease, 5) == []
