"""Send a file to a data set of data.gouv.fr, or of a platform with the same API (udata): made once, then replaced.

https://doc.data.gouv.fr/api/reference/ : `datasets/{id}/upload/` and `datasets/{id}/resources/{id}/upload/`.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import requests

from api.apart import on_this_machine
from api.context import Context
from procurement.errors import Unavailable
from siret_lookup.http import Network

SECONDS = 120.0
MAX_ANSWER = 200_000
WHAT = "L’envoi vers la plateforme de données ouvertes n’a pas abouti"
REFUSALS = {
    400: "elle ne veut pas de ce fichier",
    401: "la clé n’est pas reconnue",
    403: "la clé ne donne pas le droit d’écrire dans ce jeu de données",
    404: "ce jeu de données n’existe pas",
    410: "ce jeu de données est supprimé",
    413: "le fichier est trop gros pour elle",
}
MISPLACED = (
    "Ces données sont du bac à sable : elles ne partent pas vers une vraie plateforme. "
    "L’administrateur doit retirer le réglage MPS_DATAGOUV_URL."
)


class PushRefused(Exception):
    """No use trying again before somebody changes something; `sentence` is French."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Target:
    """Where a file goes. `base` is the setting's address: the key is sent to no other host."""

    base: str
    dataset: str
    key: str
    resource: str = ""


@dataclass(frozen=True)
class Taken:
    """What the platform answered: its resource, and the public address of the file."""

    resource: str
    url: str


def address(context: Context, *, sandbox: bool) -> str:
    """The platform's address. Raises PushRefused where there is none, or where sandbox rows would leave the sandbox."""
    base = context.url("datagouv").rstrip("/")
    if not base:
        raise PushRefused("Aucune plateforme n’est réglée : l’administrateur doit donner MPS_DATAGOUV_URL.")
    if sandbox and not on_this_machine(base):
        raise PushRefused(MISPLACED)
    if not base.startswith("https://") and not on_this_machine(base):
        raise PushRefused("L’adresse de la plateforme n’est pas en https : la clé n’y est pas envoyée.")
    return base


def send(target: Target, name: str, content: bytes, net: Network) -> Taken:
    """Replace the known resource, or make one; one that was deleted there is made anew.

    Raises Unavailable (try later) or PushRefused.
    """
    answer = _post(target, name, content, net)
    if answer.status_code == 404 and target.resource:
        answer = _post(Target(target.base, target.dataset, target.key), name, content, net)
    return _read(answer, content)


def _post(target: Target, name: str, content: bytes, net: Network) -> requests.Response:
    path = f"resources/{target.resource}/upload/" if target.resource else "upload/"
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"{target.base}/api/1/datasets/{target.dataset}/{path}",
                files={"file": (name, content, "application/json")},
                headers={"X-API-KEY": target.key, "User-Agent": "mps (marches publics)"},
                timeout=(net.connect_seconds, SECONDS), proxies=dict(net.proxies), verify=net.ca_file or True,
                allow_redirects=False,
            )  # fmt: skip
    except (requests.RequestException, OSError, ValueError) as error:
        raise Unavailable(f"{WHAT} : elle ne répond pas.") from error


def _read(answer: requests.Response, content: bytes) -> Taken:
    status = answer.status_code
    if status == 429 or status >= 500:
        wait = answer.headers.get("Retry-After", "")
        raise Unavailable(f"{WHAT} : réponse {status}.", int(wait) if wait.isdigit() and len(wait) < 6 else 30)
    if status not in (200, 201):
        raise PushRefused(f"{WHAT} : {REFUSALS.get(status, f'réponse {status}')}.")
    try:
        said: Any = answer.json() if len(answer.content) <= MAX_ANSWER else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not 1 <= len(said["id"]) <= 100:
        raise Unavailable(f"{WHAT} : sa réponse ne se lit pas.")
    _same(said.get("checksum"), content)
    return Taken(said["id"], str(said.get("url") or ""))


def _same(checksum: Any, content: bytes) -> None:
    """The digest that the platform computed, where it says one, is ours."""
    if isinstance(checksum, dict) and checksum.get("type") in ("sha1", "sha256"):
        ours = hashlib.new(checksum["type"], content, usedforsecurity=False).hexdigest()
        if checksum.get("value") != ours:
            raise Unavailable(f"{WHAT} : le fichier est arrivé abîmé.")
