"""`mps organisation create`, `mps user create|password|attach`, `mps token create`: no browser needed."""

import getpass
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import create_token, revoke_tokens, set_password, tokens_of
from api.db import connect, now, transaction
from api.migrate import upgrade
from api.settings import load
from procurement.belonging import Proof, prove
from procurement.errors import Invalid, NotFound
from procurement.people import Organisation, Role, User, attach, create_organisation, create_user, find_user
from siret_lookup.siret import SiretError, parse_siret

organisation_app = typer.Typer(no_args_is_help=True)
user_app = typer.Typer(no_args_is_help=True)
token_app = typer.Typer(no_args_is_help=True)
OPERATOR = "ligne de commande"
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard")]


@contextmanager
def _db() -> Iterator[Session]:
    settings = load()
    upgrade(settings.database_url)
    database = connect(settings.database_url)
    try:
        with transaction(database) as db:
            yield db
    finally:
        database.dispose()


def _say(as_json: bool, sentence: str, **values: str | int | list[str]) -> None:
    print(json.dumps(values, ensure_ascii=False) if as_json else sentence)


def _organisation(db: Session, siret: str) -> Organisation:
    found = db.scalar(select(Organisation).where(Organisation.siret == parse_number(siret)))
    if found is None:
        raise NotFound("Aucune organisation ne porte ce SIRET : créez-la d’abord (mps organisation create).")
    return found


def parse_number(siret: str) -> str:
    try:
        return parse_siret(siret).value
    except SiretError as error:
        raise Invalid({"siret": error.sentence}) from None


@organisation_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Nom")],
    siret: Annotated[str, typer.Option(help="SIRET")],
    company: Annotated[bool, typer.Option("--company", help="Une entreprise, et non un acheteur")] = False,
    json_: Json = False,
) -> None:
    """Create a public buyer (or a company); prints its reference."""
    with _db() as db:
        made = create_organisation(
            db, name=name, siret=parse_number(siret), kind="company" if company else "buyer", now=now(db)
        )
        _say(json_, f"Organisation {made.name} créée : {made.ref}", ref=made.ref)


def _attach(db: Session, user: User, where: Organisation, role: Role, evidence: str) -> None:
    if role is Role.COMPANY and where.kind == "company":
        prove(db, user, where, Proof("administrator", evidence, OPERATOR), now(db))
    else:
        attach(db, user, where, role, evidence=evidence, granted_by=OPERATOR, now=now(db))


@user_app.command("create")
def create_account(
    email: Annotated[str, typer.Argument(help="Adresse électronique")],
    name: Annotated[str, typer.Option(help="Nom")],
    organisation: Annotated[str | None, typer.Option(help="SIRET de l’organisation")] = None,
    role: Annotated[Role, typer.Option(help="Rôle dans l’organisation")] = Role.OFFICER,
    evidence: Annotated[str, typer.Option(help="Preuve d’appartenance")] = "",
    json_: Json = False,
) -> None:
    """Create an account, verified by whoever runs this command, with one role."""
    with _db() as db:
        user = create_user(db, email=email, name=name, now=now(db), verified=True)
        if organisation is not None:
            where = _organisation(db, organisation)
            _attach(db, user, where, role, evidence)
        _say(json_, f"Compte {user.email} créé. Choisissez son mot de passe : mps user password {email}", ref=user.ref)


@user_app.command("attach")
def attach_account(
    email: Annotated[str, typer.Argument(help="Adresse électronique")],
    organisation: Annotated[str, typer.Option(help="SIRET de l’organisation")],
    role: Annotated[Role, typer.Option(help="Rôle")],
    evidence: Annotated[str, typer.Option(help="Preuve d’appartenance")] = "",
    json_: Json = False,
) -> None:
    """Give one more role to an account."""
    with _db() as db:
        user = find_user(db, email)
        where = _organisation(db, organisation)
        _attach(db, user, where, role, evidence)
        _say(json_, f"{user.email} : {role.value} de {where.name}.", ref=user.ref)


@user_app.command("password")
def password(
    email: Annotated[str, typer.Argument(help="Adresse électronique")],
    generate: Annotated[bool, typer.Option("--generate", help="En tirer un au sort et l’afficher")] = False,
    tokens: Annotated[bool, typer.Option("--tokens", help="Révoquer aussi ses jetons de l’API")] = False,
    json_: Json = False,
) -> None:
    """Set a password (asked, read from standard input, or drawn); the account's sessions end, its tokens if asked."""
    chosen = secrets.token_urlsafe(15) if generate else _asked()
    with _db() as db:
        user = find_user(db, email)
        closed, at = set_password(db, user, chosen), now(db)
        labels = sorted(token.label for token in tokens_of(db, user.id) if token.expires_at > at)
        if tokens:
            revoke_tokens(db, user.id)
        shown = {"password": chosen} if generate else {}
        _say(
            json_, f"Mot de passe enregistré{f' : {chosen}' if generate else '.'}\n{_shut(closed, labels, tokens)}",
            ref=user.ref, sessions_closed=closed, tokens_revoked=labels if tokens else [],
            tokens_left=[] if tokens else labels, **shown,
        )  # fmt: skip


def _shut(closed: int, labels: list[str], revoked: bool) -> str:
    """Which doors are closed, which stay open."""
    ended = f"Sessions fermées : {closed}." if closed else "Aucune session n’était ouverte."
    if not labels:
        return ended
    if revoked:
        return f"{ended} Jetons révoqués : {', '.join(labels)}."
    return f"{ended} Jetons de l’API qui restent valables : {', '.join(labels)} (--tokens les révoque)."


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Mot de passe (douze caractères au moins) : ")
    if first != getpass.getpass("Le même, encore une fois : "):
        raise Invalid({"password": "Les deux saisies diffèrent."})
    return first


@token_app.command("create")
def make_token(
    email: Annotated[str, typer.Argument(help="Adresse électronique")],
    label: Annotated[str, typer.Option(help="À quoi il sert")] = "api",
    json_: Json = False,
) -> None:
    """A token for the JSON API, shown once."""
    with _db() as db:
        token = create_token(db, find_user(db, email), label)
        _say(json_, f"Jeton (il ne s’affichera plus) : {token}", token=token)
