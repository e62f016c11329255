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
from tests.candidacy_scene import Scene, another, published

COMPANIES = 200
MINUTES = 2
ASKED = ("attestation_fiscale", "vigilance", "rne_extrait", "insee_unite_legale", "chiffres_affaires")
MEASURED = ("dgfip_attestation_fiscale", "urssaf_vigilance", "inpi_rne_extrait")


def _fill(context: Context) -> None:
    """Two hundred candidacies over as many consultations as it takes, of different companies in each."""
    sirets = [company.head_office.siret for company in book().companies if not company.delays]
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
        used = {group: sum(c.used for c in counters if c.name.endswith(f":{group}")) for group in MEASURED}
        refused = sum("429" in (p.code or "") for p in db.query(Piece))
    share = {group: count / (BUDGETS[group] * MINUTES) for group, count in used.items()}
    least = min(share.values())
    detail = ", ".join(f"{group} {used[group]} of {BUDGETS[group] * MINUTES}" for group in MEASURED)
    return [
        ("queue of 200 companies: least used budget", "what two minutes allow", least, "≥ 0.9", least >= 0.9, detail),
        ("answers 429 met meanwhile", "none", float(refused), "0", refused == 0, f"{refused}"),
    ]
