"""`mps sign`: sign a PDF, verify signed files. Files are read and signed in a worker process, with a time limit."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    trust_list: Annotated[Path | None, typer.Option(metavar="XML", help="Liste de confiance (ETSI).")] = None,
    trust_list_cert: Annotated[Path | None, typer.Option(metavar="PEM", help="Qui doit l’avoir signée.")] = None,
    at: Annotated[str | None, typer.Option(metavar="ISO8601", help="Moment de la vérification.")] = None,
    offline: Annotated[bool, typer.Option(help="Ne rien aller chercher (c’est toujours le cas à ce jour).")] = False,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Vérifier des signatures : valide techniquement ? recevable au titre de l’arrêté du 22 mars 2019 ?"""
    with _ended(as_json):
        if content:
            raise Stop("--content sert aux signatures détachées, un format pas encore vérifié par cette version.")
        now = _moment(at)
        trust = _with_list(_trust(anchor, cert, crl, sandbox_pki, now), trust_list, trust_list_cert, now)
        results = [_verify(path, trust, now) for path in files]
        _show(results, as_json)
        code = max(_code(result) for _, result in results)
    raise typer.Exit(code)


@app.command()
def pades(
    source: Annotated[Path, typer.Argument(metavar="ENTRÉE", help="Le PDF à signer.")],
    target: Annotated[Path, typer.Argument(metavar="SORTIE", help="Le PDF signé.")],
    p12: Annotated[Path, typer.Option(metavar="FICHIER", help="Certificat et clé (PKCS#12).")],
    level: Annotated[str, typer.Option(help="B, ou T (horodatée).")] = "B",
    tsa: Annotated[str | None, typer.Option(metavar="URL", help="Service d’horodatage (RFC 3161).")] = None,
    password_env: Annotated[str, typer.Option(help="Variable qui contient le mot de passe.")] = PASSWORD,
    reason: Annotated[str | None, typer.Option(help="Motif de la signature.")] = None,
    location: Annotated[str | None, typer.Option(help="Lieu de la signature.")] = None,
    sandbox_pki: SandboxPki = None,
    as_json: Json = False,
) -> None:
    """Signer un PDF (PAdES) avec la clé d’un fichier PKCS#12, qui ne quitte pas cette machine."""
    with _ended(as_json):
        if tsa is not None and not tsa.startswith(("http://", "https://")):
            raise Stop("L’adresse du service d’horodatage doit commencer par http:// ou https://.")
        pdf, key = _read(source), _read(p12)
        secret = _password(password_env)
        with _timestamp(level, tsa, sandbox_pki or pki.FOLDER) as stamp:
            signed = _work("signature.pades:sign", pdf, key, secret, level, stamp, _now(), reason, location)
        _write(target, signed.content)
        answer = {"file": str(target), "sha256": signed.sha256, "level": signed.level}
        typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"Signé (PAdES {level}) : {target}")


def _verify(path: Path, trust: Trust, now: str) -> tuple[Path, Report | str]:
    try:
        report: Report = _work("signature.verify:verify", _read(path), trust, now)
        return path, report
    except Stop as stop:
        return path, stop.sentence


def _work(path: str, *args: Any) -> Any:
    try:
        return isolate.run(path, *args, seconds=SECONDS)
    except isolate.WorkFailed as failure:
        if failure.kind == "Unavailable":
            raise Stop(failure.sentence, 3) from None
        known = failure.kind in ("Unreadable", "SignatureError", "MemoryError")
        raise Stop(failure.sentence if known else "Le fichier ne peut être traité : il est abîmé.") from None
    except Unavailable as error:
        raise Stop(error.sentence) from None


def _code(result: Report | str) -> int:
    return 2 if isinstance(result, str) else 0 if result.holds else 1


def _show(results: list[tuple[Path, Report | str]], as_json: bool) -> None:
    shapes = [
        {"file": str(path), "error": result} if isinstance(result, str) else {"file": str(path)} | result.as_dict()
        for path, result in results
    ]
    if as_json:
        typer.echo(json.dumps(shapes[0] if len(shapes) == 1 else {"results": shapes}, ensure_ascii=False))
        return
    for path, result in results:
        typer.echo(f"{path}")
        for line in [result] if isinstance(result, str) else sentences(result):
            typer.echo(f"  {line}", err=isinstance(result, str))


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
    return Trust(
        own.anchors + given.anchors, own.intermediates + given.intermediates, own.crls + given.crls, own.trust_list
    )


def _with_list(trust: Trust, xml: Path | None, signer: Path | None, now: str) -> Trust:
    """The trust with the services of one trusted list, verified first; it takes the place of the sandbox's."""
    if xml is None and signer is None:
        return trust
    if xml is None or signer is None:
        raise Stop("--trust-list et --trust-list-cert vont ensemble : la liste, et le certificat qui l’a signée.")
    both: Trust = _work(
        "signature.lists:trust_from_list", _read(xml), _read(signer), datetime.fromisoformat(now), trust
    )
    return both


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
        raise Stop(f"Le fichier signé ne peut être écrit : {path}") from None


def _password(variable: str) -> str:
    value = os.environ.get(variable)
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise Stop(f"Le mot de passe du fichier de clé manque : mettez-le dans la variable {variable}.")
    typed: str = typer.prompt("Mot de passe du fichier de clé", hide_input=True, err=True)
    return typed
