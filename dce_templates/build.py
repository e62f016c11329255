"""build(): checks, then documents. A plain function whose arguments and result pickle: it runs in a worker process."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dce_templates.assemble import FilledClause, assemble, filled_clauses, kinds_of
from dce_templates.blocks import Document, Kind
from dce_templates.catalogue import Clause, catalogue
from dce_templates.checks import Finding, check
from dce_templates.dossier import Dossier, DossierError, Holder
from dce_templates.files import File, file_of, slug
from dce_templates.law import Figure, Rule, in_force
from dce_templates.manifest import manifest
from dce_templates.price_sheets import workbook_name
from dce_templates.render import docx, html, odt, pdf, xlsx
from dce_templates.view import view
from dce_templates.word.model import read_model

Format = Literal["docx", "pdf", "html", "xlsx", "odt"]
_NAMES: Mapping[str, str] = {
    "data": "ANNEXE-DONNEES", "personal": "ANNEXE-RGPD", "cctp": "CADRE-CCTP", "concession": "CONTRAT",
    "amendment": "AVENANT", "subcontract": "SOUS-TRAITANCE", "opening": "PV-OUVERTURE", "report": "RAPPORT",
    "letters": "COURRIERS",
}  # fmt: skip
# What the files never say.
SECRET: Any = {"estimated_amount": True, "lots": {"__all__": {"estimated_amount"}}}
FORMATS: tuple[Format, ...] = ("docx", "pdf", "html", "xlsx", "odt")


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


def stem(kind: Kind) -> str:
    """How the names of its files begin."""
    return _NAMES.get(kind, kind.upper())


def _name(kind: Kind, dossier: Dossier, extension: str, version: int) -> str:
    later = f"_v{version}" if version > 1 else ""
    return f"{stem(kind)}{dossier.suffix}_{slug(dossier.reference)}{later}.{extension}"


def with_pieces(dossier: Dossier, pieces: Iterable[tuple[str, str]]) -> Dossier:
    """The RC lists them after what the dossier already names."""
    beside = tuple(f"le fichier {name}" for name, _ in pieces)
    return dossier.model_copy(update={"attachments": (*dossier.attachments, *beside)})


def used(clauses: Iterable[FilledClause]) -> tuple[ClauseUsed, ...]:
    """What the manifest says of the clauses of a document."""
    return tuple(
        ClauseUsed(
            filled.clause.meta.id, filled.title, filled.clause.meta.version, filled.bookmark,
            hashlib.sha256(filled.words.encode()).hexdigest(), filled.clause.sha256,
        )
        for filled in clauses
    )  # fmt: skip


def _hashed(file: File) -> tuple[str, str]:
    return file.name, file.sha256


def named(clauses: Iterable[ClauseUsed]) -> list[dict[str, str]]:
    return [{"id": item.id, "version": item.version, "sha256": item.sha256} for item in clauses]


def _attached(dossier: Dossier, clauses: tuple[ClauseUsed, ...], holder: Holder | None) -> bytes:
    data = {
        # The estimate stays with the buyer: published, it would set the price of the offers.
        "dossier": dossier.model_dump(mode="json", exclude=SECRET),
        "holder": holder.model_dump(mode="json") if holder else None,
        "clauses": named(clauses),
    }
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()


Renderers = dict[Format, tuple[str, Callable[[Document], bytes]]]


def renderers(
    wanted: Collection[str],
    now: datetime,
    attached: bytes | None = None,
    model: bytes | None = None,
    check_at: str = "",
) -> Renderers:
    """Format → (media type, how), of those wanted that are made of blocks; the rest: see each one."""
    base = read_model(model) if model is not None and {"docx", "odt"} & set(wanted) else None
    every: Renderers = {
        "docx": (docx.MEDIA_TYPE, lambda document: docx.render_docx(document, now, base)),
        "pdf": (pdf.MEDIA_TYPE, lambda document: pdf.render_pdf(document, now, attached, check_at)),
        "odt": (odt.MEDIA_TYPE, lambda document: odt.render_odt(docx.render_docx(document, now, base), now)),
        "html": (html.MEDIA_TYPE, lambda document: html.render_page(document).encode()),
    }
    return {name: how for name, how in every.items() if name in wanted}


def _documents(
    kinds: Iterable[Kind],
    dossier: Dossier,
    figures: Mapping[str, Figure],
    holder: Holder | None,
    clauses: Mapping[str, Clause],
) -> Iterator[tuple[Dossier, Document]]:
    """Each document, and the contract it is of: the whole one, or that of a lot."""
    for kind in kinds:
        for part in _of_each_lot(kind, dossier, holder):
            yield part, assemble(kind, part, figures, holder, clauses)


def _rendered(
    documents: Iterable[tuple[Dossier, Document]],
    how: Renderers,
    version: int,
) -> Iterator[File]:
    for dossier, document in documents:
        for extension, (media_type, render) in how.items():
            yield file_of(_name(document.kind, dossier, extension, version), media_type, render(document))


def _of_each_lot(kind: Kind, dossier: Dossier, holder: Holder | None) -> tuple[Dossier, ...]:
    """The contracts that a kind of document is made of: each lot has its own AE, the holder's alone once there is one.

    Raises DossierError where the holder names no lot of a contract that has several.
    """
    if kind != "ae":
        return (dossier,)
    if holder is None or not dossier.lots:
        return dossier.parts
    found = tuple(part for part in dossier.parts if part.alone and part.alone.number == holder.lot)
    if not found:
        raise DossierError({"holder.lot": "dites de quel lot du marché ce titulaire a l'acte d'engagement."})
    return found


def _workbooks(dossier: Dossier) -> Iterator[File]:
    """The price schedules of each lot, where there are lines: published once, they are the same in every version."""
    for part in dossier.parts:
        if name := workbook_name(part):
            yield file_of(name, xlsx.MEDIA_TYPE, xlsx.render_xlsx(part))


def usual_formats(dossier: Dossier) -> tuple[Format, ...]:
    """What is made when nothing else is asked."""
    return ("docx", "pdf", "xlsx") if any(part.price_lines for part in dossier.parts) else ("docx", "pdf")


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
    clauses: Mapping[str, Clause] | None = None,
    model: bytes | None = None,
    check_at: str = "",
) -> Built:
    """The documents of `kinds_of`, or of `kinds`, in the formats asked (None: the usual ones), and their manifest.

    `figures` and `rules` are whole tables. `holder` fills the AE for signature; `checked=False` renders again what was
    published. `pieces`: (name, sha256) of files beside them. `clauses`: the library (None: the catalogue). `model`: the
    buyer's Word model, as uploaded. `check_at`: see `render_pdf`. Same bytes each time. Raises PdfError, WordError,
    ClauseError if not `checked`.
    """
    table, wanted = tuple(figures), usual_formats(dossier) if formats is None else formats
    known = catalogue() if clauses is None else clauses
    judged: dict[str, Any] = {"now": now, "adopted": adopted, "passed_over": passed_over, "clauses": known}
    findings = check(dossier, table, rules, **judged) if checked else ()
    if any(finding.blocks for finding in findings):
        return Built((), (), findings)
    dossier = with_pieces(dossier, pieces)
    current = in_force(table, dossier.launched_on)
    taken = used(filled_clauses(dossier.clauses, view(dossier, current), known))
    how = renderers(wanted, now, _attached(dossier, taken, holder), model, check_at)
    documents = _documents(kinds_of(dossier, known) if kinds is None else kinds, dossier, current, holder, known)
    files = [*_rendered(documents, how, version), *(_workbooks(dossier) if "xlsx" in wanted else ())]
    content = manifest(dossier, [*map(_hashed, files), *pieces], named(taken), findings, now, version, model)
    return Built((*files, file_of("manifest.json", "application/json", content)), taken, findings)


def preview(kind: Kind, dossier: Dossier, figures: Iterable[Figure], holder: Holder | None = None) -> str:
    """One document as an HTML fragment, whatever the checks say. Raises ClauseError when a clause cannot be filled."""
    return html.render_html(assemble(kind, dossier, in_force(figures, dossier.launched_on), holder))
