"""A company's pieces, fetched by the worker's step, against the slowest of them alone, claim and record included."""

import statistics
import time
from collections.abc import Sequence

from api.context import Context
from api.db import now, transaction
from api.steps.pieces import fetch_due
from benchmarks.context import measured
from procurement.candidacy import open_candidacy
from procurement.consultation import find
from procurement.people import User, person_of
from procurement.pieces import Piece, ask
from tests.candidacy_scene import SLOW, published

LIMIT = 1.2
ROUNDS = 5
# Every source of this invented company answers after 0.3 s; a certificate's download comes on top.
EVEN = "00001077700019"
FOURTEEN = (
    "attestation_fiscale", "vigilance", "probtp_attestation", "cibtp_attestation", "cnetp_attestation", "qualibat",
    "insee_etablissement", "insee_unite_legale", "infogreffe_extrait", "chiffres_affaires", "msa_conformite", "opqibi",
    "qualiopi", "numero_tva",
)  # fmt: skip
SLOW_ONE = ("insee_etablissement", "insee_unite_legale", "infogreffe_extrait", "chiffres_affaires", "vigilance")


def _fetched(context: Context, siret: str, keys: Sequence[str]) -> float:
    """Seconds from the pieces set waiting to the last one recorded."""
    scene = published(context)
    with transaction(context.database) as db:
        account = person_of(db.get_one(User, scene.account.id))
        candidacy, _ = open_candidacy(db, find(db, scene.ref), siret, {"name": "Essai"}, account, now(db))
        ask(db, candidacy, keys, "benchmark", now(db))
    started = time.perf_counter()
    while fetch_due(context):
        pass
    spent = time.perf_counter() - started
    with transaction(context.database) as db:
        assert not db.query(Piece).filter_by(state="waiting").count()
    return spent


def _round(siret: str, keys: Sequence[str], slowest: str) -> tuple[float, float]:
    """(all of them, the slowest alone), in one sandbox with fresh quotas; each for a buyer of its own."""
    with measured() as context:
        _fetched(context, siret, [slowest])  # the first call of a process pays for what is made once
        alone = _fetched(context, siret, [slowest])
        return _fetched(context, siret, keys), alone


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Median ratio of five rounds, for one slow provider among others and for fourteen even ones."""
    return [
        _row("fan-out, one upstream of 2 s among 5", SLOW, SLOW_ONE, "vigilance"),
        _row("fan-out of 14 pieces, upstreams of 0.3 s", EVEN, FOURTEEN, "vigilance"),
    ]


def _row(name: str, siret: str, keys: Sequence[str], slowest: str) -> tuple[str, str, float, str, bool, str]:
    rounds = [_round(siret, keys, slowest) for _ in range(ROUNDS)]
    ratio = statistics.median(together / alone for together, alone in rounds)
    seconds = statistics.median(together for together, _ in rounds)
    return (name, "the slowest chain alone", ratio, f"≤ {LIMIT}", ratio <= LIMIT, f"{seconds:.2f} s")
