"""Rows for tests, made through the domain's own verbs. Each opens its own transaction."""

import itertools
from datetime import UTC, datetime

from api.db import Database, now, transaction
from procurement.people import Organisation, Role, User, attach, create_organisation, create_user

_numbers = itertools.count(1)


def make_siret(number: int) -> str:
    """An invented SIRET that holds: SIREN 000 000 nnn with its key, NIC 0000n."""

    def keyed(digits: str) -> str:
        total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(digits)))
        return digits + str(-total % 10)

    siren = keyed(f"{number:08d}")
    return keyed(siren + "0001")


def make_buyer(database: Database, name: str = "Commune d’Essai") -> Organisation:
    with transaction(database) as db:
        return create_organisation(
            db, name=f"{name} {next(_numbers)}", siret=make_siret(7000 + next(_numbers)), kind="buyer", now=now(db)
        )


def make_company(database: Database, siret: str, name: str = "Entreprise d’Essai") -> Organisation:
    with transaction(database) as db:
        return create_organisation(db, name=name, siret=siret, kind="company", now=now(db))


def make_account(database: Database, email: str = "", *, verified: bool = True) -> User:
    with transaction(database) as db:
        address = email or f"personne{next(_numbers)}@exemple.fr"
        return create_user(db, email=address, name="Camille Essai", now=now(db), verified=verified)


def with_role(
    database: Database, organisation: Organisation, role: Role, email: str = "", evidence: str = "test"
) -> User:
    """A verified account holding one role."""
    user = make_account(database, email)
    with transaction(database) as db:
        where = db.get_one(Organisation, organisation.id)
        attach(db, db.get_one(User, user.id), where, role, evidence=evidence, granted_by="test", now=now(db))
    return user


def make_officer(database: Database, buyer: Organisation) -> User:
    return with_role(database, buyer, Role.OFFICER)


def make_finance(database: Database, buyer: Organisation) -> User:
    return with_role(database, buyer, Role.FINANCE)


def make_administrator(database: Database, buyer: Organisation) -> User:
    return with_role(database, buyer, Role.ADMINISTRATOR)


def make_company_member(database: Database, company: Organisation) -> User:
    return with_role(database, company, Role.COMPANY, evidence="Code posté au siège, rendu le 2 mars.")


def at(text: str) -> datetime:
    """An instant in UTC: at("2026-12-01 17:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
