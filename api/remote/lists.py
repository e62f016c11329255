"""Fetch a trusted list: one bounded GET, from an address that the settings or a verified list name."""

from urllib.parse import urlsplit

from api.context import Context
from api.remote.fetch import fetch
from siret_lookup.http import Network

MAX_BYTES = 30 * 1024 * 1024
SECONDS = 60.0


def address_of(context: Context) -> str:
    """The list of lists: the setting, else the sandbox's; "" where there is none."""
    return context.settings.trust_list or context.services.get("trust_list", "")


def fetch_list(url: str, net: Network) -> bytes:
    """The bytes of one list. Raises Unavailable."""
    return fetch(url, net, MAX_BYTES, SECONDS, "La liste de confiance n’a pas pu être téléchargée")


def same_place(url: str, other: str) -> bool:
    """Are both addresses of one server, the same way? Pivots are announced by a list not verified yet."""
    return urlsplit(url)[:2] == urlsplit(other)[:2]
