"""All the pieces of one company, fetched by the worker's step, against the slowest of them alone."""

import statistics
import tempfile
import time
from datetime import timedelta

from pydantic import SecretStr

from api.context import Context
from api.db import connect, now, transaction
from api.migrate import upgrade
from api.sandbox.server import running_sandbox
from api.settings import Settings
from api.steps.pieces import Job, call, claim, fetch_one
from api.storage import Storage
from procurement.candidacy import open_candidacy, submit
from procurement.consultation import find
from procurement.flights import Flight
from procurement.opening import open_plis
from procurement.people import User, person_of
from procurement.pieces import CAPACITY, WINNER, Piece, ask
from tests.candidacy_scene import ANSWERS, SLOW, published

LIMIT = 1.2
ROUNDS = 5


def _opened(context: Context, number: int) -> None:
    """A consultation whose one candidate has every piece waiting."""
    scene = published(context, number=f"B-{number}")
    with transaction(context.database) as db:
        consultation = find(db, scene.ref)
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, consultation, SLOW, {"name": "LIVRAISONS TRÈS LENTES"}, account, now(db))
        candidacy.answers = dict(ANSWERS)
        submit(db, candidacy, True, now(db))
        consultation.deadline = now(db) - timedelta(seconds=1)
        open_plis(db, consultation, person_of(db.get_one(User, scene.officer.id)), now(db))
        ask(db, candidacy, WINNER, "benchmark", now(db))


def _alone(context: Context) -> float:
    """The slowest piece's own call."""
    jobs: list[Job] = []
    while job := claim(context)[1]:
        jobs.append(job)
    slow = next(job for job in jobs if job.key == "vigilance")
    started = time.perf_counter()
    call(context, slow)
    spent = time.perf_counter() - started
    with transaction(context.database) as db:
        db.query(Flight).delete()
        for piece in db.query(Piece).filter(Piece.state == "waiting"):
            piece.next_try_at = now(db)
    return spent


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Median ratio of five rounds, each with its own sandbox (fresh quotas and caches)."""
    ratios, spent = [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, running_sandbox() as urls:
            settings = Settings(
                _env_file=None,
                database_url=f"sqlite:///{folder}/bench.db",
                storage_url=f"file://{folder}/files",
                secret_key=SecretStr("b" * 48),
            )
            upgrade(settings.database_url)
            context = Context(settings, connect(settings.database_url), Storage(settings.storage_url), urls.services())
            _opened(context, number)
            alone = _alone(context)
            started = time.perf_counter()
            while fetch_one(context):
                pass
            together = time.perf_counter() - started
            ratios.append(together / alone)
            spent.append(together)
            context.database.dispose()
    ratio = statistics.median(ratios)
    detail = f"{len(CAPACITY) + len(WINNER)} pieces in {statistics.median(spent):.2f} s"
    return [("fan-out of a company’s pieces", "its slowest upstream", ratio, f"≤ {LIMIT}", ratio <= LIMIT, detail)]
