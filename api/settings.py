"""Settings: environment variables with the prefix MPS_, and `.env`. A bad one stops the start with one sentence."""

import os
import re
import secrets
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.remote.csc_provider import CscProvider, parse_providers
from api.seal_key import read_chain
from signature.token_uri import TokenPlace, parse_token_uri
from siret_lookup.siret import SiretError, parse_siret

ROOT = Path(__file__).resolve().parent.parent


def _url(*schemes: str) -> AfterValidator:
    def check(value: str | None) -> str | None:
        if value is not None and value.partition("://")[0] not in schemes:
            raise ValueError(f"une adresse en {' ou '.join(s + '://' for s in schemes)} est attendue")
        return value

    return AfterValidator(check)


Http = Annotated[str | None, _url("http", "https")]


def _secret_way(value: str | None) -> str | None:
    """Passwords go there: in clear to this machine only."""
    parts = urlsplit(value or "")
    if value and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("une adresse en https:// est attendue")
    return value.rstrip("/") if value else value


Https = Annotated[str | None, _url("http", "https"), AfterValidator(_secret_way)]


def _siret(value: str | None) -> str | None:
    try:
        return parse_siret(value).value if value else None
    except SiretError as error:
        raise ValueError(error.sentence.rstrip(".")) from error


def _readable(value: Path | None) -> Path | None:
    if value is not None and not value.is_file():
        raise ValueError("ce fichier n’existe pas")
    return value


def _territories(value: str) -> str:
    codes = [code.strip().upper() for code in value.split(",") if code.strip()]
    if not all(re.fullmatch("[A-Z]{2}", code) for code in codes):
        raise ValueError("des codes de pays en deux lettres, par virgule, sont attendus, par exemple FR,BE")
    return ",".join(codes)


class Settings(BaseSettings):
    """Every setting. A service whose URL is not set is the sandbox's."""

    model_config = SettingsConfigDict(env_prefix="MPS_", env_file=ROOT / ".env", extra="ignore")

    database_url: Annotated[str, _url("sqlite", "postgresql", "postgresql+psycopg")] = (
        f"sqlite:///{ROOT / 'var' / 'mps.db'}"
    )
    storage_url: Annotated[str, _url("file", "s3")] = f"file://{ROOT / 'var' / 'files'}"
    secret_key: SecretStr = SecretStr("")
    public_url: Annotated[str, _url("http", "https")] = "http://127.0.0.1:8000"
    trusted_proxies: str = ""
    api_entreprise_url: Http = None
    api_entreprise_token: SecretStr | None = None
    operator_siret: Annotated[str | None, AfterValidator(_siret)] = None
    recherche_entreprises_url: Http = None
    sirene_mirror: Path | None = None
    sirene_url: Http = None
    sirene_key: SecretStr | None = None
    bodacc_url: Http = None
    chorus_url: Https = None
    chorus_token_url: Https = None
    datagouv_url: Http = None
    oidc_issuer: Http = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    smtp_url: Annotated[str | None, _url("smtp", "smtps", "smtp+starttls")] = None
    tsa_url: Http = None
    csc_providers: Annotated[tuple[CscProvider, ...], NoDecode, BeforeValidator(parse_providers)] = ()
    trust_list: Http = None
    trust_list_cert: Annotated[Path | None, AfterValidator(_readable)] = None
    trust_list_territories: Annotated[str, AfterValidator(_territories)] = ""
    seal: Annotated[TokenPlace | None, NoDecode, BeforeValidator(parse_token_uri)] = None
    seal_pin: SecretStr | None = None
    seal_certificate: Path | None = None
    schemas: Path | None = None
    https_proxy: Http = None
    ca_file: Path | None = None
    max_upload_mb: int = 300
    max_candidacy_mb: int = 1000

    @property
    def territories(self) -> tuple[str, ...]:
        """Whose trusted lists to follow; none: all those of the list of lists."""
        return tuple(self.trust_list_territories.split(",")) if self.trust_list_territories else ()

    @property
    def seal_place(self) -> TokenPlace | None:
        """Where the seal's key is, with its PIN."""
        pin = self.seal_pin.get_secret_value() if self.seal_pin else ""
        return replace(self.seal, pin=pin) if self.seal else None

    @cached_property
    def seal_chain(self) -> tuple[bytes, ...]:
        """The seal's certificates in DER, its own first. Raises ValueError, one French sentence."""
        return read_chain(self.seal_certificate) if self.seal_certificate else ()


class BadSettings(Exception):
    """One French sentence that names the variable."""


def load() -> Settings:
    """Read the environment; make SECRET_KEY at first start (mode 0600). Raises BadSettings."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "MPS_" + "_".join(str(p) for p in first["loc"]).upper()
        raise BadSettings(
            f"Le réglage {name} ne convient pas : {first['msg'].removeprefix('Value error, ')}."
        ) from None
    if settings.database_url == "sqlite://":
        raise BadSettings("Le réglage MPS_DATABASE_URL doit nommer un fichier : sqlite:///var/mps.db.")
    oidc = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if any(oidc) and not all(oidc):
        raise BadSettings(
            "Les réglages MPS_OIDC_ISSUER, MPS_OIDC_CLIENT_ID et MPS_OIDC_CLIENT_SECRET vont ensemble : les trois, ou "
            "aucun."
        )
    if bool(settings.chorus_url) != bool(settings.chorus_token_url):
        raise BadSettings("Les réglages MPS_CHORUS_URL et MPS_CHORUS_TOKEN_URL vont ensemble : les deux, ou aucun.")
    _check_seal(settings)
    if not settings.secret_key.get_secret_value():
        settings.secret_key = SecretStr(_own_secret(ROOT / "var" / "secret_key"))
    elif len(settings.secret_key.get_secret_value()) < 32:
        raise BadSettings("Le réglage MPS_SECRET_KEY doit avoir au moins 32 caractères.")
    return settings


def _check_seal(settings: Settings) -> None:
    """A seal is a key, its certificate and its PIN; where the module is, and the rest, is known at first use."""
    if (settings.seal is None) != (settings.seal_certificate is None):
        raise BadSettings("Les réglages MPS_SEAL et MPS_SEAL_CERTIFICATE vont ensemble : les deux, ou aucun.")
    try:
        _ = settings.seal_chain
    except ValueError as error:
        raise BadSettings(f"Le réglage MPS_SEAL_CERTIFICATE ne convient pas : {error}.") from None
    if settings.seal is not None and not (settings.seal.pin_file or settings.seal_pin):
        raise BadSettings("Le code PIN du cachet manque : « pin-source=file:… » dans MPS_SEAL, ou MPS_SEAL_PIN.")


@cache
def _own_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()
