"""`mps siret check` and `mps siret fetch`: a number's shape; identity and pieces for a habilitated buyer."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from api.sandbox.api_entreprise import TOKEN
from api.sandbox.server import LOOKUP, running_sandbox
from api.settings import Settings, load
from siret_lookup.bodacc import find_proceedings
from siret_lookup.bodacc import words as bodacc_words
from siret_lookup.bodacc.piece import as_piece, read_back
from siret_lookup.catalogue import BODACC, PIECES
from siret_lookup.establishments import find_establishments
from siret_lookup.fetch import fetch_all
from siret_lookup.http import PRODUCTION_DOCUMENT_HOSTS, Access, BadAccess, Network
from siret_lookup.identity import Identity, identity_of, open_identity
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.quotas import MemoryQuotas, QuotaStore
from siret_lookup.siret import Siren, Siret, SiretError, parse_siren, parse_siret
from siret_lookup.words import buyer_sentence, label

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")]
IDENTITY = "insee_etablissement"
USUAL = (
    IDENTITY,
    "insee_unite_legale",
    "infogreffe_extrait",
    "rne_extrait",
    "vigilance",
    "attestation_fiscale",
    "chiffres_affaires",
    BODACC.key,
)
# What else is asked of a builder. What needs the buyer's motive is asked for by its name only.
WORKS = ("probtp_attestation", "cibtp_attestation", "cnetp_attestation", "qualibat", "rge", "fntp_carte")


class Procedure(StrEnum):
    """What is bought."""

    WORKS = "works"
    SERVICES = "services"
    SUPPLIES = "supplies"


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to ask, and with which token: the settings', else the sandbox's."""

    api_entreprise: str
    recherche_entreprises: str
    bodacc: str
    token: str
    document_hosts: frozenset[str]
    network: Network
    sandbox: bool


@app.command()
def check(value: Annotated[str, typer.Argument(help="SIRET, avec ou sans espaces")], as_json: Json = False) -> None:
    """Contrôler la forme et la clé d’un SIRET ; donner le SIREN et le numéro de TVA."""
    try:
        report = _good(parse_siret(value))
    except SiretError as error:
        report = _bad(error)
    if as_json:
        _print_json(report)
    else:
        print(report["sentence"])
    raise typer.Exit(0 if report["valid"] else 1)


@app.command()
def fetch(
    siret: Annotated[str, typer.Argument(help="SIRET de l’entreprise")],
    buyer: Annotated[str, typer.Option(help="SIRET de l’acheteur habilité")],
    purpose: Annotated[str, typer.Option("--object", help="Objet de l’appel, moins de 50 caractères")],
    out: Annotated[Path, typer.Option(help="Dossier où écrire les documents et report.json")],
    procedure: Annotated[Procedure, typer.Option(help="Ce qui est acheté")] = Procedure.SERVICES,
    pieces: Annotated[
        str | None, typer.Option(help="Pièces voulues, séparées par des virgules (sinon les pièces d’usage)")
    ] = None,
    year: Annotated[
        int | None, typer.Option(help="Dernière année à retenir : exercice, liasse, effectif", min=1900, max=9999)
    ] = None,
    as_json: Json = False,
) -> None:
    """Obtenir l’identité et les pièces d’une entreprise, pour un acheteur habilité."""
    now = datetime.now(UTC)
    settings = load()
    keys = _keys(pieces) if pieces is not None else _usual(procedure)
    number = _number(siret, settings, now)
    with _remote(settings) as remote:
        access = _access(remote, buyer, purpose)
        results = _ask(keys, number, remote, access, now, quotas := MemoryQuotas(), year)
        identity = _identity(number, results) or open_identity(number, access, now, quotas)
    report = _report(identity, results, procedure, year, remote.sandbox) | {"object": purpose, "buyer": buyer}
    _write(out, results, report)
    if as_json:
        _print_json(report)
    else:
        _print_human(identity, results, out)
    raise typer.Exit(_exit_code(identity, results))


def _ask(
    keys: list[str], number: Siret, remote: Remote, access: Access, now: datetime, quotas: QuotaStore, year: int | None
) -> list[PieceResult]:
    """Every piece asked for, in that order: API Entreprise's side by side, then the open service."""
    results = fetch_all([key for key in keys if key != BODACC.key], number, access, now, quotas, year)
    if BODACC.key in keys:
        found = find_proceedings(Siren(number.siren), remote.bodacc, now, quotas, remote.network)
        results.append(as_piece(found))
    return sorted(results, key=lambda result: keys.index(result.key))


def _good(siret: Siret) -> dict[str, object]:
    return {
        "siret": siret.value,
        "siren": siret.siren,
        "nic": siret.nic,
        "vat": siret.vat,
        "valid": True,
        "warnings": list(siret.warnings),
        "reason": None,
        "sentence": " ".join(
            [f"{siret} : SIREN {Siren(siret.siren)}, TVA {siret.vat} (numéro calculé).", *siret.warnings]
        ),
    }


def _bad(error: SiretError) -> dict[str, object]:
    return {
        "siret": None,
        "siren": error.siren,
        "nic": None,
        "vat": parse_siren(error.siren).vat if error.siren else None,
        "valid": False,
        "warnings": [],
        "reason": error.reason,
        "sentence": error.sentence,
    }


def _usual(procedure: Procedure) -> list[str]:
    return [*USUAL, *(WORKS if procedure is Procedure.WORKS else ())]


def _keys(pieces: str) -> list[str]:
    keys = [key for part in pieces.split(",") if (key := part.strip())]
    unknown = [key for key in keys if key not in PIECES]
    if unknown or not keys:
        _end(f"Pièce inconnue : {', '.join(unknown) or 'aucune'}. Pièces possibles : {', '.join(PIECES)}.")
    return keys


def _number(text: str, settings: Settings, now: datetime) -> Siret:
    try:
        return parse_siret(text)
    except SiretError as error:
        if error.siren is None:
            _end(error.sentence)
        with _remote(settings) as remote:
            found = find_establishments(Siren(error.siren), remote.recherche_entreprises, now, remote.network)
        for place in found.places:
            state = "ouvert" if place.active else "fermé"
            print(f"{place.siret}  {state}  {place.address or 'adresse non diffusée'}", file=sys.stderr)
        _end(error.sentence)


def _access(remote: Remote, buyer: str, purpose: str) -> Access:
    try:
        return Access(
            base_url=remote.api_entreprise,
            token=remote.token,
            recipient=parse_siret(buyer).value,
            object=purpose,
            document_hosts=remote.document_hosts,
            network=remote.network,
        )
    except SiretError as error:
        _end(f"Le SIRET de l’acheteur ne convient pas. {error.sentence}")
    except BadAccess as error:
        _end(str(error))


@contextlib.contextmanager
def _remote(settings: Settings) -> Iterator[Remote]:
    proxies = {"https": settings.https_proxy, "http": settings.https_proxy} if settings.https_proxy else {}
    network = Network(proxies=proxies, ca_file=str(settings.ca_file) if settings.ca_file else None)
    token = settings.api_entreprise_token.get_secret_value() if settings.api_entreprise_token else ""
    search, notices = settings.recherche_entreprises_url, settings.bodacc_url
    if settings.api_entreprise_url is None:
        with running_sandbox(services=LOOKUP) as urls:
            # The loopback is never reached through a proxy.
            hosts = frozenset({urls.host})
            yield Remote(
                urls.api_entreprise, search or urls.recherche_entreprises, notices or urls.bodacc, token or TOKEN,
                hosts, Network(), True,
            )  # fmt: skip
        return
    if not token:
        _end("Le réglage MPS_API_ENTREPRISE_TOKEN est nécessaire avec MPS_API_ENTREPRISE_URL.")
    own_host = urlsplit(settings.api_entreprise_url).netloc
    hosts = PRODUCTION_DOCUMENT_HOSTS if own_host in PRODUCTION_DOCUMENT_HOSTS else frozenset({own_host})
    yield Remote(
        settings.api_entreprise_url, search or _SEARCH, notices or _NOTICES, token, hosts, network, False
    )  # fmt: skip


_SEARCH = "https://recherche-entreprises.api.gouv.fr"
_NOTICES = "https://bodacc-datadila.opendatasoft.com"


def _identity(siret: Siret, results: list[PieceResult]) -> Identity | None:
    """The buyer's own answer where it came, fuller than open data for a company of restricted diffusion."""
    own = next((result for result in results if result.key == IDENTITY), None)
    return identity_of(siret, own) if own and own.outcome is Outcome.OBTAINED else None


def _report(
    identity: Identity, results: list[PieceResult], procedure: Procedure, year: int | None, sandbox: bool
) -> dict[str, object]:
    return {
        "identity": _plain(asdict(identity)),
        "pieces": [_piece(result, year, identity.siret[:9]) for result in results],
        "procedure": procedure.value,
        "year": year,
        "sandbox": sandbox,
    }


def _words(result: PieceResult, siren: str) -> tuple[str, str]:
    """Label and sentence for the buyer; the BODACC's tell its situation."""
    found = read_back(siren, result)
    return (
        (bodacc_words.label(found), bodacc_words.buyer_sentence(found))
        if found
        else (label(result), buyer_sentence(result))
    )


def _piece(result: PieceResult, year: int | None, siren: str) -> dict[str, object]:
    short, sentence = _words(result, siren)
    return {
        "key": result.key,
        "outcome": result.outcome.value,
        "label": short,
        "sentence": sentence,
        "source": result.source,
        "provider": result.provider,
        "fetched_at": result.fetched_at.isoformat(),
        "valid_from": _day(result.valid_from),
        "valid_until": _day(result.valid_until),
        "valid_strictly_until": _day(result.valid_strictly_until),
        "document": result.filename,
        "sha256": result.document_sha256 or result.sha256,
        "reply_sha256": result.sha256,
        "retry_at": result.retry_at.isoformat() if result.retry_at else None,
        "code": result.code,
        "detail": result.detail,
        "request_id": result.request_id,
        "facts": _up_to(result.facts, year),
    }


def _up_to(facts: object, year: int | None) -> object:
    """Financial years that end in `year` or before, where a year was asked for."""
    years = facts.get("financial_years") if isinstance(facts, dict) else None
    if year is None or not isinstance(years, list) or not isinstance(facts, dict):
        return facts
    return {**facts, "financial_years": [item for item in years if str(item["ends_on"])[:4] <= str(year)]}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}


def _write(out: Path, results: list[PieceResult], report: dict[str, object]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for result in results:
            if result.document and result.filename:
                (out / result.filename).write_bytes(result.document)
        (out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        _end(f"Impossible d’écrire dans « {out} » : {error.strerror or 'erreur du système'}.")


def _print_json(report: dict[str, object]) -> None:
    print(json.dumps(report, ensure_ascii=False, indent=2))


def _print_human(identity: Identity, results: list[PieceResult], out: Path) -> None:
    print(f"{identity.name or 'Nom non communiqué'} – {Siret(identity.siret)}")
    if identity.redirected_from:
        print(f"Le SIRET demandé ({Siret(identity.redirected_from)}) est un doublon de celui-ci.")
    for line in (*identity.address_lines, f"{identity.postcode or ''} {identity.city or ''}".strip()):
        print(f"  {line}")
    for result in results:
        short, sentence = _words(result, identity.siret[:9])
        print(f"{short} – {result.source}\n  {sentence}")
        if result.filename:
            print(f"  {out / result.filename} (sha256 {result.document_sha256})")
    print(f"Rapport : {out / 'report.json'}")


def _exit_code(identity: Identity, results: list[PieceResult]) -> int:
    """A token that opens nothing is a wrong setting, whatever the BODACC says: it asks for none."""
    if Outcome.UNAVAILABLE in (identity.outcome, *(result.outcome for result in results)):
        return 3
    outcomes = {identity.outcome, *(result.outcome for result in results if result.key != BODACC.key)}
    return 2 if outcomes == {Outcome.NOT_AUTHORISED} else 0


def _end(sentence: str, code: int = 2) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)
