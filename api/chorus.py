"""Chorus Pro for one organisation: its secrets sealed and opened, its portal reached, the connection tried."""

from pydantic import SecretStr

from api import secretbox
from api.context import Context
from api.remote import chorus
from api.remote.api_entreprise import network
from api.remote.piste import Portal
from procurement.chorus import ChorusAccount, Sealed, Switches
from procurement.errors import Refused, Unavailable

NO_ADDRESS = "Chorus Pro n’a pas d’adresse : l’exploitant doit régler MPS_CHORUS_URL et MPS_CHORUS_TOKEN_URL."


def seal(context: Context, ref: str, password: str, client_secret: str) -> Sealed:
    """Both secrets of the organisation `ref`, sealed; None for one that was not typed."""

    def sealed(name: str, clear: str) -> bytes | None:
        return secretbox.seal(context.secret, f"chorus:{name}:{ref}", clear.encode()) if clear else None

    return Sealed(sealed("password", password), sealed("secret", client_secret))


def portal_of(context: Context, account: ChorusAccount) -> Portal:
    """Where and as whom this account calls. Raises Unavailable: no address, or sealed with another SECRET_KEY."""
    base, token_url = context.url("chorus"), context.url("chorus_token")
    if not base or not token_url:
        raise Unavailable(NO_ADDRESS)
    ref = account.organisation.ref
    try:
        password = secretbox.unseal(context.secret, f"chorus:password:{ref}", account.password_sealed).decode()
        secret = secretbox.unseal(context.secret, f"chorus:secret:{ref}", account.client_secret_sealed).decode()
    except ValueError:
        raise Unavailable("Le compte a été gardé avec une autre clé du service : saisissez-le à nouveau.") from None
    return Portal(
        base, token_url, account.client_id, SecretStr(secret), account.login, SecretStr(password), network(context)
    )


def switches_of(portal: Portal, siret: str) -> Switches:
    """What the portal asks of invoices sent to this SIRET. Raises Refused where it does not know it, Unavailable."""
    number = chorus.find_structure(portal, siret)
    if number is None:
        raise Refused(f"Chorus Pro ne connaît aucune structure de SIRET {siret} pour ce compte.")
    found = chorus.structure(portal, number)
    return Switches(found.portal_id, found.name, found.switches, found.services)
