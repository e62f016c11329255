"""The sandbox and the real world kept apart: a database with sandbox rows takes no production service, nor token."""

import contextlib
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import secretbox
from api.remote.api_entreprise import is_sandbox_token
from api.settings import BadSettings, Settings
from procurement.errors import Invalid
from procurement.people import Organisation

ELSEWHERE = "cette base a des données du bac à sable, un vrai service part d’une base et d’un stockage vides."


def sandbox_rows(db: Session) -> bool:
    """True once the demonstration's organisations are in this database."""
    return db.scalar(select(Organisation.id).where(Organisation.sandbox).limit(1)) is not None


def check_start(settings: Settings, db: Session, *, demo: bool = False) -> None:
    """Before serving or working; `demo`: sandbox rows are about to be made. Raises BadSettings."""
    if not (demo or sandbox_rows(db)):
        return
    token = settings.api_entreprise_token
    if not all(on_this_machine(provider.url) for provider in settings.csc_providers):
        raise BadSettings(f"Le réglage MPS_CSC_PROVIDERS nomme un vrai service de signature : {ELSEWHERE}")
    if settings.api_entreprise_url and not on_this_machine(settings.api_entreprise_url):
        raise BadSettings(f"Le réglage MPS_API_ENTREPRISE_URL nomme un vrai service : {ELSEWHERE}")
    if settings.chorus_url and not (
        on_this_machine(settings.chorus_url) and on_this_machine(settings.chorus_token_url)
    ):
        raise BadSettings(f"Le réglage MPS_CHORUS_URL nomme un vrai service : {ELSEWHERE}")
    if token is not None and not is_sandbox_token(token.get_secret_value()):
        raise BadSettings(f"Le réglage MPS_API_ENTREPRISE_TOKEN est un vrai jeton : {ELSEWHERE}")
    holder = _real_holder(settings, db)
    if holder:
        raise BadSettings(f"« {holder} » a confié un vrai jeton d’API Entreprise : {ELSEWHERE}")


def check_token(db: Session, token: str) -> None:
    """Before a buyer's token is sealed. Raises Invalid."""
    if sandbox_rows(db) and not is_sandbox_token(token):
        raise Invalid({"token": f"Ce jeton n’est pas de ceux du bac à sable : {ELSEWHERE}"})


def on_this_machine(url: str | None) -> bool:
    host = urlsplit(url or "").hostname or ""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _real_holder(settings: Settings, db: Session) -> str:
    """The name of an organisation whose sealed token is none of the sandbox's; what cannot be unsealed is of no use."""
    secret = settings.secret_key.get_secret_value()
    for buyer in db.scalars(select(Organisation).where(Organisation.token_sealed.is_not(None))):
        with contextlib.suppress(ValueError):
            clear = secretbox.unseal(secret, f"token:{buyer.ref}", buyer.token_sealed or b"")
            if not is_sandbox_token(clear.decode()):
                return buyer.name
    return ""
