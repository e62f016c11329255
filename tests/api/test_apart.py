"""A database with sandbox rows takes neither a production service nor a production token; the demonstration neither."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from api import secretbox
from api.apart import check_start
from api.context import Context
from api.db import Database, connect, reading, transaction
from api.demo import make_town
from api.migrate import upgrade
from api.remote.csc_provider import CscProvider
from api.sandbox.api_entreprise import EXPIRED_TOKEN, TOKEN
from api.settings import BadSettings, Settings
from api.storage import Storage
from procurement.people import Organisation
from tests.api.test_cli import mps
from tests.candidacy_scene import Browser
from tests.factories import make_administrator, make_buyer

REAL = "https://entreprise.api.gouv.fr"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtcHMifQ.c2lnbmF0dXJl"


def why_not(context: Context, *, demo: bool = False, **changes: object) -> str:
    """What the start says; empty where it starts."""
    settings: Settings = context.settings.model_copy(update=changes)
    with reading(context.database) as db:
        try:
            check_start(settings, db, demo=demo)
        except BadSettings as error:
            return str(error)
    return ""


def test_real_data_takes_a_real_service(context: Context) -> None:
    make_buyer(context.database)
    assert why_not(context, api_entreprise_url=REAL, api_entreprise_token=SecretStr(JWT)) == ""
    signing = CscProvider("a", "A", "https://a.example", "v2", SecretStr("jeton"))
    assert why_not(context, csc_providers=(signing,)) == ""
    assert why_not(context) == ""


@pytest.mark.parametrize("demo", [False, True])
def test_sandbox_rows_or_the_demonstration_take_none(context: Context, demo: bool) -> None:
    if not demo:
        make_town(context)
    assert why_not(context, demo=demo) == ""
    assert "MPS_API_ENTREPRISE_URL" in why_not(context, demo=demo, api_entreprise_url=REAL)
    assert "MPS_CHORUS_URL" in why_not(context, demo=demo, chorus_url=REAL, chorus_token_url=REAL)
    assert "MPS_API_ENTREPRISE_TOKEN" in why_not(context, demo=demo, api_entreprise_token=SecretStr(JWT))
    for here in ("http://127.0.0.1:8001/api-entreprise", "http://localhost:8001", "http://[::1]:8001"):
        assert why_not(context, demo=demo, api_entreprise_url=here, api_entreprise_token=SecretStr(TOKEN)) == ""
    elsewhere, nearby = (
        CscProvider("a", "A", url, "v2", SecretStr("jeton"))
        for url in ("https://a.example", "http://127.0.0.1:8001/csc")
    )
    assert "MPS_CSC_PROVIDERS" in why_not(context, demo=demo, csc_providers=(nearby, elsewhere))
    assert why_not(context, demo=demo, csc_providers=(nearby,)) == ""
    seal(context, make_buyer(context.database, "Ville vraie"), EXPIRED_TOKEN)
    assert why_not(context, demo=demo) == ""
    seal(context, make_buyer(context.database, "Ville vraie"), JWT)
    assert "« Ville vraie" in why_not(context, demo=demo)


def seal(context: Context, buyer: Organisation, token: str) -> None:
    with transaction(context.database) as db:
        sealed = secretbox.seal(context.secret, f"token:{buyer.ref}", token.encode())
        db.get_one(Organisation, buyer.id).token_sealed = sealed


def test_the_administrator_is_told_in_one_sentence(context: Context, browser: Browser, database: Database) -> None:
    buyer = make_buyer(database)
    administrator = browser(make_administrator(database, buyer))
    path = f"/administration/{buyer.ref}"
    administrator.submit(administrator.get(path), "/jeton", token=JWT)
    assert administrator.page.status == 200
    make_town(context)
    administrator.submit(administrator.get(path), "/jeton", token=JWT)
    assert administrator.page.status == 422
    assert "un vrai service part d’une base" in administrator.page.main
    administrator.submit(administrator.get(path), "/jeton", token=TOKEN)
    assert administrator.page.status == 200
    with reading(database) as db:
        kept = db.get_one(Organisation, buyer.id)
        assert secretbox.unseal(context.secret, f"token:{buyer.ref}", kept.token_sealed or b"") == TOKEN.encode()


@pytest.mark.parametrize("command", [("serve",), ("worker", "--once"), ("serve", "--demo")])
def test_the_commands_do_not_start(tmp_path: Path, command: tuple[str, ...]) -> None:
    home = f"sqlite:///{tmp_path}/mps.db"
    upgrade(home)
    if "--demo" not in command:
        settings = Settings(_env_file=None, database_url=home, secret_key=SecretStr("k" * 40))
        database = connect(home)
        make_town(Context(settings, database, Storage(f"file://{tmp_path}/files"), {}))
        database.dispose()
    asked = mps(*command, home=tmp_path, MPS_API_ENTREPRISE_URL=REAL)
    assert asked.returncode == 2
    assert asked.stderr.count("\n") == 1, asked.stderr
    assert "MPS_API_ENTREPRISE_URL" in asked.stderr
