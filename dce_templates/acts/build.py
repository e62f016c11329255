"""Checks, then the files of one act and their manifest. Plain functions that pickle: they run in worker processes."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dce_templates.acts.amendment import Amendment
from dce_templates.acts.check_amendment import AMENDMENT_CHECKS
from dce_templates.acts.check_subcontract import SUBCONTRACT_CHECKS
from dce_templates.acts.checking import findings
from dce_templates.acts.documents import amendment, filled, subcontract
from dce_templates.acts.subcontract import Subcontract
from dce_templates.blocks import Document
from dce_templates.build import Built, ClauseUsed, File, Format, stem
from dce_templates.catalogue import Clause, catalogue
from dce_templates.checks import Finding
from dce_templates.law import Figure, Rule, in_force
from dce_templates.manifest import engines
from dce_templates.render import docx, html, odt, pdf

FORMATS: tuple[Format, ...] = ("docx", "pdf", "html")


def build_amendment(
    act: Amendment,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    formats: Collection[Format] = FORMATS,
    *,
    now: datetime,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
    clauses: Mapping[str, Clause] | None = None,
) -> Built:
    """The amendment; no file when a finding blocks. `figures` and `rules` are whole tables. Raises PdfError."""
    table, known = tuple(figures), catalogue() if clauses is None else clauses
    how: dict[str, Any] = {"adopted": adopted, "passed_over": passed_over}
    found = findings(act, act.dated_on, table, rules, AMENDMENT_CHECKS, known, **how)
    if any(finding.blocks for finding in found):
        return Built((), (), found)
    used = tuple(
        ClauseUsed(
            item.clause.meta.id, item.title, item.clause.meta.version, item.bookmark,
            hashlib.sha256(item.words.encode()).hexdigest(), item.clause.sha256,
        )
        for item in filled(act, known)
    )  # fmt: skip
    made = amendment(act, in_force(table, act.dated_on), known)
    return _built(made, act.reference, {"amendment": act.model_dump(mode="json")}, used, found, formats, now)


def build_subcontract(
    act: Subcontract,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    formats: Collection[Format] = FORMATS,
    *,
    now: datetime,
    adopted: bool | Collection[str] = True,
    passed_over: Mapping[str, str] | None = None,
) -> Built:
    """The declaration of subcontracting; no file when a finding blocks. Raises PdfError."""
    table = tuple(figures)
    how: dict[str, Any] = {"adopted": adopted, "passed_over": passed_over}
    found = findings(act, act.dated_on, table, rules, SUBCONTRACT_CHECKS, {}, **how)
    if any(finding.blocks for finding in found):
        return Built((), (), found)
    made = subcontract(act, in_force(table, act.dated_on))
    name = f"{act.reference}-{act.number}"
    return _built(made, name, {"subcontract": act.model_dump(mode="json")}, (), found, formats, now)


def _built(
    document: Document,
    name: str,
    data: Mapping[str, Any],
    clauses: tuple[ClauseUsed, ...],
    found: tuple[Finding, ...],
    formats: Collection[Format],
    now: datetime,
) -> Built:
    named = [{"id": item.id, "version": item.version, "sha256": item.sha256} for item in clauses]
    attached = _json({**data, "clauses": named})
    start = f"{stem(document.kind)}_{re.sub(r'[^A-Za-z0-9-]+', '-', name)}"
    files = [
        _file(f"{start}.{extension}", media_type, render(document))
        for extension, media_type, render in _renderers(now, attached)
        if extension in formats
    ]
    manifest = {
        "kind": document.kind,
        "reference": document.reference,
        "built_at": now.isoformat(),
        "files": [{"name": file.name, "sha256": file.sha256} for file in files],
        "clauses": named,
        "findings": [asdict(finding) for finding in found],
        "engines": engines(),
    }
    files.append(_file("manifest.json", "application/json", _json(manifest)))
    return Built(tuple(files), clauses, found)


def _renderers(now: datetime, attached: bytes) -> tuple[tuple[str, str, Callable[[Document], bytes]], ...]:
    return (
        ("docx", docx.MEDIA_TYPE, lambda document: docx.render_docx(document, now)),
        ("pdf", pdf.MEDIA_TYPE, lambda document: pdf.render_pdf(document, now, attached)),
        ("odt", odt.MEDIA_TYPE, lambda document: odt.render_odt(docx.render_docx(document, now), now)),
        ("html", html.MEDIA_TYPE, lambda document: html.render_page(document).encode()),
    )


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def _file(name: str, media_type: str, content: bytes) -> File:
    return File(name, media_type, content, hashlib.sha256(content).hexdigest())
