"""The demonstration's data: an invented town, its people, two consultations and three answers. Idempotent."""

import sys
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api import secretbox
from api.auth import set_password
from api.context import Context
from api.db import now, transaction
from api.demo_seed import plant
from api.isolate import WorkFailed
from api.sandbox.api_entreprise import TOKEN
from api.sandbox.companies import book
from procurement.contract import paris_day
from procurement.errors import DomainError
from procurement.people import (
    Organisation,
    Role,
    User,
    adopt_rules,
    attach,
    create_organisation,
    create_user,
    find_user,
)
from procurement.powers import grant, powers_of
from procurement.rules import rule_table

BUYER_NAME = "Ville de Démonstration"
PASSWORD = "demonstration-mps"  # noqa: S105 - shown on the help page, sandbox only
HERE = "mps serve --demo"
OFFICER, FINANCE = "acheteuse@demo.example", "finances@demo.example"
ADMINISTRATOR = "admin@demo.example"
PEOPLE = {
    OFFICER: ("Amina Berger, acheteuse", Role.OFFICER),
    FINANCE: ("Louis Caron, finances", Role.FINANCE),
    ADMINISTRATOR: ("Jeanne Petit, administratrice", Role.ADMINISTRATOR),
}
# Accounts of companies, without proof of belonging: anyone who answers has one.
COMPANIES = {
    "entreprise1@demo.example": "Nadia Faure",
    "entreprise2@demo.example": "Paul Mercier",
    "entreprise3@demo.example": "Jeanne Discrète",
}


def prepare(context: Context) -> Organisation:
    """Make the town, its accounts, and what they did so far. A failure of the latter is said; the service starts."""
    town = make_town(context)
    try:
        plant(context, town, OFFICER, list(COMPANIES))
    except (DomainError, WorkFailed, SQLAlchemyError, OSError) as error:
        why = getattr(error, "sentence", "") or type(error).__name__
        sys.stderr.write(f"Les consultations d’exemple manquent en partie, le service démarre sans elles. {why}\n")
    return town


def make_town(context: Context) -> Organisation:
    """The town once, with the sandbox's API Entreprise token, sealed; the accounts that are missing."""
    siret = next(c for c in book().companies if c.name == BUYER_NAME.upper()).head_office.siret
    with transaction(context.database) as db:
        town = db.scalar(select(Organisation).where(Organisation.siret == siret)) or _town(db, context, siret)
        known = set(db.scalars(select(User.email).where(User.email.in_([*PEOPLE, *COMPANIES]))))
        for email, (name, role) in PEOPLE.items():
            if email not in known:
                user = _account(db, email, name)
                attach(db, user, town, role, evidence="démonstration", granted_by=HERE, now=now(db))
        _may_sign(db, town)
        for email, name in COMPANIES.items():
            if email not in known:
                _account(db, email, name)
        return town


def _may_sign(db: Session, town: Organisation) -> None:
    """The officer's delegation, once."""
    if not powers_of(db, town.id):
        officer, at = find_user(db, OFFICER), now(db)
        grant(
            db, town, officer, capacity="adjointe au maire, déléguée aux achats",
            act="Arrêté n° 2026-014 (démonstration)",
            ceiling=Decimal(500_000), valid_from=paris_day(at), valid_until=None, by=HERE, now=at,
        )  # fmt: skip


def _town(db: Session, context: Context, siret: str) -> Organisation:
    at = now(db)
    town = create_organisation(db, name=BUYER_NAME, siret=siret, kind="buyer", now=at, sandbox=True)
    town.address = "1 place de l’Exemple, 01234 Démonstration"
    town.email = "marches@demo.example"
    town.token_sealed = secretbox.seal(context.secret, f"token:{town.ref}", TOKEN.encode())
    adopt_rules(town, rule_table().sha256, "Conseil municipal de démonstration", at)
    return town


def _account(db: Session, email: str, name: str) -> User:
    user = create_user(db, email=email, name=name, now=now(db), verified=True)
    set_password(db, user, PASSWORD)
    return user
