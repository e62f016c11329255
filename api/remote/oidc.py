"""ProConnect, or any OpenID Connect provider as strict: the only file that knows Authlib.

Four calls over explicit network settings, none while a transaction is open. State and nonce are the caller's, long
(ProConnect wants 32 characters); nothing is added to the query (any other parameter is its error Y000400); the
secret goes in the body; the code lives 30 s and the access token 60 s, hence no leeway on the latter. No PKCE: it is
not among ProConnect's parameters. Userinfo is a JWT signed with the provider's keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from siret_lookup.http import Network

SCOPE = "openid given_name usual_name email siret"
# What a provider may have been registered with; a symmetric or absent signature proves nothing.
ALGORITHMS = ("RS256", "ES256")
SECONDS = 8.0
# Two clocks differ; ProConnect's ID tokens live longer than this.
CLOCK_SKEW = 5


class OidcFault(Exception):
    """The sign-in did not come through: one French sentence and its HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


DOWN = (
    503,
    "ProConnect ne répond pas : réessayez dans un instant, ou connectez-vous par un code reçu par courriel.",
)
STALE = (409, "Cette connexion par ProConnect a déjà servi ou a expiré : recommencez.")
UNSAFE = (
    502,
    "La réponse de ProConnect ne peut pas être vérifiée : elle est refusée, personne n’est connecté. Recommencez.",
)
MISFIT = (502, "ProConnect a refusé la demande de ce service : prévenez l’exploitant du site.")


@dataclass(frozen=True)
class Provider:
    """How this install is registered with the provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    network: Network = field(default_factory=Network)


@dataclass(frozen=True)
class Metadata:
    """The provider's addresses, from its discovery document."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


@dataclass(frozen=True)
class Identity:
    """Who signed in. `siret` is as claimed, "" where the provider says none."""

    subject: str
    email: str
    name: str
    siret: str
    id_token: str = field(repr=False)


def discover(provider: Provider) -> Metadata:
    """The provider's addresses. Raises OidcFault."""
    with _session(provider) as session:
        found = _json(session, provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    addresses = {name: found.get(name, "") for name in Metadata.__dataclass_fields__}
    scheme = urlsplit(provider.issuer).scheme
    known = all(isinstance(a, str) and urlsplit(a).scheme == scheme for a in addresses.values() if a)
    if found.get("issuer") != provider.issuer or not known or not all(list(addresses.values())[:4]):
        raise OidcFault(*UNSAFE)
    return Metadata(**addresses)


def authorization_url(provider: Provider, metadata: Metadata, state: str, nonce: str) -> str:
    """Where the browser goes to sign in."""
    with _session(provider) as session:
        url, _ = session.create_authorization_url(metadata.authorization_endpoint, state=state, nonce=nonce)
    return str(url)


def identity(provider: Provider, metadata: Metadata, code: str, nonce: str, now: datetime) -> Identity:
    """Trade the code; check the ID token and the signed userinfo. Raises OidcFault."""
    with _session(provider) as session:
        id_token = _id_token(session, metadata, code)
        try:
            keys = KeySet.import_key_set(_json(session, metadata.jwks_uri))  # type: ignore[arg-type]
            known = _claims(id_token, keys, now, _expected(provider, essential=True, nonce=nonce))
            told = _expected(provider, essential=False, sub=str(known["sub"]))
            claims = _claims(_userinfo(session, metadata), keys, now, told)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise OidcFault(*UNSAFE) from error
    if claims.get("email_verified") is False:
        raise OidcFault(422, "Votre adresse n’est pas vérifiée par ProConnect : connectez-vous par un code.")
    name = " ".join(str(claims[key]) for key in ("given_name", "usual_name") if claims.get(key))
    email, siret = str(claims.get("email") or ""), str(claims.get("siret") or "")
    return Identity(str(known["sub"]), email, name, siret, id_token)


def end_session_url(metadata: Metadata, id_token: str, state: str, back: str) -> str:
    """Where the browser goes to sign out there too; "" where the provider has no such place."""
    asked = {"id_token_hint": id_token, "state": state, "post_logout_redirect_uri": back}
    return f"{metadata.end_session_endpoint}?{urlencode(asked)}" if metadata.end_session_endpoint else ""


def _session(provider: Provider) -> Any:
    session = OAuth2Session(
        provider.client_id,
        provider.client_secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a method's name
        scope=SCOPE,
        redirect_uri=provider.redirect_uri,
        leeway=0,
        default_timeout=SECONDS,
    )
    session.trust_env = False
    session.proxies = dict(provider.network.proxies)
    session.verify = provider.network.ca_file or True
    session.max_redirects = 0
    return session


def _json(session: Any, url: str) -> Mapping[str, Any]:
    try:
        answer = session.get(url, withhold_token=True, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise OidcFault(*DOWN) from error
    if answer.status_code != 200 or not isinstance(found, dict):
        raise OidcFault(*DOWN)
    return found


def _id_token(session: Any, metadata: Metadata, code: str) -> str:
    try:
        token = session.fetch_token(
            metadata.token_endpoint, grant_type="authorization_code", code=code, allow_redirects=False
        )
        return str(token["id_token"])
    except AuthlibBaseError as error:
        raise OidcFault(*(STALE if error.error == "invalid_grant" else MISFIT)) from error
    except (requests.RequestException, ValueError) as error:
        raise OidcFault(*DOWN) from error
    except KeyError as error:
        raise OidcFault(*UNSAFE) from error


def _userinfo(session: Any, metadata: Metadata) -> str:
    try:
        answer = session.get(metadata.userinfo_endpoint, allow_redirects=False)
        answer.raise_for_status()
    except AuthlibBaseError as error:
        raise OidcFault(*STALE) from error
    except requests.RequestException as error:
        raise OidcFault(*DOWN) from error
    if answer.headers.get("content-type", "").partition(";")[0].strip() != "application/jwt":
        raise OidcFault(*UNSAFE)
    return str(answer.text)


def _expected(provider: Provider, *, essential: bool, **values: str) -> dict[str, Any]:
    """What a token must claim. Issuer, audience and end may be missing from userinfo, never from the ID token."""
    rules: dict[str, Any] = {"iss": {"value": provider.issuer}, "aud": {"value": provider.client_id}, "exp": {}}
    rules = {name: rule | {"essential": essential} for name, rule in rules.items()}
    return {"sub": {"essential": True}} | rules | {n: {"essential": True, "value": v} for n, v in values.items()}


def _claims(token: str, keys: KeySet, now: datetime, expected: dict[str, Any]) -> dict[str, Any]:
    """The claims of a JWT that the provider signed and that holds now. Raises JoseError."""
    claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    jwt.JWTClaimsRegistry(now=int(now.timestamp()), leeway=CLOCK_SKEW, **expected).validate(claims)
    return dict(claims)
