"""The consultation's documents: a CCAP of 26,000 words to PDF against its peers, all documents, checks, memory."""

import json
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from api import isolate
from dce_templates.assemble import assemble
from dce_templates.blocks import Block, Document, Heading, Items, Para, Table, words_of
from dce_templates.build import build
from dce_templates.checks import check
from dce_templates.dossier import Dossier
from dce_templates.law import in_force
from dce_templates.redline import redline
from dce_templates.render.docx import render_docx
from dce_templates.render.html import render_page
from dce_templates.render.pdf import render_pdf
from procurement.rules import rule_table
from tests.dce_templates.lots_scene import in_lots
from tests.dce_templates.sample import dossier

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BLOCKS, WORDS, TABLES = 520, 26_000, 10
PDF_SECONDS, DCE_SECONDS, CHECK_SECONDS, MEGABYTES = 0.4, 2.0, 0.02, 1024
REDLINE_SECONDS = 3.0
FASTER_THAN_WEASYPRINT, FASTER_THAN_LIBREOFFICE = 8, 2
DOCUMENTS = 60
PEER_PYTHON = Path("build/peers/bin/python")
# In the peer's own environment: seconds of processor of each page, the first one being the warm-up.
_PEER = """
import json, sys, time, weasyprint
spent = []
for path in sys.argv[1:]:
    started = time.process_time()
    weasyprint.HTML(path).write_pdf(pdf_variant="pdf/ua-1")
    spent.append(time.process_time() - started)
print(json.dumps(spent[1:]))
"""
Row = tuple[str, str, float, str, bool, str]


def _blocks(number: int) -> list[Block]:
    """The example's own articles repeated, each time under other words: a renderer can keep nothing of the last one."""
    table = rule_table()
    one = assemble("ccap", dossier(), in_force(table.figures, dossier().launched_on))
    plain = [block for block in one.blocks if isinstance(block, Heading | Para | Items)]
    found: list[Block] = []
    for place in range(BLOCKS - TABLES):
        match plain[place % len(plain)]:
            case Heading(level, text, _):
                found.append(Heading(level, f"{text} ({number}.{place})", f"a{place}"))
            case Items(items):
                found.append(Items(tuple(f"{item} ({number}.{place})" for item in items)))
            case Para(text):
                found.append(Para(f"{text} Version {number}, alinéa {place}."))
    for place in range(TABLES):
        rows = tuple((f"Poste {number}.{place}.{row}", "par unité, hors taxes", "12,50 €") for row in range(12))
        found.insert(50 * place + 40, Table(f"Prix {place}", ("Poste", "Base", "Prix"), rows))
    return found


def _ccap(number: int) -> Document:
    blocks = _blocks(number)
    document = Document("ccap", "Cahier des clauses", f"Objet {number}", "2026-001", "Ville", tuple(blocks))
    texts = [place for place, block in enumerate(blocks) if isinstance(block, Para)]
    filler = (
        "Le titulaire en rend compte par écrit à l’acheteur dans les délais et sous la forme que le marché prévoit."
    )
    missing = max(WORDS - len(words_of(document).split()), 0)
    each = -(-missing // len(texts) // len(filler.split()))
    for place in texts:
        blocks[place] = Para(
            f"{words_of(Document('ccap', '', '', '', '', (blocks[place],))).strip()} " + f"{filler} " * each
        )
    return Document("ccap", document.title, document.subject, document.reference, document.buyer, tuple(blocks))


def _median(act: Callable[[Document], object], documents: Sequence[Document]) -> tuple[float, float]:
    """(seconds, seconds of processor) of all but the first, which warms up."""
    spent, used = [], []
    for document in documents:
        started, cpu = time.perf_counter(), time.process_time()
        act(document)
        spent.append(time.perf_counter() - started)
        used.append(time.process_time() - cpu)
    return statistics.median(spent[1:]), statistics.median(used[1:])


def _weasyprint(documents: Sequence[Document]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, document in enumerate(documents):
            path = Path(folder) / f"{number}.html"
            path.write_text(render_page(document), encoding="utf-8")
            paths.append(str(path))
        command = [str(PEER_PYTHON), "-c", _PEER, *paths]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(statistics.median(json.loads(done.stdout)))


def _libreoffice(documents: Sequence[Document], soffice: str) -> float:
    """Seconds of one more document in the same process: what starting it costs is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.docx" for number in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            path.write_bytes(render_docx(document, NOW))

        def convert(some: Sequence[Path]) -> float:
            profile = f"-env:UserInstallation=file://{folder}/profile"
            started = time.perf_counter()
            command = [soffice, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, *map(str, some)]
            subprocess.run(command, check=True, capture_output=True)
            return time.perf_counter() - started

        convert(paths[:1])
        return (convert(paths) - convert(paths[:1])) / (len(paths) - 1)


def _ccap_rows() -> list[Row]:
    """Peers are given the same content: neither makes a table of contents, so ours is measured with and without it."""
    documents = [_ccap(number) for number in range(5)]
    words, blocks = len(words_of(documents[0]).split()), len(documents[0].blocks)
    ours, cpu = _median(lambda document: render_pdf(document, NOW), documents)
    name = f"CCAP of {words} words, {blocks} blocks, to PDF"
    rows = [(name, f"{PDF_SECONDS} s", ours / PDF_SECONDS, "≤ 1", ours <= PDF_SECONDS, f"{ours:.2f} s, warm")]
    alone = [replace(_ccap(number), kind="data") for number in range(5, 10)]
    bare, bare_cpu = _median(lambda document: render_pdf(document, NOW), alone)
    name = f"{name}, no table of contents"
    peer = _weasyprint(documents[:3])
    ratio, limit = peer / bare_cpu, FASTER_THAN_WEASYPRINT
    detail = f"{peer:.2f} against {bare_cpu:.2f} s of CPU; {peer / cpu:.1f} × with our table of contents"
    rows.append((name, "WeasyPrint, same words", ratio, f"≥ {limit}", ratio >= limit, detail))
    soffice, limit = shutil.which("soffice"), FASTER_THAN_LIBREOFFICE
    if soffice is not None:  # where the machine has none, the row is not there: nothing was measured
        peer = _libreoffice(documents[:4], soffice)
        ratio = peer / bare
        detail = f"{peer:.2f} against {bare:.2f} s; {peer / ours:.1f} × with our table of contents"
        rows.append((name, "LibreOffice, its docx", ratio, f"≥ {limit}", ratio >= limit, detail))
    word, _ = _median(lambda document: render_docx(document, NOW), documents)
    rows.append(
        (
            "the same, to Word",
            f"{DCE_SECONDS} s",
            word / DCE_SECONDS,
            "≤ 1",
            word <= DCE_SECONDS,
            f"{word:.2f} s",
        )
    )
    return rows


def _redline_rows() -> list[Row]:
    """One paragraph in ten rewritten, in the document of the rows above."""
    before = _ccap(7)
    blocks = [
        Para(block.text.replace("titulaire", "prestataire")) if isinstance(block, Para) and place % 10 == 0 else block
        for place, block in enumerate(before.blocks)
    ]
    left, right = render_docx(before, NOW), render_docx(replace(before, blocks=tuple(blocks)), NOW)
    started = time.perf_counter()
    found = redline(left, right, author="Ville", at=NOW)
    spent = time.perf_counter() - started
    assert found.content != left
    name, holds = "its redline, a tenth rewritten", spent <= REDLINE_SECONDS
    return [(name, f"{REDLINE_SECONDS} s", spent / REDLINE_SECONDS, "≤ 1", holds, f"{spent:.2f} s")]


def _examples() -> list[Dossier]:
    return [dossier({"object": f"Prestations de comptage, édition {number}"}) for number in range(6)]


def _of_three_lots() -> list[Dossier]:
    return [in_lots(object=f"Réhabilitation de la halle, édition {number}") for number in range(6)]


def _timed(act: Callable[[Dossier], object], examples: list[Dossier] | None = None) -> float:
    spent = []
    for one in examples or _examples():
        started = time.perf_counter()
        act(one)
        spent.append(time.perf_counter() - started)
    return statistics.median(spent[1:])


def _dossier_rows() -> list[Row]:
    table = rule_table()
    made = build(in_lots(), table.figures, table.rules, now=NOW)
    assert not made.blocked
    whole = _timed(lambda one: build(one, table.figures, table.rules, now=NOW), _of_three_lots())
    checks = _timed(lambda one: check(one, table.figures, table.rules, now=NOW, adopted=True))
    files, name = f"{len(made.files)} files, {whole:.2f} s, warm", "all documents of a consultation in three lots"
    return [
        (name, f"{DCE_SECONDS} s", whole / DCE_SECONDS, "≤ 1", whole <= DCE_SECONDS, files),
        (
            "its checks", f"{CHECK_SECONDS * 1000:.0f} ms", checks / CHECK_SECONDS, "≤ 1", checks <= CHECK_SECONDS,
            f"{checks * 1000:.1f} ms",
        ),
    ]  # fmt: skip


def _resident() -> float:
    """Megabytes of the largest worker process."""
    pages = [Path(f"/proc/{child.pid}/status").read_text() for child in multiprocessing.active_children()]
    return max((int(page.split("VmRSS:")[1].split()[0]) / 1024 for page in pages if "VmRSS:" in page), default=0.0)


def _memory_rows() -> list[Row]:
    seen = []
    for number in range(DOCUMENTS):
        isolate.run("dce_templates.render.pdf:render_pdf", _ccap(100 + number), NOW, seconds=60.0)
        seen.append(_resident())
    isolate.stop()
    peak, half = max(seen), max(seen[: DOCUMENTS // 2])
    detail = f"{peak:.0f} MB at most, {half:.0f} MB in the first half"
    return [
        (
            f"memory of a worker, {DOCUMENTS} CCAPs",
            f"{MEGABYTES} MB",
            peak / MEGABYTES,
            "≤ 1",
            peak <= MEGABYTES,
            detail,
        )
    ]


def measure() -> list[Row]:
    return [*_ccap_rows(), *_redline_rows(), *_dossier_rows(), *_memory_rows()]
