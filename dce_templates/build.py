"""build(): checks, then documents. A plain function whose arguments and result pickle: it runs in a worker process."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dce_templates.assemble import assemble, filled_clauses, kinds_of
from dce_templates.blocks import Document, Kind
from dce_templates.catalogue import catalogue
from dce_templates.checks import Finding, check
from dce_templates.dossier import Dossier, Holder
from dce_templates.law import Figure, Rule, in_force
from dce_templates.manifest import manifest
from dce_templates.price_sheets import workbook_name
from dce_templates.render import docx, html, pdf, xlsx
from dce_templates.view import view
from dce_templates.word.model import read_model

Format = Literal["docx", "pdf", "html", "xlsx"]
_NAMES: Mapping[str, str] = {"data": "ANNEXE-DONNEES", "personal": "ANNEXE-RGPD", "cctp": "CADRE-CCTP"}
FORMATS: tuple[Format, ...] = ("docx", "pdf", "html", "xlsx")


@dataclass(frozen=True, slots=True)
class File:
    """A produced file, with the sha256 of its bytes."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class ClauseUsed:
    """A clause in the documents. `sha256` is of its words as filled, `source_sha256` of the catalogue's files."""

    id: str
    title: str
    version: str
    bookmark: str
    sha256: str
    source_sha256: str


@dataclass(frozen=True, slots=True)
class Built:
    """`files` is empty when a finding blocks; the last file is manifest.json."""

    files: tuple[File, ...]
    clauses: tuple[ClauseUsed, ...]
    findings: tuple[Finding, ...]

    @property
    def blocked(self) -> bool:
        return any(finding.blocks for finding in self.findings)


def _file(name: str, media_type: str, content: bytes) -> File:
    return File(name, media_type, content, hashlib.sha256(content).hexdigest())


def stem(kind: Kind) -> str:
    """How the names of its files begin."""
    return _NAMES.get(kind, kind.upper())


def _name(kind: Kind, dossier: Dossier, extension: str, version: int) -> str:
    later = f"_v{version}" if version > 1 else ""
    return f"{stem(kind)}_{re.sub(r'[^A-Za-z0-9-]+', '-', dossier.reference)}{later}.{extension}"


def with_pieces(dossier: Dossier, pieces: Iterable[tuple[str, str]]) -> Dossier:
    """The RC lists them after what the dossier already names."""
    beside = tuple(f"le fichier {name}" for name, _ in pieces)
    return dossier.model_copy(update={"attachments": (*dossier.attachments, *beside)})


def _clauses(dossier: Dossier, figures: Mapping[str, Figure]) -> tuple[ClauseUsed, ...]:
    return tuple(
        ClauseUsed(
            filled.clause.meta.id, filled.title, filled.clause.meta.version, filled.bookmark,
            hashlib.sha256(filled.words.encode()).hexdigest(), filled.clause.sha256,
        )
        for filled in filled_clauses(dossier, view(dossier, figures), catalogue())
    )  # fmt: skip


def _named(clauses: Iterable[ClauseUsed]) -> list[dict[str, str]]:
    return [{"id": item.id, "version": item.version, "sha256": item.sha256} for item in clauses]


def _attached(dossier: Dossier, clauses: tuple[ClauseUsed, ...], holder: Holder | None) -> bytes:
    data = {
        # The estimate stays with the buyer: published, it would set the price of the offers.
        "dossier": dossier.model_dump(mode="json", exclude={"estimated_amount"}),
        "holder": holder.model_dump(mode="json") if holder else None,
        "clauses": _named(clauses),
    }
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()


def _renderers(
    wanted: Collection[Format], now: datetime, attached: bytes, model: bytes | None
) -> dict[Format, tuple[str, Callable[[Document], bytes]]]:
    base = read_model(model) if model is not None and "docx" in wanted else None
    every: dict[Format, tuple[str, Callable[[Document], bytes]]] = {
        "docx": (docx.MEDIA_TYPE, lambda document: docx.render_docx(document, now, base)),
        "pdf": (pdf.MEDIA_TYPE, lambda document: pdf.render_pdf(document, now, attached)),
        "html": (html.MEDIA_TYPE, lambda document: html.render_page(document).encode()),
    }
    return {name: how for name, how in every.items() if name in wanted}


def _workbook(dossier: Dossier) -> list[File]:
    """The price schedules, where there are lines: published once, they are the same in every version."""
    name = workbook_name(dossier)
    return [_file(name, xlsx.MEDIA_TYPE, xlsx.render_xlsx(dossier))] if name else []


def usual_formats(dossier: Dossier) -> tuple[Format, ...]:
    """What is made when nothing else is asked."""
    return ("docx", "pdf", "xlsx") if dossier.price_lines else ("docx", "pdf")


def build(
    dossier: Dossier,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    formats: Collection[Format] | None = None,
    holder: Holder | None = None,
    *,
    now: datetime,
    kinds: Collection[Kind] | None = None,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
    checked: bool = True,
    pieces: Sequence[tuple[str, str]] = (),
    version: int = 1,
    model: bytes | None = None,
) -> Built:
    """The documents of `kinds_of`, or of `kinds`, in the formats asked (None: the usual ones), and their manifest.

    `figures` and `rules` are whole tables. `holder` fills the AE for signature; `checked=False` renders again what was
    already published (an award comes after the deadline, which a check would find past). `pieces`: (name, sha256) of
    files beside them, named there. `model`: the buyer's own Word model, as uploaded. Same arguments, same bytes.
    Raises PdfError, WordError for the model, ClauseError with `checked=False` only.
    """
    table, wanted = tuple(figures), usual_formats(dossier) if formats is None else formats
    findings = check(dossier, table, rules, now=now, adopted=adopted, passed_over=passed_over) if checked else ()
    if any(finding.blocks for finding in findings):
        return Built((), (), findings)
    dossier = with_pieces(dossier, pieces)
    current = in_force(table, dossier.launched_on)
    clauses = _clauses(dossier, current)
    renderers = _renderers(wanted, now, _attached(dossier, clauses, holder), model)
    files = []
    for kind in kinds_of(dossier) if kinds is None else kinds:
        document = assemble(kind, dossier, current, holder)
        for extension, (media_type, render) in renderers.items():
            files.append(_file(_name(kind, dossier, extension, version), media_type, render(document)))
    files += _workbook(dossier) if "xlsx" in wanted else []
    listed = [*((file.name, file.sha256) for file in files), *pieces]
    listing = manifest(dossier, listed, _named(clauses), findings, now, version, model if "docx" in wanted else None)
    return Built((*files, _file("manifest.json", "application/json", listing)), clauses, findings)


def preview(kind: Kind, dossier: Dossier, figures: Iterable[Figure], holder: Holder | None = None) -> str:
    """One document as an HTML fragment, whatever the checks say. Raises ClauseError when a clause cannot be filled."""
    return html.render_html(assemble(kind, dossier, in_force(figures, dossier.launched_on), holder))
