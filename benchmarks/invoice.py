"""The check of an invoice of about 20 kB, warm, against bare saxonche running the very same compiled sheets."""

import statistics
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from api.sandbox.invoices import Draft, Line, Party, cii, ubl
from procurement.invoicing import rulesets, saxon
from procurement.invoicing.check import check_invoice
from procurement.invoicing.reading import open_invoice
from tests.factories import make_siret

LIMIT = 1.5
ROUNDS = 30


def _draft() -> Draft:
    lines = tuple(Line(f"P{i}", f"Prestation de nettoyage n° {i}", Decimal(2), Decimal("12.50")) for i in range(1, 13))
    return Draft(
        "FA-2026-0001",
        date(2026, 11, 20),
        Party("Nettoyage d’Essai", make_siret(1), vat="FR00000000000"),
        Party("Ville de Démonstration", make_siret(2)),
        lines,
        contract="2026-0001",
        engagement="E-1",
    )


def _median(act: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Both in turn, so that a slower minute slows both."""
    first: list[float] = []
    second: list[float] = []
    for _ in range(ROUNDS):
        for kept, call in ((first, act), (second, other)):
            started = time.perf_counter()
            call()
            kept.append(time.perf_counter() - started)
    return statistics.median(first), statistics.median(second)


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """One row per syntax."""
    rows = []
    for name, make in (("CII", cii), ("UBL", ubl)):
        content = make(_draft())
        report = check_invoice(content)
        assert not [f for f in report.findings if f.source.startswith("XSD")], report.findings
        source = open_invoice(content)
        plan = rulesets.plan(source.syntax, source.root, report.profile)
        sheets = tuple(rulesets.path(sheet) for sheet in (plan.european, plan.french))
        ours, bare = _median(lambda c=content: check_invoice(c), lambda s=source, p=sheets: saxon.transform(s.text, p))  # type: ignore[misc]
        detail = f"{len(content) / 1000:.0f} kB, {ours * 1000:.1f} against {bare * 1000:.1f} ms"
        rows.append(
            (
                f"check of a {name} invoice",
                "bare saxonche, same sheets",
                ours / bare,
                f"≤ {LIMIT}",
                ours / bare <= LIMIT,
                detail,
            )
        )
    return rows
