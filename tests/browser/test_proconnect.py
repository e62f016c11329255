"""ProConnect in a real browser: the policy of the pages must let it go there, come back, and sign out there too."""

import socket

from playwright.sync_api import Browser

from api.context import Context
from api.settings import Settings
from tests.browser.served import served
from tests.browser.walker import walker
from tests.candidacy_scene import BAKERY
from tests.oidc_peer import PERSONA, running_peer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_in_prove_and_out(chromium: Browser, settings: Settings, context: Context) -> None:
    port = free_port()
    with running_peer(f"http://127.0.0.1:{port}/") as peer:
        peer.play(PERSONA | {"siret": BAKERY})
        with served(peer.settings(settings), context.services, port) as url:
            person = walker(chromium, url)
            person.open("/connexion?suite=/compte/appartenance")
            person.follow("Se connecter avec ProConnect")
            assert person.path == "/compte/appartenance"
            person.says("BOULANGERIE TOUT VA BIEN", "(ProConnect)")
            person.page.get_by_role("button", name="Se déconnecter").click()
            person.page.wait_for_url(f"{peer.issuer}/api/v2/session/end*")
