"""API Entreprise for one buyer: its access (one token per organisation), and budgets shared by all processes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from api import secretbox
from api.context import Context
from api.db import Database, transaction
from procurement.consultation import Consultation
from procurement.counters import Counter, held, take
from procurement.errors import Unavailable
from siret_lookup.http import OBJECT_LENGTH, PRODUCTION_DOCUMENT_HOSTS, Access, BadAccess, Network
from siret_lookup.quotas import ADDRESS, QuotaStore, owner, windows

# Public: what api/sandbox/api_entreprise.py takes for a buyer that has every right.
SANDBOX_TOKEN = "sandbox-token-mps"  # noqa: S105


def is_sandbox_token(token: str) -> bool:
    """One of the stand-in's; API Entreprise's own are JWTs."""
    return token.startswith("sandbox-token-")


# Names of the counters of calls: this, the token's fingerprint, the budget.
COUNTED = "api-entreprise:"


@dataclass(frozen=True)
class Buyer:
    """What an access needs of an organisation, detached from any session."""

    ref: str
    siret: str
    token_sealed: bytes | None
    number: str

    @classmethod
    def of(cls, consultation: Consultation) -> "Buyer":
        buyer = consultation.organisation
        return cls(buyer.ref, buyer.siret, buyer.token_sealed, consultation.number)


@dataclass(frozen=True)
class CountedQuotas(QuotaStore):
    """siret_lookup.QuotaStore in the database: one short transaction per call, none open while the call is made."""

    database: Database

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        with transaction(self.database) as db:
            return take(db, counter_name(token_id, group), limit, window_start)


@dataclass(frozen=True)
class HeldQuotas(QuotaStore):
    """The same counters, in the caller's own transaction: those of these (token, group), held at once."""

    rows: Mapping[tuple[str, datetime], Counter]

    @classmethod
    def of(cls, db: Session, spent: Iterable[tuple[str, str]], now: datetime) -> "HeldQuotas":
        names = {counter_name(owner(token, group), group) for token, group in (*spent, ("", ADDRESS))}
        return cls(held(db, [(name, start) for name in names for start in windows(now)]))

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        row = self.rows[counter_name(token_id, group), window_start]
        free = row.used < limit
        row.used += free
        return free


class PaidQuotas(QuotaStore):
    """For a call that was paid for when it was claimed."""

    def take(self, token_id: str, group: str, limit: int, window_start: datetime) -> bool:
        return True


def counter_name(token_id: str, group: str) -> str:
    """The counter's name of one token and budget; `token_id` is a fingerprint."""
    return f"{COUNTED}{token_id}:{group}"


def network(context: Context) -> Network:
    """Explicit proxy and authorities of the settings, never the environment's."""
    settings = context.settings
    proxies = {"https": settings.https_proxy, "http": settings.https_proxy} if settings.https_proxy else {}
    return Network(proxies=proxies, ca_file=str(settings.ca_file) if settings.ca_file else None)


def access_for(context: Context, buyer: Buyer) -> Access:
    """The buyer's access: its sealed token, else the install's, else the sandbox's. Raises BadAccess, Unavailable."""
    sealed = secretbox.unseal(context.secret, f"token:{buyer.ref}", buyer.token_sealed) if buyer.token_sealed else b""
    return _access(context, buyer, sealed.decode() or _install_token(context))


def open_access(context: Context, buyer: Buyer) -> Access:
    """For what is asked before the opening: never the buyer's own token, whose list of calls would name the candidate.

    Raises BadAccess where the install has none, Unavailable where it has no address.
    """
    return _access(context, buyer, _install_token(context))


def _install_token(context: Context) -> str:
    token = context.settings.api_entreprise_token
    own = token.get_secret_value() if token else ""
    sandboxed = context.settings.api_entreprise_url is None and "api_entreprise" in context.services
    return own or (SANDBOX_TOKEN if sandboxed else "")


def _access(context: Context, buyer: Buyer, token: str) -> Access:
    base = context.url("api_entreprise")
    if not base:
        raise Unavailable("API Entreprise n’a pas d’adresse : l’administrateur doit régler MPS_API_ENTREPRISE_URL.")
    return Access(
        base_url=base,
        token=token,
        recipient=buyer.siret,
        object=buyer.number[: OBJECT_LENGTH - 1],
        document_hosts=document_hosts(base),
        network=network(context),
    )


def document_hosts(base: str) -> frozenset[str]:
    """Documents come from production's two hosts, or from the sandbox that answers at `base`."""
    host = urlsplit(base).netloc
    return PRODUCTION_DOCUMENT_HOSTS if host in PRODUCTION_DOCUMENT_HOSTS else frozenset({host})


__all__ = [
    "COUNTED", "BadAccess", "Buyer", "CountedQuotas", "HeldQuotas", "PaidQuotas", "access_for", "counter_name",
    "document_hosts", "network", "open_access",
]  # fmt: skip
