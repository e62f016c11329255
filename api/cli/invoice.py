"""`mps invoice check|match|make`: files are read, checked and made in a worker process, with a time limit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from api import invoices
from api.cli.several import BadFile, Result, each, finish, in_worker, read
from procurement.invoicing.bill_template import TEMPLATE
from procurement.invoicing.contracts import ContractRecord, ContractsUnreadable, load_contracts
from procurement.invoicing.directory import Directory, DirectoryUnreadable, load_directory
from procurement.invoicing.index import Index
from procurement.invoicing.invoice import MAX_FILE, Invoice
from procurement.invoicing.matching import match as match_invoice
from procurement.invoicing.money import euros

app = typer.Typer(no_args_is_help=True)
OPENING_SECONDS = 8.0
CHECKING_SECONDS = 60.0
MAX_CONTRACTS = 100 * 1024 * 1024
MAX_LINES_FILE = 5 * 1024 * 1024
KNOWN = frozenset({"InvoiceUnreadable", "BillUnreadable", "PageRefused"})
DECISIONS = {
    "approve": "à approuver",
    "partial": "à approuver en partie",
    "hold": "à mettre en attente",
    "refuse": "à refuser",
    "unmatched": "sans contrat correspondant",
}

Files = Annotated[list[Path], typer.Argument(metavar="FICHIER…", help="Factures : XML (CII, UBL) ou PDF Factur-X.")]
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")]


@app.command()
def check(
    files: Files,
    directory: Annotated[
        Path | None, typer.Option(metavar="FICHIER.json", help="Ce que l’annuaire dit des acheteurs publics.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Contrôler des factures : schéma, EN 16931, BR-FR, règles de Chorus Pro (CPRO)."""
    try:
        known = load_directory(read(directory, MAX_CONTRACTS)) if directory else None
    except (BadFile, DirectoryUnreadable) as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(2) from None
    finish(list(each(files, partial(_check, known))), as_json, lambda result: bool(result["valid"]), _check_lines)


@app.command()
def match(
    files: Files,
    contracts: Annotated[
        str, typer.Option(metavar="FICHIER.json|DATABASE_URL", help="Contrats connus : un fichier, ou la base.")
    ],
    as_json: Json = False,
) -> None:
    """Rapprocher des factures de leur contrat ; la décision proposée reste celle d’une personne."""
    try:
        known = Index(_contracts(contracts))
    except BadFile as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(2) from None
    results = list(each(files, partial(_match, known)))
    finish(results, as_json, lambda result: result["decision"] == "approve", _match_lines)


@app.command(epilog=TEMPLATE)
def make(
    contract: Annotated[Path, typer.Option(metavar="FICHIER.json", help="Le contrat, ou le fichier des contrats.")],
    lines: Annotated[Path, typer.Option(metavar="FICHIER", help="En-tête et lignes, en JSON ou en CSV.")],
    out: Annotated[Path, typer.Option(metavar="FICHIER.pdf", help="Le Factur-X à écrire.")],
    wanted: Annotated[str, typer.Option("--id", help="Numéro du contrat, si le fichier en a plusieurs.")] = "",
    as_json: Json = False,
) -> None:
    """Faire une facture Factur-X (PDF/A-3) prête à déposer, depuis un contrat et des lignes."""
    result = next(each([out], partial(_make, contract, lines, wanted)))
    finish([result], as_json, lambda made: bool(made["valid"]), _made_lines)


def contracts_from_database(url: str) -> tuple[ContractRecord, ...]:
    """The contracts that a database holds, as the contracts file would say them."""
    try:
        return load_contracts(json.dumps(invoices.contracts_from_database(url)))
    except (SQLAlchemyError, FileNotFoundError, ImportError):
        raise BadFile("Cette base de données ne s’ouvre pas, ou n’est pas une base de mps à jour.") from None


def _contracts(where: str) -> tuple[ContractRecord, ...]:
    if "://" in where:
        return contracts_from_database(where)
    try:
        return load_contracts(read(Path(where), MAX_CONTRACTS))
    except ContractsUnreadable as error:
        raise BadFile(error.sentence) from None


def _open(path: Path) -> bytes:
    content = read(path, MAX_FILE)
    in_worker(KNOWN, "procurement.invoicing.reading:probe", content, seconds=OPENING_SECONDS)
    return content


def _check(directory: Directory | None, path: Path) -> Result:
    content = _open(path)
    report: Result = in_worker(
        KNOWN, "procurement.invoicing.check:check_invoice_dict", content, directory, seconds=CHECKING_SECONDS
    )
    return report


def _match(contracts: Index, path: Path) -> Result:
    content = _open(path)
    invoice: Invoice = in_worker(KNOWN, "procurement.invoicing.parsing:read_invoice", content, seconds=CHECKING_SECONDS)
    return match_invoice(invoice, contracts).as_dict()


def _make(contract: Path, lines: Path, wanted: str, out: Path) -> Result:
    """The PDF is written only where it passes every rule that forbids."""
    given = read(contract, MAX_CONTRACTS), read(lines, MAX_LINES_FILE)
    made: tuple[bytes, Result] = in_worker(
        KNOWN, "procurement.invoicing.bill_making:make_invoice", *given, wanted, seconds=CHECKING_SECONDS
    )
    content, result = made
    if result["valid"]:
        try:
            out.write_bytes(content)
        except OSError:
            raise BadFile(f"Le fichier {out.name} ne peut pas être écrit.") from None
    return result


def _made_lines(result: Result) -> Iterator[str]:
    if result["valid"]:
        yield f"Facture {result['number']} écrite, cadre {result['process']}, {euros(Decimal(result['gross']))} TTC"
    else:
        yield f"Facture {result['number']} non écrite : des règles bloquantes seraient enfreintes"
    yield f"sha256 {result['sha256']}"
    yield from _findings(result)


def _check_lines(result: Result) -> Iterator[str]:
    yield f"Facture {result['number']} ({result['syntax']}) : " + (
        "aucune règle bloquante enfreinte" if result["valid"] else "des règles bloquantes sont enfreintes"
    )
    yield from _findings(result)


def _findings(result: Result) -> Iterator[str]:
    for finding in result["findings"]:
        mark = "bloquant" if finding["severity"] == "fatal" else "avertissement"
        yield f"[{mark}] {finding['rule']} : {finding['message']} ({finding['location']} ; {finding['source']})"
    if left := [rule["rule"] for rule in result["not_verified"]]:
        yield f"Non vérifié ici : {', '.join(left)} (pourquoi : avec --json)."


def _match_lines(result: Result) -> Iterator[str]:
    yield f"Facture {result['number']} : {DECISIONS[result['decision']]} (proposition)"
    for candidate in result["candidates"]:
        yield f"Contrat {candidate['contract']} ({candidate['score']}/100) : {' ; '.join(candidate['because'])}"
    for finding in result["findings"]:
        yield f"[{finding['severity']}] {finding['bt']} {finding['reason_code']} : {finding['message']}"
    if result["chorus"]:
        yield f"Dans Chorus Pro : {result['chorus']}. {result['delay']}"
    if result["amounts"]:
        admitted, left = result["amounts"]["MAP"], result["amounts"]["MNA"]
        yield f"Admis : {euros(Decimal(admitted))} HT (MAP) ; non admis : {euros(Decimal(left))} HT (MNA)."
    if result["payable"]:
        yield from result["payable"]["steps"]
    yield str(result["notice"])
