"""The check of invoices, side by side in one run: a second, two processes, bare saxonche, 1,000 lines, a peer."""

import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

from saxonche import PySaxonProcessor

from api.sandbox.invoices import PROFILE_EN16931, Draft, Line, Party, cii, ubl
from procurement.invoicing import rulesets
from procurement.invoicing.check import check_invoice
from procurement.invoicing.reading import open_invoice
from tests.factories import make_siret

Row = tuple[str, str, float, str, bool, str]
AGAINST_SAXON, PER_SECOND, TWO_PROCESSES, LONG_SECONDS = 1.3, 100, 1.8, 2.5
ROUNDS, BATCH, LONG = 30, 200, 1_000
PEER_PYTHON = Path("build/peers/bin/python")
# In the peer's own environment: its verdict on each file, and the milliseconds of its second reading of it.
_PEER = """
import json, sys, time
from pathlib import Path
from einvoice import validate_bytes
found = []
for path in sys.argv[1:]:
    xml = Path(path).read_bytes()
    validate_bytes(xml, profile="en16931")
    started = time.perf_counter()
    result = validate_bytes(xml, profile="en16931")
    found.append((bool(result["valid"]), (time.perf_counter() - started) * 1000))
print(json.dumps(found))
"""


def _draft(lines: int = 12, profile: str = "extended-ctc-fr") -> Draft:
    return Draft(
        "FA-2026-0001",
        date(2026, 11, 20),
        Party("Nettoyage d’Essai", make_siret(1), vat="FR00000000000"),
        Party("Ville de Démonstration", make_siret(2)),
        tuple(
            Line(f"P{i}", f"Prestation de nettoyage n° {i}", Decimal(2), Decimal("12.50")) for i in range(1, lines + 1)
        ),
        contract="2026-0001",
        engagement="E-1",
        iban="FR7630006000011234567890189",
        profile=profile,
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


def _bare(processor: PySaxonProcessor, content: bytes) -> Callable[[], object]:
    """saxonche alone on the published sheets, as whoever follows its manual would run them."""
    source = open_invoice(content)
    plan = rulesets.plan(source.syntax, source.root, check_invoice(content).profile)
    sheets = [
        processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=rulesets.path(name))
        for name in (plan.european, plan.french)
    ]

    def run() -> list[str]:
        node = processor.parse_xml(xml_text=source.text)
        return [sheet.transform_to_string(xdm_node=node) for sheet in sheets]

    return run


def _against_saxon() -> list[Row]:
    rows = []
    processor = PySaxonProcessor(license=False)
    for name, make, profile in (
        ("CII", cii, "extended-ctc-fr"),
        ("UBL", ubl, "extended-ctc-fr"),
        ("Factur-X EN 16931", cii, PROFILE_EN16931),
    ):
        content = make(_draft(profile=profile))
        report = check_invoice(content)
        assert report.valid, report.findings
        bare = _bare(processor, content)
        ours, theirs = _median(lambda c=content: check_invoice(c), bare)  # type: ignore[misc]
        ratio = ours / theirs
        detail = f"{len(content) / 1000:.0f} kB, {ours * 1000:.1f} against {theirs * 1000:.1f} ms"
        what, limit = f"check of a {name} invoice, warm", AGAINST_SAXON
        rows.append((what, "bare saxonche, same sheets", ratio, f"≤ {limit}", ratio <= limit, detail))
    return rows


def many(content: bytes, times: int) -> float:
    """In a worker: seconds for `times` checks of the same file."""
    started = time.perf_counter()
    for _ in range(times):
        check_invoice(content)
    return time.perf_counter() - started


def _rate(content: bytes, processes: int) -> float:
    """Invoices checked per second by so many processes at once, their sheets warm."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        # Each is kept busy long enough for every process to be started and warm.
        list(pool.map(many, [content] * processes * 2, [20] * processes * 2))
        started = time.perf_counter()
        list(pool.map(many, [content] * processes, [BATCH] * processes))
        return BATCH * processes / (time.perf_counter() - started)


def _rates() -> list[Row]:
    rows = []
    for name, make in (("CII", cii), ("UBL", ubl)):
        content = make(_draft())
        one, two = _rate(content, 1), _rate(content, 2)
        what, limit = f"{name} invoices checked, one process", PER_SECOND
        rows.append((what, f"{limit}/s", one / limit, "≥ 1", one >= limit, f"{one:.0f}/s"))
        ratio, limit_two = two / one, TWO_PROCESSES
        detail = f"{two:.0f} against {one:.0f}/s"
        rows.append(("the same, two processes", "one process", ratio, f"≥ {limit_two}", ratio >= limit_two, detail))
    return rows


def _long() -> list[Row]:
    rows = []
    for name, make in (("CII", cii), ("UBL", ubl)):
        content = make(_draft(LONG))
        check_invoice(content)
        spent = many(content, 1)
        what, limit = f"{name} invoice of {LONG:,} lines", LONG_SECONDS
        detail = f"{spent:.2f} s, {len(content) / 1e6:.1f} MB"
        rows.append((what, f"{limit} s", spent / limit, "≤ 1", spent <= limit, detail))
    return rows


def _peer_files() -> dict[str, bytes]:
    """Plain EN 16931 invoices, right and wrong in one way each."""
    plain = {name: make(_draft(profile=PROFILE_EN16931)) for name, make in (("cii", cii), ("ubl", ubl))}
    spoilt = {
        "total": (b"360.00", b"361.00"),
        "base": (b"300.00", b"299.00"),
        "currency": (b"EUR", b"XXX"),
        "country": (b">FR<", b">ZZ<"),
        "rate": (b">20<", b">19<"),
    }
    return plain | {
        f"{name}-{what}": xml.replace(old, new) for name, xml in plain.items() for what, (old, new) in spoilt.items()
    }


def _european(content: bytes) -> bool:
    """Our verdict on the rules of EN 16931 alone: the peer knows no other."""
    ours = ("XSD", "EN 16931")
    return not [f for f in check_invoice(content).findings if f.severity == "fatal" and f.source.startswith(ours)]


def _peer() -> list[Row]:
    files = _peer_files()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, content in files.items():
            path = Path(folder) / f"{name}.xml"
            path.write_bytes(content)
            paths.append(str(path))
        done = subprocess.run([str(PEER_PYTHON), "-c", _PEER, *paths], check=True, capture_output=True, text=True)
    theirs = json.loads(done.stdout)
    verdicts = [_european(content) for content in files.values()]
    same = sum(ours == valid for ours, (valid, _) in zip(verdicts, theirs, strict=True))
    spent = statistics.median(many(content, 1) * 1000 for content in files.values())
    peer = statistics.median(milliseconds for _, milliseconds in theirs)
    detail = f"{same} of {len(files)} verdicts the same; {spent:.1f} ms for all our rules, {peer:.1f} ms for its 219"
    return [("verdicts on EN 16931", "verifyhash-einvoice", same / len(files), "= 1", same == len(files), detail)]


def measure() -> list[Row]:
    """One row per figure; the peer's where it is installed."""
    return [*_against_saxon(), *_rates(), *_long(), *(_peer() if PEER_PYTHON.exists() else ())]
