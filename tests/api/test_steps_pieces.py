"""Pieces fetched by the worker over real HTTP: outcomes, tokens, quotas, and a worker killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from api import secretbox, worker
from api.context import Context
from api.db import now, reading, transaction
from api.remote.api_entreprise import CountedQuotas
from api.settings import ROOT
from api.steps import pieces as step
from api.storage import Storage
from procurement.candidacy import open_candidacy
from procurement.consultation import find
from procurement.people import Organisation, User, person_of
from procurement.pieces import Piece, ask
from tests.candidacy_scene import BAKERY, REFUSED_BY_URSSAF, SLOW, Scene, published


def asked(context: Context, siret: str, *keys: str) -> Scene:
    """A candidacy whose pieces are waiting."""
    scene = published(context)
    with transaction(context.database) as db:
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, find(db, scene.ref), siret, {"name": "Essai"}, account, now(db))
        ask(db, candidacy, keys, "test", now(db))
    return scene


def only_piece(context: Context) -> Piece:
    with reading(context.database) as db:
        return db.query(Piece).one()


def test_a_certificate_is_fetched_stored_and_dated(context: Context) -> None:
    asked(context, BAKERY, "vigilance")
    assert step.fetch_due(context)
    piece = only_piece(context)
    assert (piece.state, piece.outcome) == ("settled", "obtained")
    assert context.storage.get(piece.document_key or "").startswith(b"%PDF")
    assert piece.valid_until is not None
    assert piece.valid_strictly_until is not None
    assert len(piece.reply_sha256 or "") == 64
    assert piece.request_id
    assert not step.fetch_due(context)


def test_an_answer_without_certificate_is_settled_and_stores_nothing(context: Context) -> None:
    asked(context, REFUSED_BY_URSSAF, "vigilance")
    step.fetch_due(context)
    piece = only_piece(context)
    assert (piece.state, piece.outcome, piece.document_key) == ("settled", "refused_by_authority", None)


def test_an_outage_waits_for_its_retry_time(context: Context) -> None:
    asked(context, "00001008200014", "vigilance")
    worker.run_once(context)
    piece = only_piece(context)
    assert (piece.state, piece.outcome, piece.attempts) == ("waiting", "unavailable", 1)
    assert piece.next_try_at is not None
    assert piece.fetched_at is not None
    assert piece.next_try_at > piece.fetched_at


@pytest.mark.parametrize("token", ["sandbox-token-expire", "sandbox-token-sans-droits", "jeton avec espace"])
def test_the_buyer_s_own_token_is_the_one_that_is_used(context: Context, token: str) -> None:
    scene = asked(context, BAKERY, "insee_unite_legale")
    with transaction(context.database) as db:
        buyer = db.get_one(Organisation, scene.buyer.id)
        buyer.token_sealed = secretbox.seal(context.secret, f"token:{buyer.ref}", token.encode())
    step.fetch_due(context)
    assert only_piece(context).outcome == "not_authorised"


def test_a_token_sealed_with_another_key_is_the_administrator_s_to_repair(context: Context) -> None:
    scene = asked(context, BAKERY, "insee_unite_legale")
    with transaction(context.database) as db:
        db.get_one(Organisation, scene.buyer.id).token_sealed = secretbox.seal("z" * 48, "token:x", b"jeton")
    step.fetch_due(context)
    assert only_piece(context).facts["detail"] == "Le jeton de l’acheteur ne peut plus être lu."


def test_an_install_without_address_or_token_says_so(context: Context) -> None:
    asked(context, BAKERY, "insee_unite_legale")
    step.fetch_due(replace(context, services={}))
    assert only_piece(context).outcome == "unavailable"
    with transaction(context.database) as db:
        db.query(Piece).one().next_try_at = now(db)
    settings = context.settings.model_copy(update={"api_entreprise_url": context.url("api_entreprise")})
    step.fetch_due(replace(context, settings=settings))
    assert only_piece(context).outcome == "not_authorised"


def test_the_install_s_token_serves_a_buyer_without_one(context: Context) -> None:
    asked(context, BAKERY, "insee_unite_legale")
    settings = context.settings.model_copy(update={"api_entreprise_token": SecretStr("sandbox-token-liste-noire")})
    step.fetch_due(replace(context, settings=settings))
    assert only_piece(context).outcome == "not_authorised"


def test_a_worker_that_lost_its_lease_writes_nothing(context: Context) -> None:
    asked(context, BAKERY, "insee_unite_legale")
    _, (job,) = step.claim(context)
    with transaction(context.database) as db:
        db.query(Piece).one().attempts += 1
    assert step.record(context, [(job, step.call(context, job), None)]) == []
    assert only_piece(context).outcome is None


def test_several_pieces_are_fetched_side_by_side(context: Context) -> None:
    keys = ("insee_etablissement", "insee_unite_legale", "infogreffe_extrait", "chiffres_affaires")
    asked(context, BAKERY, *keys)
    assert step.fetch_due(context)
    with reading(context.database) as db:
        assert {p.outcome for p in db.query(Piece)} == {"obtained"}


def test_a_document_that_cannot_be_stored_takes_no_other_answer_with_it(context: Context, tmp_path: Path) -> None:
    asked(context, BAKERY, "vigilance", "insee_unite_legale")
    (tmp_path / "pieces").write_text("a file where the folder should be")
    with pytest.raises(ExceptionGroup, match="could not be kept"):
        step.fetch_due(replace(context, storage=Storage(f"file://{tmp_path}")))
    with reading(context.database) as db:
        assert {p.key: p.outcome for p in db.query(Piece)} == {"vigilance": None, "insee_unite_legale": "obtained"}


def test_an_answer_that_cannot_be_written_takes_no_other_with_it(context: Context) -> None:
    asked(context, BAKERY, "chiffres_affaires", "insee_unite_legale")
    _, jobs = step.claim(context)
    answers = [(job, step.call(context, job), None) for job in jobs]
    bad = replace(answers[0][1], facts={"never JSON": object()})
    assert len(step.record(context, [(jobs[0], bad, None), *answers[1:]])) == 1
    with reading(context.database) as db:
        assert {p.key: p.state for p in db.query(Piece)} == {jobs[0].key: "waiting", jobs[1].key: "settled"}


def test_quotas_are_counted_in_the_database(context: Context) -> None:
    with reading(context.database) as db:
        window = now(db).replace(second=0, microsecond=0)
    first, second = CountedQuotas(context.database), CountedQuotas(context.database)
    assert first.take("jeton", "json", 2, window)
    assert second.take("jeton", "json", 2, window)
    assert not first.take("jeton", "json", 2, window)
    assert first.take("autre", "json", 2, window)
    assert first.take("jeton", "json", 2, window + timedelta(minutes=1))


CHILD = """
import json, sys
from api.context import Context
from api.db import connect
from api.settings import Settings
from api.steps.pieces import fetch_due
from api.storage import Storage
given = json.loads(sys.argv[1])
settings = Settings(_env_file=None, **given["settings"])
fetch_due(Context(settings, connect(settings.database_url), Storage(settings.storage_url), given["services"]))
"""


def killed_in_the_middle(context: Context) -> None:
    """A real worker process claims the piece, makes its slow call, and dies by kill -9."""
    settings = context.settings
    given = {
        "settings": {
            "database_url": settings.database_url, "storage_url": settings.storage_url, "secret_key": context.secret,
        },
        "services": dict(context.services),
    }  # fmt: skip
    child = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(given)], cwd=ROOT)
    limit = time.monotonic() + 30
    while only_piece(context).attempts == 0 and time.monotonic() < limit and child.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    assert child.poll() is None, "the worker ended before it could be killed"
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL


def test_a_worker_killed_in_the_middle_of_a_fetch_loses_nothing(context: Context) -> None:
    asked(context, SLOW, "vigilance")
    killed_in_the_middle(context)
    piece = only_piece(context)
    assert (piece.state, piece.attempts, piece.outcome) == ("waiting", 1, None)
    assert not step.fetch_due(context), "its lease holds"
    limit = time.monotonic() + 30
    while only_piece(context).state == "waiting" and time.monotonic() < limit:
        with transaction(context.database) as db:
            db.query(Piece).one().next_try_at = now(db)  # the lease's end, or the retry after « call in flight »
        assert step.fetch_due(context)
        time.sleep(1)
    piece = only_piece(context)
    assert (piece.state, piece.outcome) == ("settled", "obtained")
    assert piece.attempts >= 2
