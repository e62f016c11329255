"""The demonstration's data: an invented town, its three people, its adopted rules. Idempotent."""

from sqlalchemy import select

from api import secretbox
from api.auth import set_password
from api.context import Context
from api.db import now, transaction
from api.sandbox.api_entreprise import TOKEN
from api.sandbox.companies import book
from procurement.people import Organisation, Role, adopt_rules, attach, create_organisation, create_user
from procurement.rules import rule_table

BUYER_NAME = "Ville de Démonstration"
PASSWORD = "demonstration-mps"  # noqa: S105 - shown on the help page, sandbox only
PEOPLE = {
    "acheteuse@demo.example": ("Amina Berger, acheteuse", Role.OFFICER),
    "finances@demo.example": ("Louis Caron, finances", Role.FINANCE),
    "admin@demo.example": ("Jeanne Petit, administratrice", Role.ADMINISTRATOR),
}


def prepare(context: Context) -> Organisation:
    """Make the town once, with the sandbox's API Entreprise token, sealed."""
    siret = next(c for c in book().companies if c.name == BUYER_NAME.upper()).head_office.siret
    with transaction(context.database) as db:
        found = db.scalar(select(Organisation).where(Organisation.siret == siret))
        if found is not None:
            return found
        at = now(db)
        town = create_organisation(db, name=BUYER_NAME, siret=siret, kind="buyer", now=at, sandbox=True)
        town.address = "1 place de l’Exemple, 01234 Démonstration"
        town.email = "marches@demo.example"
        town.token_sealed = secretbox.seal(context.secret, f"token:{town.ref}", TOKEN.encode())
        adopt_rules(town, rule_table().sha256, "Conseil municipal de démonstration", at)
        for email, (name, role) in PEOPLE.items():
            user = create_user(db, email=email, name=name, now=at, verified=True)
            set_password(user, PASSWORD)
            attach(db, user, town, role, evidence="démonstration", granted_by="mps serve --demo", now=at)
        return town
