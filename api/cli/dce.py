"""`mps dce check`, `build` and `prices`: legal checks, documents, prices that came back, from a YAML file."""

import json
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from dce_templates import french
from dce_templates.build import FORMATS, Built, Format, build
from dce_templates.checks import Finding, check
from dce_templates.dossier import Dossier, DossierError, load_dossier
from dce_templates.law import Rule
from dce_templates.read_prices import PricesRead, read_prices
from dce_templates.render.odt import OdtError
from dce_templates.render.pdf import PdfError
from dce_templates.word.file import WordError
from dce_templates.word.model import MAX_BYTES as MAX_MODEL
from dce_templates.workbook import MAX_BYTES as MAX_WORKBOOK
from dce_templates.workbook import WorkbookError
from procurement.rules import rule_table

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")]
NotAdopted = Annotated[bool, typer.Option("--not-adopted", help="Table des règles non adoptée : rien ne bloque")]
At = Annotated[str, typer.Option("--at", help="Contrôler comme à cet instant (ISO 8601, avec fuseau)")]
FORMAT_HELP = (
    "docx,pdf,html,xlsx, odt avec LibreOffice ; sans cette option, docx,pdf, et xlsx s'il y a des lignes de prix"
)
MAX_BYTES = 1_000_000
_MARKS = {"block": "BLOQUE", "warn": "ATTENTION", "info": "À SAVOIR"}


class BadFile(Exception):
    """A file that cannot be read; `str()` is one French sentence."""


def _end(sentence: str, code: int = 2) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        _end(f"« {text} » n'est pas un instant : écrivez par exemple 2026-12-01T09:00:00+01:00.")
    return moment


def _content(path: Path, most: int, what: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        reason = "est introuvable" if isinstance(error, FileNotFoundError) else "ne peut pas être lu"
        raise BadFile(f"Le fichier « {path} » {reason}.") from error
    if len(data) > most:
        raise BadFile(f"Le fichier « {path} » est trop gros pour être {what}.")
    return data


def _read(path: Path) -> Dossier:
    data = _content(path, MAX_BYTES, "un dossier")
    try:
        return load_dossier(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(f"Le fichier « {path} » n'est pas du texte en UTF-8.") from error
    except DossierError as error:
        raise BadFile(f"Le fichier « {path} » ne décrit pas un dossier. {error}") from error


def _plain(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    return [asdict(finding) | {"blocks": finding.blocks} for finding in findings]


def _print_findings(findings: tuple[Finding, ...]) -> None:
    for item in findings:
        print(f"{_MARKS[item.severity]} {item.id} ({item.article}) : {item.message}")
        print(f"    À faire : {item.fix} ({item.read})")
        if item.passed_over:
            print(f"    Passé outre : {item.passed_over}")
    if not findings:
        print("Rien à signaler.")


def _check_one(path: Path, adopted: bool, now: datetime) -> tuple[int, dict[str, Any], tuple[Finding, ...]]:
    table = rule_table()
    try:
        findings = check(_read(path), table.figures, table.rules, now=now, adopted=adopted)
    except BadFile as error:
        return 2, {"file": str(path), "error": str(error)}, ()
    code = int(any(finding.blocks for finding in findings))
    return code, {"file": str(path), "table": table.sha256, "findings": _plain(findings)}, findings


@app.command("check")
def check_command(
    files: Annotated[list[Path], typer.Argument(help="Dossiers en YAML")],
    as_json: Json = False,
    not_adopted: NotAdopted = False,
    at: At = "",
) -> None:
    """Check dossiers against the shipped rules: exit 1 where something blocks, 2 where a file is unreadable."""
    now = _moment(at)
    worst, results = 0, []
    for path in files:
        code, result, findings = _check_one(path, not not_adopted, now)
        worst = max(worst, code)
        results.append(result)
        if "error" in result:
            print(result["error"], file=sys.stderr)
        elif not as_json:
            print(path)
            _print_findings(findings)
    if as_json:
        print(json.dumps(results[0] if len(results) == 1 else {"results": results}, ensure_ascii=False))
    raise typer.Exit(worst)


def _listed(text: str, known: Collection[str]) -> tuple[str, ...]:
    """The formats that were asked, all of them known."""
    wanted = tuple(item.strip() for item in text.split(",") if item.strip())
    unknown = [item for item in wanted if item not in known]
    if unknown or not wanted:
        _end(f"Format inconnu ou absent : « {', '.join(unknown)} ». Formats possibles : {', '.join(known)}.")
    return wanted


def _formats(text: str | None) -> tuple[Format, ...] | None:
    return None if text is None else cast(tuple[Format, ...], _listed(text, FORMATS))


def _motives(texts: list[str], rules: Iterable[Rule]) -> dict[str, str]:
    known = {rule.id for rule in rules}
    found: dict[str, str] = {}
    for text in texts:
        name, _, motive = text.partition("=")
        if name not in known:
            _end(f"« {name} » n'est pas une règle de la table.")
        if not motive.strip():
            _end(f"Pour passer outre la règle « {name} », écrivez un motif : --override {name}=motif.")
        found[name] = motive.strip()
    return found


def _write(folder: Path, built: Built) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in built.files:
            partial = folder / f".{file.name}.partial"
            partial.write_bytes(file.content)
            os.replace(partial, folder / file.name)
    except OSError as error:
        _end(f"Impossible d'écrire dans « {folder} » : {error.strerror or 'erreur du disque'}.")


@app.command("build")
def build_command(
    file: Annotated[Path, typer.Argument(help="Dossier en YAML")],
    out: Annotated[Path, typer.Option("--out", help="Dossier de sortie")],
    formats: Annotated[str | None, typer.Option("--format", help=FORMAT_HELP)] = None,
    override: Annotated[list[str] | None, typer.Option("--override", help="REGLE=motif, pour passer outre")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Modèle Word de l’acheteur, .docx")] = None,
    as_json: Json = False,
    not_adopted: NotAdopted = False,
    at: At = "",
) -> None:
    """Check, then write RC, AE, CCAP, price schedules and manifest: exit 1 and no file where something blocks."""
    wanted, now, table = _formats(formats), _moment(at), rule_table()
    motives = _motives(override or [], table.rules)
    try:
        dossier = _read(file)
        built = build(
            dossier, table.figures, table.rules, wanted, now=now, adopted=not not_adopted, passed_over=motives,
            model=_content(model, MAX_MODEL, "un modèle") if model else None,
        )  # fmt: skip
    except (BadFile, PdfError, OdtError, WordError) as error:
        _end(str(error))
    if "xlsx" in (wanted or ()) and not any(part.price_lines for part in dossier.parts):
        print("Aucun classeur de prix : le dossier ne donne pas de ligne de prix (price_lines).", file=sys.stderr)
    _tell(out, built, as_json)


def _tell(out: Path, built: Built, as_json: bool) -> None:
    """Write the files and say what they are: exit 1 where something blocks."""
    _write(out, built)
    if as_json:
        print(json.dumps(_answer(built), ensure_ascii=False))
    else:
        _print_findings(built.findings)
        for made in built.files:
            print(f"{out / made.name}  sha256 {made.sha256}")
    if built.blocked:
        _end("Aucun document n'a été écrit : corrigez ce qui bloque, ou passez outre avec un motif (--override).", 1)


def _answer(built: Built) -> dict[str, Any]:
    return {
        "files": [{"name": file.name, "media_type": file.media_type, "sha256": file.sha256} for file in built.files],
        "clauses": [asdict(clause) for clause in built.clauses],
        "findings": _plain(built.findings),
    }


def _of_lot(dossier: Dossier, number: int | None) -> Dossier:
    """The contract that the workbook is of. Raises BadFile."""
    found = next((part for part in dossier.parts if part.alone and part.alone.number == number), None)
    if found is not None or (number is None and not dossier.lots):
        return found or dossier
    numbers = ", ".join(str(item.number) for item in dossier.lots)
    raise BadFile(f"Dites de quel lot est ce classeur (--lot) : {numbers}." if numbers else "Ce dossier n'a qu'un lot.")


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text.replace(",", "."))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12:
        _end(f"« {text} » n'est pas un montant : écrivez par exemple 91500.00.")
    return amount


@app.command("prices")
def prices_command(
    file: Annotated[Path, typer.Argument(help="Dossier en YAML")],
    filled: Annotated[Path, typer.Argument(help="Classeur de prix rempli, en XLSX")],
    amount: Annotated[str | None, typer.Option("--amount", help="Montant HT de l'acte d'engagement")] = None,
    lot: Annotated[int | None, typer.Option("--lot", help="Numéro du lot, si le dossier en a plusieurs")] = None,
    as_json: Json = False,
) -> None:
    """Read a filled price workbook against what was sent: exit 1 where something does not hold, 2 if unreadable."""
    engaged = _amount(amount)
    try:
        dossier = _of_lot(_read(file), lot)
        found = read_prices(dossier, _content(filled, MAX_WORKBOOK, "un cadre de prix"), engaged)
    except (BadFile, WorkbookError) as error:
        if as_json:
            print(json.dumps({"file": str(filled), "error": str(error)}, ensure_ascii=False))
        _end(str(error))
    if as_json:
        print(json.dumps({"file": str(filled), **asdict(found)}, ensure_ascii=False, default=_plain_decimal))
    else:
        _print_prices(found)
    raise typer.Exit(int(bool(found.problems)))


def _plain_decimal(value: Decimal) -> str:
    return format(value, "f")


def _print_prices(found: PricesRead) -> None:
    for problem in found.problems:
        print(f"{problem.cell} : {problem.sentence}" if problem.cell else problem.sentence)
    given = sum(line.price is not None for line in found.lines)
    total = "" if found.total_ht is None else f" Total HT : {french.euros(found.total_ht)}."
    print(f"Prix lus : {given} sur {len(found.lines)}.{total}")
