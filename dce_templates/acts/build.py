"""Checks, then the files of one act and their manifest. Plain functions that pickle: they run in worker processes."""

import json
from collections.abc import Collection, Iterable, Mapping
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
from dce_templates.build import Built, ClauseUsed, Format, named, renderers, stem, used
from dce_templates.catalogue import Clause, catalogue
from dce_templates.checks import Finding
from dce_templates.files import file_of, slug
from dce_templates.law import Figure, Rule, in_force
from dce_templates.manifest import engines

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
    taken = used(filled(act, known))
    made = amendment(act, in_force(table, act.dated_on), known)
    return _built(made, act.reference, {"amendment": act.model_dump(mode="json")}, taken, found, formats, now)


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
    listed = named(clauses)
    attached = _json({**data, "clauses": listed})
    start = f"{stem(document.kind)}_{slug(name)}"
    files = [
        file_of(f"{start}.{extension}", media_type, render(document))
        for extension, (media_type, render) in renderers(formats, now, attached).items()
    ]
    manifest = {
        "kind": document.kind,
        "reference": document.reference,
        "built_at": now.isoformat(),
        "files": [{"name": file.name, "sha256": file.sha256} for file in files],
        "clauses": listed,
        "findings": [asdict(finding) for finding in found],
        "engines": engines(),
    }
    files.append(file_of("manifest.json", "application/json", _json(manifest)))
    return Built(tuple(files), clauses, found)


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()
