"""Everything at once: DC1, DC2, DUME, data and their ZIP. Plain functions that pickle: they run in worker processes."""

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from dce_templates.candidate.candidate import Candidate, missing
from dce_templates.candidate.dc1 import dc1
from dce_templates.candidate.dc2 import dc2
from dce_templates.candidate.dume import dume
from dce_templates.files import File, file_of
from dce_templates.render import docx, pdf

_FIXED_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
JSON, XML, ZIP = "application/json", "application/xml", "application/zip"


@dataclass(frozen=True, slots=True)
class Portable:
    """`files`: the documents, manifest.json, then the ZIP that holds them all; `missing`: (key, what to write)."""

    files: tuple[File, ...]
    missing: tuple[tuple[str, str], ...]

    @property
    def archive(self) -> File:
        return self.files[-1]


def build(candidate: Candidate, now: datetime) -> Portable:
    """All files of one candidate; `now` (aware) dates them. The same arguments give the same bytes. Raises PdfError."""
    data = _data(candidate)
    files = []
    for document in (dc1(candidate), dc2(candidate)):
        files.append(file_of(f"{document.kind}.docx", docx.MEDIA_TYPE, docx.render_docx(document, now)))
        files.append(file_of(f"{document.kind}.pdf", pdf.MEDIA_TYPE, pdf.render_pdf(document, now, data)))
    files += [file_of("dume.xml", XML, dume(candidate, now)), file_of("dossier.json", JSON, data)]
    files.append(file_of("manifest.json", JSON, _manifest(candidate, files, now)))
    files.append(file_of(f"dossier-candidat-{candidate.identity.siret}.zip", ZIP, _zipped(files)))
    return Portable(tuple(files), missing(candidate))


def archive_from(data: dict[str, Any], now: datetime) -> bytes:
    """The ZIP alone, from plain data (a Candidate's own dump). Raises PdfError."""
    return build(Candidate.model_validate(data), now).archive.content


def _json(data: Any) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def _data(candidate: Candidate) -> bytes:
    """What the documents say, with where each part comes from."""
    return _json(
        {
            "identity": candidate.identity.model_dump(mode="json") | {"origin": _origin(candidate)},
            "answers": candidate.answers.model_dump(mode="json", exclude_defaults=True) | {"origin": "typed"},
            "missing": [{"key": key, "label": label} for key, label in missing(candidate)],
        }
    )


def _origin(candidate: Candidate) -> str:
    return "open_data" if candidate.identity.source else "typed"


def _manifest(candidate: Candidate, files: Iterable[File], now: datetime) -> bytes:
    return _json(
        {
            "siret": candidate.identity.siret,
            "built_at": now.isoformat(),
            "files": [{"name": file.name, "sha256": file.sha256} for file in files],
            "missing": [key for key, _ in missing(candidate)],
            "engines": {name: version(name) for name in ("lxml", "python-docx", "typst")},
        }
    )


def _zipped(files: Iterable[File]) -> bytes:
    """A ZIP with fixed dates: the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.name, _FIXED_ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.content)
    return out.getvalue()
