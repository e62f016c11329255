"""What happens at the sandbox's Chorus Pro beside the service: a supplier's software deposits an invoice, and looks."""

import base64
from collections.abc import Mapping
from typing import Any

import requests

from api.demo_browser import Stop
from api.sandbox.chorus import CLIENT_ID, CLIENT_SECRET, PASSWORD, login_of

SECONDS = 30


class Company:
    """The technical account of one structure, supplier or buyer, at the portal of these addresses."""

    def __init__(self, services: Mapping[str, str], siret: str) -> None:
        self.base = services["chorus"]
        grant = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = _answer(services["chorus_token"], data=grant | {"scope": "openid"})["access_token"]
        account = base64.b64encode(f"{login_of(siret)}:{PASSWORD}".encode()).decode()
        self.headers = {"Authorization": f"Bearer {token}", "cpro-account": account}

    def deposit(self, name: str, content: bytes) -> str:
        """The number of the flow. Raises Stop where the portal refuses it."""
        flux = base64.b64encode(content).decode()
        asked = {"fichierFlux": flux, "nomFichier": name, "syntaxeFlux": "IN_DP_E2_CII_FACTURX", "avecSignature": False}
        return str(self._call("factures/v1/deposer/flux", asked)["numeroFluxDepot"])

    def status(self, number: str) -> str:
        """Where the invoice of that number stands; "" where the portal has none. Of a buyer."""
        found = self._call("factures/v1/rechercher/recipiendaire", {})["listeFactures"]
        return next((str(each["statut"]) for each in found if each["numeroFacture"] == number), "")

    def _call(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        return _answer(f"{self.base}/cpro/{method}", json=asked, headers=self.headers)


def _answer(url: str, **options: Any) -> dict[str, Any]:
    try:
        answer = requests.post(url, timeout=SECONDS, **options)
        told: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError):
        raise Stop("Le portail d’essai ne répond pas.", 3) from None
    if answer.status_code != 200:
        raise Stop(f"Le portail d’essai a refusé : {told.get('libelle') or answer.status_code}")
    return told
