"""manifest.json: what was produced, from which clauses, under which rules, by which engines."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from typing import Any, Protocol

from dce_templates.checks import Finding
from dce_templates.dossier import Dossier


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...


def engines() -> dict[str, str]:
    """Versions of what writes the files."""
    return {name: version(name) for name in ("jinja2", "python-docx", "typst")}


def manifest(
    dossier: Dossier,
    files: Iterable[Named],
    clauses: Iterable[Mapping[str, str]],
    findings: Iterable[Finding],
    now: datetime,
) -> bytes:
    """The manifest as JSON bytes, stable for the same input."""
    data: dict[str, Any] = {
        "reference": dossier.reference,
        "launched_on": dossier.launched_on.isoformat(),
        "built_at": now.isoformat(),
        "files": [{"name": file.name, "sha256": file.sha256} for file in files],
        "clauses": list(clauses),
        "refused_clauses": [
            {"id": choice.id, "motive": choice.refused_motive} for choice in dossier.clauses if choice.refused_motive
        ],
        "findings": [asdict(finding) for finding in findings],
        "engines": engines(),
    }
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()
