"""Two hundred companies to ask about: how much of each minute's budget the worker uses, and whether a 429 is met.

Two whole minutes are measured, as the server counts them; the wait for the first one is not.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

from api import worker
from api.context import Context
from api.db import now, reading, transaction
from api.sandbox.companies import book
from api.steps import pieces as step
from benchmarks.context import measured
from procurement.candidacy import open_candidacy
from procurement.consultation import find
from procurement.counters import Counter
from procurement.people import User, person_of
from procurement.pieces import Piece, ask
from siret_lookup.quotas import BUDGETS, SEAM
from siret_lookup.sources import SOURCES
from tests.candidacy_scene import Scene, another, published

COMPANIES = 200
MINUTES = 2
ASKED = ("attestation_fiscale", "vigilance", "rne_extrait", "insee_unite_legale", "chiffres_affaires")
MEASURED = ("attestation_fiscale", "vigilance", "rne_extrait")


def _fill(context: Context) -> None:
    """Two hundred candidacies over as many consultations as it takes, of different companies in each."""
    sirets = [company.head_office.siret for company in book().companies if not company.delays and not company.faults]
    scene: Scene = published(context)
    left = COMPANIES
    while left:
        for siret in sirets[:left]:
            _candidacy(context, scene, siret)
        left -= min(left, len(sirets))
        scene = another(published(context, number=f"B-{left}"), f"B-{left}-2") if left else scene


def _candidacy(context: Context, scene: Scene, siret: str) -> None:
    with transaction(context.database) as db:
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, find(db, scene.ref), siret, {"name": "Essai"}, account, now(db))
        ask(db, candidacy, ASKED, "benchmark", now(db))


def _work(context: Context, stop: threading.Event) -> None:
    while not stop.is_set():
        if not step.fetch_due(context):
            stop.wait(worker.REST)


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """The least used of the small budgets, as a share of what two whole minutes allow; and the 429s met."""
    with measured() as context:
        _fill(context)
        start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        time.sleep(max(0.0, (start - SEAM - datetime.now(UTC)).total_seconds()))
        stop = threading.Event()
        workers = [threading.Thread(target=_work, args=(context, stop)) for _ in range(2)]
        for thread in workers:
            thread.start()
        time.sleep((start + timedelta(minutes=MINUTES) - datetime.now(UTC)).total_seconds())
        stop.set()
        for thread in workers:
            thread.join()
        return _rows(context, start)


def _rows(context: Context, start: datetime) -> list[tuple[str, str, float, str, bool, str]]:
    windows = [start + timedelta(minutes=n) for n in range(MINUTES)]
    with reading(context.database) as db:
        counters = db.query(Counter).filter(Counter.window_start.in_(windows)).all()
        used = {key: sum(c.used for c in counters if c.name.endswith(f":{SOURCES[key].group}")) for key in MEASURED}
        asked = {key: db.query(Piece).filter(Piece.key == key, Piece.reused_from.is_(None)).count() for key in MEASURED}
        codes = [(p.key, p.code, p.facts.get("detail")) for p in db.query(Piece) if "429" in (p.code or "")]
    allowed = {key: min(BUDGETS[SOURCES[key].group] * MINUTES, asked[key]) for key in MEASURED}
    least = min(used[key] / allowed[key] for key in MEASURED)
    detail = ", ".join(f"{key} {used[key]} of {allowed[key]}" for key in MEASURED)
    return [
        ("queue of 200 companies: least used budget", "what two minutes allow", least, "≥ 0.9", least >= 0.9, detail),
        ("answers 429 met meanwhile", "none", float(len(codes)), "0", not codes, ", ".join(map(str, codes[:3]))),
    ]
