"""The identity provider of the tests: npm's oidc-provider made as strict as ProConnect (tests/oidc/provider.mjs).

Real HTTP: `browse` is the person's browser at the provider, from the address it is sent to until it is sent back.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests
from pydantic import SecretStr

from api.settings import ROOT, Settings

HOME = "http://testserver/"
BACK = "connexion/proconnect/retour"
CLIENT = {"oidc_client_id": "mps-test", "oidc_client_secret": SecretStr("un-secret-d-essai-assez-long")}
PERSONA = {"sub": "s-1", "given_name": "Léa", "usual_name": "Martin", "email": "lea@boulangerie.example"}


@dataclass
class Peer:
    """One running provider, and the person's browser there."""

    issuer: str
    session: requests.Session = field(default_factory=requests.Session)

    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"oidc_issuer": self.issuer, **CLIENT})

    def play(self, persona: dict[str, Any], **say: Any) -> None:
        """Who will sign in next, and what the provider does wrong (`HONEST` in provider.mjs)."""
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.post(f"{self.issuer}/test", json={"persona": persona, "say": say}, timeout=5).raise_for_status()

    def asked(self) -> list[dict[str, str]]:
        """The queries of the authorization requests since `play`."""
        seen: list[dict[str, str]] = self.session.get(f"{self.issuer}/test", timeout=5).json()["seen"]
        return seen

    def browse(self, url: str) -> str:
        """Follow the provider's redirects until one leaves it; gives that address, or what the provider says."""
        for _ in range(10):
            answer = self.session.get(url, allow_redirects=False, timeout=5)
            url = urljoin(url, answer.headers.get("location", ""))
            if not answer.is_redirect or not url.startswith(self.issuer):
                break
        return url if answer.is_redirect else answer.text

    def sign_out(self, url: str) -> str:
        """Press the one button of the provider's page; gives the address one is sent back to."""
        form = self.session.get(url, timeout=5).text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"logout": "yes"}
        action = re.findall(r'action="([^"]+)"', form)[0]
        return self.session.post(action, data=fields, allow_redirects=False, timeout=5).headers["location"]


@contextmanager
def running_peer(home: str = HOME) -> Iterator[Peer]:
    """Started on a free port for the service whose address is `home`, ended with the block."""
    node = shutil.which("node") or str(ROOT / ".tools" / "bin" / "node")
    command = [node, str(ROOT / "tests" / "oidc" / "provider.mjs"), home + BACK, home]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            issuer = process.stdout.readline().strip()
            assert issuer.startswith("http://127.0.0.1:"), "the provider did not start: run bin/setup --dev"
            yield Peer(issuer)
        finally:
            process.terminate()
