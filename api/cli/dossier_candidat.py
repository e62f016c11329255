"""`mps dossier-candidat`: DC1, DC2, DUME, data and ZIP, from open data and what the company typed. No buyer needed."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from api.portable import identity_of, trouble
from api.sandbox.server import LOOKUP, running_sandbox
from api.settings import Settings, load
from dce_templates.candidate.candidate import Answers, AnswersError, Candidate, Identity, merged
from dce_templates.candidate.portable import Portable, build
from dce_templates.candidate.read_dume import MAX_BYTES, DumeError, read_plain
from dce_templates.render.pdf import PdfError
from dce_templates.strict_yaml import YamlError, read_mapping
from siret_lookup.http import Network
from siret_lookup.identity import Identity as Found
from siret_lookup.outcome import Outcome
from siret_lookup.public_identity import public_identity
from siret_lookup.siret import Siret, SiretError, parse_siret

PUBLIC_URL = "https://recherche-entreprises.api.gouv.fr"
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")]


def dossier_candidat(
    siret: Annotated[str, typer.Argument(help="SIRET de l’entreprise")],
    out: Annotated[Path, typer.Option("--out", help="Dossier où écrire les fichiers")],
    answers: Annotated[Path | None, typer.Option("--answers", help="Vos réponses, en YAML")] = None,
    read: Annotated[Path | None, typer.Option("--read", help="Un DUME (XML) à reprendre")] = None,
    as_json: Json = False,
) -> None:
    """Écrire DC1, DC2, DUME et ZIP d’une entreprise, pour n’importe quelle plateforme."""
    number = _number(siret)
    kept, unknown = _from_dume(read, number) if read else ({}, ())
    said = _merged(kept, _from_yaml(answers) if answers else {})
    found, sandbox = _look_up(number, load())
    identity = identity_of(number.value, found)
    _expect_someone(found, identity, said)
    try:
        made = build(Candidate(identity=identity, answers=said), datetime.now(UTC))
    except PdfError as error:
        _end(str(error))
    _write(out, made)
    warnings = [text for text in (trouble(found), *(f"Non repris du DUME : {text}" for text in unknown)) if text]
    for text in warnings:
        print(text, file=sys.stderr)
    _tell(out, made, as_json, identity=identity, warnings=warnings, sandbox=sandbox)


def _number(text: str) -> Siret:
    try:
        return parse_siret(text)
    except SiretError as error:
        _end(error.sentence)


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        reason = "est introuvable" if isinstance(error, FileNotFoundError) else "ne peut pas être lu"
        _end(f"Le fichier « {path} » {reason}.")
    if len(content) > most:
        _end(f"Le fichier « {path} » est trop gros ({most >> 20} Mo au plus).")
    return content


def _from_yaml(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(_content(path, 1 << 20).decode("utf-8-sig"))
    except UnicodeDecodeError:
        _end(f"Le fichier « {path} » n’est pas du texte en UTF-8.")
    except YamlError as error:
        _end(f"Le fichier « {path} » ne peut pas être repris. {error}")


def _from_dume(path: Path, number: Siret) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        owner, said, unknown = read_plain(_content(path, MAX_BYTES))
    except DumeError as error:
        _end(f"Le fichier « {path} » ne peut pas être repris. {error.sentence}")
    if owner and owner[:9] != number.siren:
        _end(f"Le fichier « {path} » est le DUME d’une autre entreprise (SIRET {Siret(owner)}).")
    return said, unknown


def _merged(*parts: dict[str, Any]) -> Answers:
    try:
        return merged(*parts)
    except AnswersError as error:
        _end(f"Vos réponses sont à corriger. {error}")


def _look_up(number: Siret, settings: Settings) -> tuple[Found, bool]:
    """Open identity, and whether the sandbox gave it."""
    with _directory(settings) as (url, network, sandbox):
        return public_identity(number, url, datetime.now(UTC), network), sandbox


@contextlib.contextmanager
def _directory(settings: Settings) -> Iterator[tuple[str, Network, bool]]:
    proxies = {"https": settings.https_proxy, "http": settings.https_proxy} if settings.https_proxy else {}
    network = Network(proxies=proxies, ca_file=str(settings.ca_file) if settings.ca_file else None)
    own = settings.recherche_entreprises_url
    if own is not None or settings.api_entreprise_url is not None:
        yield own or PUBLIC_URL, network, False
        return
    with running_sandbox(services=LOOKUP) as urls:
        yield urls.recherche_entreprises, Network(), True


def _expect_someone(found: Found, identity: Identity, said: Answers) -> None:
    """A file about nobody is not made: the name must come from open data or from the company."""
    if identity.name or said.identity.name or found.outcome is Outcome.OBTAINED:
        return
    if found.outcome is Outcome.UNAVAILABLE:
        _end(
            "L’annuaire des entreprises ne répond pas : réessayez, ou écrivez le nom (identity.name) avec --answers.", 3
        )
    _end(
        "Ce SIRET n’est pas dans les données ouvertes : vérifiez-le, ou écrivez le nom (identity.name) avec --answers."
    )


def _write(folder: Path, made: Portable) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in made.files:
            partial = folder / f".{file.name}.partial"
            partial.write_bytes(file.content)
            os.replace(partial, folder / file.name)
    except OSError as error:
        _end(f"Impossible d’écrire dans « {folder} » : {error.strerror or 'erreur du disque'}.")


def _tell(out: Path, made: Portable, as_json: bool, **more: Any) -> None:
    if not as_json:
        for file in made.files:
            print(f"{out / file.name}  sha256 {file.sha256}")
        for key, label in made.missing:
            print(f"À compléter : {label} ({key})")
        return
    identity: Identity = more.pop("identity")
    files = [{"name": file.name, "media_type": file.media_type, "sha256": file.sha256} for file in made.files]
    missing = [{"key": key, "label": label} for key, label in made.missing]
    report = {"siret": identity.siret, "files": files, "missing": missing, "identity": identity.model_dump(mode="json")}
    print(json.dumps(report | more, ensure_ascii=False))


def _end(sentence: str, code: int = 2) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)
