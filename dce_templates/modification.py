"""The next version of a published dossier: its documents, a notice of what changed, and redlines of what was rewritten.

A plain function whose arguments and result pickle: it runs in a worker process, like build().
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from dce_templates.assemble import TITLES, kinds_of
from dce_templates.blocks import Kind
from dce_templates.build import Built, Format, build, stem, usual_formats
from dce_templates.catalogue import Clause, catalogue
from dce_templates.dossier import Dossier
from dce_templates.files import File, file_of
from dce_templates.law import Figure, Rule, in_force
from dce_templates.notice import notice
from dce_templates.redline import redline, same_words
from dce_templates.render import docx, pdf
from dce_templates.word.file import WordError, open_word
from dce_templates.word.model import read_model


def build_next(
    before: Dossier,
    after: Dossier,
    figures: Iterable[Figure],
    rules: Iterable[Rule],
    formats: Collection[Format] | None = None,
    *,
    former: Mapping[str, bytes],
    now: datetime,
    pieces: Sequence[tuple[str, str]] = (),
    version: int,
    clauses: Mapping[str, Clause] | None = None,
    model: bytes | None = None,
) -> Built:
    """The files of `version`, unchecked as build() makes them when told so, the notice and the redlines beside.

    `former`: name → bytes of the .docx of the version before; a document that had none, or cannot be compared, has no
    redline. `model`: as for build(). The manifest, still last, lists every file. The same arguments, the same bytes.
    """
    table, known = tuple(figures), catalogue() if clauses is None else clauses
    wanted = usual_formats(after) if formats is None else formats
    built = build(
        after, table, rules, wanted, now=now, checked=False, pieces=pieces, version=version, clauses=known, model=model
    )  # fmt: skip
    *files, listed = built.files
    same = _same_words(files, former, version)
    marked = dict(_redlines(files, former, same, after.buyer.name, now, version))
    titles = {file.name: _title(kind, file) for kind in kinds_of(after, known) for file in files if _is_of(kind, file)}
    document = notice(
        before, after, in_force(table, after.launched_on), version=version, now=now, clauses=known,
        rewritten=[titles[name] for name in same if not same[name]], same=[titles[name] for name in same if same[name]],
    )  # fmt: skip
    reference = files[0].name.partition("_")[2].rpartition(f"_v{version}.")[0]
    added = [file_of(name, docx.MEDIA_TYPE, content) for name, content in marked.items()]
    if "pdf" in wanted:
        added.insert(0, file_of(f"AVIS_{reference}_v{version}.pdf", pdf.MEDIA_TYPE, pdf.render_pdf(document, now)))
    if "docx" in wanted:
        notified = docx.render_docx(document, now, None if model is None else read_model(model))
        added.insert(0, file_of(f"AVIS_{reference}_v{version}.docx", docx.MEDIA_TYPE, notified))
    return Built((*files, *added, _listing(listed, added)), built.clauses, built.findings)


def former_name(name: str, version: int) -> str:
    """What the same document was called in the version before."""
    return name.replace(f"_v{version}.", f"_v{version - 1}." if version > 2 else ".")


def _is_of(kind: Kind, file: File) -> bool:
    return re.match(rf"{stem(kind)}(-LOT\d+)?_", file.name) is not None


def _title(kind: Kind, file: File) -> str:
    lot = re.search(r"-LOT(\d+)_", file.name)
    return TITLES[kind] + (f" du lot n° {lot[1]}" if lot else "")


def _same_words(files: Sequence[File], former: Mapping[str, bytes], version: int) -> dict[str, bool]:
    """Name of each .docx that the version before had too → whether its words are the same."""
    found = {}
    for file in files:
        old = former.get(former_name(file.name, version))
        if old is not None and file.media_type == docx.MEDIA_TYPE:
            with suppress(WordError):
                found[file.name] = same_words(open_word(old), open_word(file.content))
    return found


def _redlines(
    files: Sequence[File],
    former: Mapping[str, bytes],
    same: Mapping[str, bool],
    author: str,
    now: datetime,
    version: int,
) -> Iterator[tuple[str, bytes]]:
    for file in files:
        if same.get(file.name) is False:
            content = redline(former[former_name(file.name, version)], file.content, author=author, at=now).content
            yield file.name.replace(f"_v{version}.", f"_modifications_v{version}."), content


def _listing(manifest: File, added: Sequence[File]) -> File:
    """The manifest, with the files added after it was made."""
    data = json.loads(manifest.content)
    data["files"] += [{"name": file.name, "sha256": file.sha256} for file in added]
    return file_of(manifest.name, manifest.media_type, (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode())
