"""manifest.json: what was produced, from which clauses, under which rules, by which engines."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from typing import Any

from dce_templates.checks import Finding
from dce_templates.dossier import Dossier


def engines() -> dict[str, str]:
    """Versions of what writes the files."""
    return {name: version(name) for name in ("jinja2", "python-docx", "typst", "xlsxwriter")}


def manifest(
    dossier: Dossier,
    files: Iterable[tuple[str, str]],
    clauses: Iterable[Mapping[str, str]],
    findings: Iterable[Finding],
    now: datetime,
    version: int,
    model: bytes | None = None,
) -> bytes:
    """The manifest as JSON bytes, stable for the same input. `files`: (name, sha256); `model`: of the Word files."""
    data: dict[str, Any] = {
        "reference": dossier.reference,
        "version": version,
        "launched_on": dossier.launched_on.isoformat(),
        "built_at": now.isoformat(),
        "files": [{"name": name, "sha256": sha256} for name, sha256 in files],
        "clauses": list(clauses),
        "refused_clauses": [
            {"id": choice.id, "motive": choice.refused_motive} for choice in dossier.clauses if choice.refused_motive
        ],
        "findings": [asdict(finding) for finding in findings],
        "engines": engines(),
    }
    if model is not None and any(file["name"].endswith(".docx") for file in data["files"]):
        data["word_model"] = {"sha256": hashlib.sha256(model).hexdigest()}
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()
