"""What workers share: the minute's budget, calls under way, and what a buyer has learned already."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from api.context import Context
from api.db import now, reading, transaction
from api.remote.api_entreprise import Buyer, access_for
from api.steps import pieces as step
from procurement.candidacy import Candidacy, open_candidacy
from procurement.consultation import find
from procurement.counters import Counter
from procurement.events import Event
from procurement.flights import Flight, land, take_off
from procurement.people import User, person_of
from procurement.pieces import Piece, ask, ask_again
from siret_lookup.sources import SOURCES
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, Scene, another, published

COMPANIES = ["00001001700010", "00001002500013", "00001003300017", "00001005800014", "00001006600017", "00001008200014"]


def calm() -> None:
    """Away from the turn of a minute, where a call is counted in both minutes."""
    second = datetime.now(UTC).second
    if second < 2 or second > 48:
        time.sleep((62 - second) % 60 + 1)


def wait_for(scene: Scene, siret: str, *keys: str) -> str:
    """A candidacy with these pieces waiting; its ref."""
    with transaction(scene.context.database) as db:
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, find(db, scene.ref), siret, {"name": "Essai"}, account, now(db))
        ask(db, candidacy, keys, "test", now(db))
        return candidacy.ref


def pieces(context: Context, ref: str = "") -> list[Piece]:
    with reading(context.database) as db:
        query = db.query(Piece).join(Candidacy).order_by(Piece.id)
        return list(query.filter(Candidacy.ref == ref) if ref else query)


def calls(context: Context, group: str) -> int:
    with reading(context.database) as db:
        return sum(c.used for c in db.query(Counter).filter(Counter.name.endswith(f":{group}")))


def test_what_the_same_buyer_knows_is_not_asked_again(context: Context) -> None:
    calm()
    scene = published(context)
    first = wait_for(scene, BAKERY, "vigilance")
    assert step.fetch_due(context)
    second = wait_for(another(scene, "2026-B"), BAKERY, "vigilance")
    assert not step.fetch_due(context), "no call was made"
    (known,), (taken,) = pieces(context, first), pieces(context, second)
    assert (taken.state, taken.outcome, taken.reused_from) == ("settled", "obtained", known.ref)
    assert (taken.document_key, taken.fetched_at, taken.attempts) == (known.document_key, known.fetched_at, 0)
    assert calls(context, "urssaf_vigilance") == 1
    with reading(context.database) as db:
        last = db.query(Event).filter(Event.kind == "piece.settled").order_by(Event.id.desc()).first()
        assert last is not None
        assert last.data["reused"] == known.ref


def test_an_old_answer_and_another_buyer_s_are_not_taken_over(context: Context) -> None:
    calm()
    scene = published(context)
    wait_for(scene, BAKERY, "vigilance")
    step.fetch_due(context)
    elsewhere = wait_for(published(context, number="2026-AUTRE"), BAKERY, "vigilance")
    assert step.fetch_due(context)
    assert pieces(context, elsewhere)[0].reused_from is None
    with transaction(context.database) as db:
        for piece in db.query(Piece):
            piece.fetched_at = now(db) - timedelta(days=1, seconds=1)
    later = wait_for(another(scene, "2026-C"), BAKERY, "vigilance")
    assert step.fetch_due(context)
    assert pieces(context, later)[0].reused_from is None
    assert calls(context, "urssaf_vigilance") == 3


def test_what_an_officer_asks_again_is_really_asked(context: Context) -> None:
    calm()
    scene = published(context)
    wait_for(scene, BAKERY, "vigilance")
    step.fetch_due(context)
    ref = wait_for(another(scene, "2026-B"), BAKERY, "vigilance")
    step.fetch_due(context)
    with transaction(context.database) as db:
        again = db.query(Piece).join(Candidacy).filter(Candidacy.ref == ref).one()
        ask_again(db, again, "agent@ville.example", now(db))
    assert step.fetch_due(context)
    assert pieces(context, ref)[0].attempts == 1
    assert calls(context, "urssaf_vigilance") == 2


def test_a_spent_budget_makes_wait_without_counting_a_try(context: Context) -> None:
    calm()
    scene = published(context)
    refs = [wait_for(scene, siret, "attestation_fiscale") for siret in COMPANIES]
    other = wait_for(scene, BAKERY, "attestation_fiscale", "chiffres_affaires")
    while step.fetch_due(context):
        pass
    rows = pieces(context)
    waiting = [p for p in rows if p.key == "attestation_fiscale" and p.state == "waiting" and p.attempts == 0]
    assert calls(context, "dgfip_attestation_fiscale") == 5
    assert [p.key for p in waiting] == ["attestation_fiscale"]
    turn = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1, seconds=1)
    assert waiting[0].next_try_at == turn
    assert {p.outcome for p in pieces(context, other) if p.key == "chiffres_affaires"} == {"obtained"}
    assert len(refs) == len(COMPANIES)


def test_two_workers_at_once_spend_one_budget_and_never_wait_for_each_other(context: Context) -> None:
    calm()
    scene = published(context)
    for siret in COMPANIES:
        wait_for(scene, siret, "attestation_fiscale", "chiffres_affaires", "insee_unite_legale")
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: [step.fetch_due(context) for _ in range(3)], range(2)))
    assert calls(context, "dgfip_attestation_fiscale") == 5
    rows = pieces(context)
    assert [p.key for p in rows if p.outcome is None] == ["attestation_fiscale"]
    assert {p.attempts for p in rows if p.outcome is None} == {0}


def test_the_same_call_is_never_under_way_twice(context: Context) -> None:
    calm()
    scene = published(context)
    ref = wait_for(scene, REFUSED_BY_URSSAF, "vigilance")
    with transaction(context.database) as db:
        piece = db.query(Piece).one()
        access = access_for(context, Buyer.of(piece.candidacy.consultation))
        name = step.flight_of(SOURCES["vigilance"], REFUSED_BY_URSSAF, access.token_id)
        assert take_off(db, {0: name}, now(db) + timedelta(seconds=30), now(db)) == {0}
    assert not step.fetch_due(context)
    held = pieces(context, ref)[0]
    assert (held.state, held.attempts, held.outcome) == ("waiting", 0, None)
    with transaction(context.database) as db:
        land(db, {0: name})
        db.query(Piece).one().next_try_at = now(db)
    assert step.fetch_due(context)
    assert pieces(context, ref)[0].outcome == "refused_by_authority"
    with reading(context.database) as db:
        assert db.query(Flight).count() == 0
