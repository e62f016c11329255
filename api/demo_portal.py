"""What happens at the sandbox's Chorus Pro beside the service: a supplier's software deposits an invoice, and looks."""

import base64
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from api.demo_browser import Stop
from api.remote.piste import Portal, TooLarge, call
from api.sandbox.chorus import CLIENT_ID, CLIENT_SECRET, PASSWORD, login_of
from procurement.errors import DomainError


class Company:
    """The technical account of one structure, supplier or buyer, at the portal of these addresses."""

    def __init__(self, services: Mapping[str, str], siret: str) -> None:
        self.portal = Portal(
            services["chorus"], services["chorus_token"], CLIENT_ID, SecretStr(CLIENT_SECRET), login_of(siret),
            SecretStr(PASSWORD),
        )  # fmt: skip

    def deposit(self, name: str, content: bytes) -> str:
        """The number of the flow. Raises Stop where the portal refuses it."""
        flux = base64.b64encode(content).decode()
        asked = {"fichierFlux": flux, "nomFichier": name, "syntaxeFlux": "IN_DP_E2_CII_FACTURX", "avecSignature": False}
        return str(self._call("factures/v1/deposer/flux", asked)["numeroFluxDepot"])

    def status(self, number: str) -> str:
        """Where the invoice of that number stands; "" where the portal has none. Of a buyer."""
        found = self._call("factures/v1/rechercher/recipiendaire", {})["listeFactures"]
        return next((str(each["statut"]) for each in found if each["numeroFacture"] == number), "")

    def _call(self, method: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return call(self.portal, method, asked)
        except DomainError as error:
            raise Stop(error.sentence) from None
        except TooLarge:
            raise Stop("La facture dépasse la taille que le portail d’essai accepte.") from None
