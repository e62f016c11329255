"""`mps sign`: sign a PDF, verify signed files. Files are read and signed in a worker process, with a time limit."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api import isolate, settings
from api.remote.tsa import request_timestamp
from api.sandbox import pki
from api.sandbox.tsa import running as running_tsa
from procurement.errors import Unavailable
from signature.errors import Unreadable
from signature.explain import sentences
from signature.facts import Embedded
from signature.making.keys import Pkcs12
from signature.report_words import Examined
from signature.trust import Trust, trust_from_files
from signature.verdict import Report

app = typer.Typer(help="Signer et vérifier des documents.", no_args_is_help=True)
SECONDS = 8.0
MAX_BYTES = 300 * 1024 * 1024
PASSWORD = "MPS_P12_PASSWORD"  # noqa: S105 - the name of a variable

Files = Annotated[list[Path] | None, typer.Option(metavar="FICHIER")]
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie.")]
SandboxPki = Annotated[Path | None, typer.Option(metavar="DOSSIER", help="Dossier de l’AC du bac à sable.")]


class Stop(Exception):
    """The command ends with this sentence and this code."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FICHIER…", help="Documents signés.")],
    content: Files = None,
    anchor: Files = None,
    cert: Files = None,
    crl: Files = None,
    trust_list: Annotated[Path | None, typer.Option(metavar="XML")] = None,
    trust_list_cert: Annotated[Path | None, typer.Option(metavar="PEM")] = None,
    at: Annotated[str | None, typer.Option(metavar="ISO8601", help="Moment de la vérification.")] = None,
    offline: Annotated[bool, typer.Option(help="Ne rien aller chercher (c’est toujours le cas à ce jour).")] = False,
    report: Annotated[Path | None, typer.Option(metavar="PDF", help="Y écrire le rapport, en français.")] = None,
    xml: Annotated[Path | None, typer.Option(metavar="XML", help="Y écrire le rapport ETSI TS 119 102-2.")] = None,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Vérifier des signatures : valide techniquement ? recevable au titre de l’arrêté du 22 mars 2019 ?"""
    with _ended(as_json):
        now = _moment(at)
        trust = _trust(anchor, cert, crl, sandbox_pki, now).with_more(_listed(trust_list, trust_list_cert, now))
        beside = {path.name if len(content or []) == 1 else str(path): _read(path) for path in content or []}
        results = [(path, _verify(path, trust, now, beside)) for path in files]
        _show(results, as_json)
        _report([result for _, result in results], trust, datetime.fromisoformat(now), report, xml)
        code = max(_code(result) for _, result in results)
    raise typer.Exit(code)


Source = Annotated[Path, typer.Argument(metavar="ENTRÉE", help="Le document à signer.")]
Target = Annotated[Path, typer.Argument(metavar="SORTIE", help="Le fichier signé, ou le jeton de signature.")]
P12 = Annotated[Path, typer.Option(metavar="FICHIER", help="Certificat et clé (PKCS#12).")]
LevelOption = Annotated[str, typer.Option(help="B ; T (horodatée) ; LT, LTA (avec les preuves de non-révocation).")]
Tsa = Annotated[str | None, typer.Option(metavar="URL", help="Service d’horodatage (RFC 3161).")]
PasswordEnv = Annotated[str, typer.Option(help="Variable qui contient le mot de passe.")]


@app.command()
def pades(
    source: Source,
    target: Target,
    p12: P12,
    level: LevelOption = "B",
    tsa: Tsa = None,
    crl: Files = None,
    cert: Files = None,
    password_env: PasswordEnv = PASSWORD,
    reason: Annotated[str | None, typer.Option(help="Motif de la signature.")] = None,
    location: Annotated[str | None, typer.Option(help="Lieu de la signature.")] = None,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Signer un PDF (PAdES) avec la clé d’un fichier PKCS#12, qui ne quitte pas cette machine."""
    with _ended(as_json):
        order = _order(source, p12, level, tsa, crl, cert, password_env, sandbox_pki)
        _made("PAdES", "signature.making.desk:pades", order, target, as_json, reason, location)


@app.command()
def xades(
    source: Source,
    target: Target,
    p12: P12,
    level: LevelOption = "B",
    tsa: Tsa = None,
    crl: Files = None,
    cert: Files = None,
    password_env: PasswordEnv = PASSWORD,
    enveloped: Annotated[bool, typer.Option(help="Dans le document (XML) plutôt qu’à côté.")] = False,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Signer un fichier quelconque (XAdES) : un jeton .xml à côté de lui, ou une signature dans le XML."""
    with _ended(as_json):
        order = _order(source, p12, level, tsa, crl, cert, password_env, sandbox_pki)
        _made("XAdES", "signature.making.desk:xades", order, target, as_json, source.name, enveloped)


@app.command()
def cades(
    source: Source,
    target: Target,
    p12: P12,
    level: LevelOption = "B",
    tsa: Tsa = None,
    password_env: PasswordEnv = PASSWORD,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Signer un fichier quelconque (CAdES) : un jeton .p7s à côté de lui."""
    with _ended(as_json):
        order = _order(source, p12, level, tsa, None, None, password_env, sandbox_pki)
        _made("CAdES", "signature.making.desk:cades", order, target, as_json)


@dataclass(frozen=True)
class _Order:
    """What every way of signing needs, read before the work starts."""

    content: bytes
    key: Pkcs12
    level: str
    tsa: str | None
    folder: Path
    material: Embedded


def _order(
    source: Path,
    p12: Path,
    level: str,
    tsa: str | None,
    crl: list[Path] | None,
    cert: list[Path] | None,
    password_env: str,
    sandbox: Path | None,
) -> _Order:
    if tsa is not None and not tsa.startswith(("http://", "https://")):
        raise Stop("L’adresse du service d’horodatage doit commencer par http:// ou https://.")
    content, key = _read(source), _read(p12)
    proofs = _trust(None, cert, crl, sandbox, _now())
    material = Embedded(proofs.intermediates, proofs.crls)
    return _Order(content, Pkcs12(key, _password(password_env)), level, tsa, sandbox or pki.FOLDER, material)


def _made(name: str, path: str, order: _Order, target: Path, as_json: bool, *more: Any) -> None:
    with _timestamp(order.level, order.tsa, order.folder) as stamp:
        signed = _work(path, order.content, order.key, order.level, stamp, _now(), order.material, *more)
    _write(target, signed.content)
    answer = {"file": str(target), "sha256": signed.sha256, "level": signed.level}
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"Signé ({name} {signed.level}) : {target}")


def _verify(path: Path, trust: Trust, now: str, beside: dict[str, bytes]) -> Examined:
    content = b""
    try:
        content = _read(path)
        report: Report = _work("signature.verify:verify", content, trust, now, None, beside)
        return Examined.of(path.name, content, report, beside=beside)
    except Stop as stop:
        return Examined.of(path.name, content, None, stop.sentence)


def _report(examined: list[Examined], trust: Trust, now: datetime, pdf: Path | None, xml: Path | None) -> None:
    """The two reports, where they are asked for. No key is at hand here: the PDF is not sealed."""
    if pdf is not None:
        _write(pdf, _work("api.verification_pdf:render", examined, trust, now, sealed=False))
        typer.echo(f"Rapport écrit, non scellé : {pdf}", err=True)
    if xml is None:
        return
    files = [(each.name, each.report) for each in examined if each.report is not None]
    if not any(found.signatures for _, found in files):
        typer.echo("Aucune signature : il n’y a pas de rapport XML à écrire.", err=True)
        return
    _write(xml, _work("signature.report_xml:validation_report", files, now))
    typer.echo(f"Rapport XML écrit : {xml}", err=True)


def _work(path: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return isolate.run(path, *args, seconds=SECONDS, **kwargs)
    except isolate.WorkFailed as failure:
        if failure.kind == "Unavailable":
            raise Stop(failure.sentence, 3) from None
        raise Stop(failure.told(frozenset({"Unreadable", "SignatureError"}))) from None
    except Unavailable as error:
        raise Stop(error.sentence) from None


def _code(result: Examined) -> int:
    return 2 if result.report is None else 0 if result.report.holds else 1


def _show(results: list[tuple[Path, Examined]], as_json: bool) -> None:
    shapes = [
        {"file": str(path)} | (result.report.as_dict() if result.report else {"error": result.error})
        for path, result in results
    ]
    if as_json:
        typer.echo(json.dumps(shapes[0] if len(shapes) == 1 else {"results": shapes}, ensure_ascii=False))
        return
    for path, result in results:
        typer.echo(f"{path}")
        for line in sentences(result.report) if result.report else [result.error]:
            typer.echo(f"  {line}", err=result.report is None)


def _trust(
    anchor: list[Path] | None, cert: list[Path] | None, crl: list[Path] | None, sandbox: Path | None, now: str
) -> Trust:
    anchors, certificates, crls = ([_read(path) for path in paths or []] for paths in (anchor, cert, crl))
    try:
        given = trust_from_files(anchors, certificates, crls)
    except Unreadable as error:
        raise Stop(error.sentence) from None
    if sandbox is None:
        return given
    own = pki.sandbox_trust(sandbox, datetime.fromisoformat(now))
    return own.with_more(given)


def _listed(xml: Path | None, signer: Path | None, now: str) -> Trust:
    """The services of a trusted list given on the command line, once its signature holds."""
    if xml is None and signer is None:
        return Trust()
    if xml is None or signer is None:
        raise Stop("--trust-list et --trust-list-cert vont ensemble : la liste, et le certificat qui la signe.")
    trust: Trust = _work("signature.lists:trust_from_list", _read(xml), _read(signer), datetime.fromisoformat(now))
    return trust


@contextmanager
def _timestamp(level: str, url: str | None, folder: Path) -> Iterator[Any]:
    """The function that fetches a timestamp, or None for level B; the sandbox's where no service is named."""
    if level == "B":
        yield None
        return
    try:
        known = settings.load()
    except settings.BadSettings as error:
        raise Stop(str(error)) from None
    proxy, ca_file = known.https_proxy, str(known.ca_file) if known.ca_file else None
    if chosen := url or known.tsa_url:
        yield partial(request_timestamp, chosen, proxy=proxy, ca_file=ca_file)
        return
    with running_tsa(folder, partial(datetime.now, UTC)) as own:
        yield partial(request_timestamp, own)


@contextmanager
def _ended(as_json: bool) -> Iterator[None]:
    try:
        yield
    except Stop as stop:
        typer.echo(stop.sentence, err=True)
        if as_json:
            typer.echo(json.dumps({"error": stop.sentence}, ensure_ascii=False))
        raise typer.Exit(stop.code) from None


def _moment(text: str | None) -> str:
    if text is None:
        return _now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Stop("--at attend une date ISO 8601, par exemple 2026-11-23T10:00:00+01:00.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Stop(f"Le fichier est trop grand : {path}")
        return path.read_bytes()
    except OSError:
        raise Stop(f"Le fichier ne peut être ouvert : {path}") from None


def _write(path: Path, content: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
            draft.write(content)
        Path(draft.name).chmod(0o644)
        os.replace(draft.name, path)
    except OSError:
        raise Stop(f"Le fichier ne peut être écrit : {path}") from None


def _password(variable: str) -> str:
    value = os.environ.get(variable)
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise Stop(f"Le mot de passe du fichier de clé manque : mettez-le dans la variable {variable}.")
    typed: str = typer.prompt("Mot de passe du fichier de clé", hide_input=True, err=True)
    return typed
