"""Essential data pushed to a data set over real HTTP: sent, replaced, refused, tried again; the receipt is kept."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from api import secretbox
from api.context import Context
from api.db import now, transaction
from api.remote.datagouv import PushRefused, address
from api.sandbox.datagouv import KEY
from api.steps.data_push import push_one
from procurement.people import Organisation, User
from procurement.publication.check import check_document
from procurement.publication.push import DataPush, PushReceipt, ask_push, keep_push
from tests.award_scene import Scene, in_effect
from tests.checked_client import CheckedClient
from tests.factories import make_administrator, make_buyer

Browser = Callable[[User], CheckedClient]


@pytest.fixture
def scene(context: Context) -> Scene:
    return in_effect(context)


def asked(context: Context, scene: Scene, dataset: str, key: str = KEY) -> None:
    with transaction(context.database) as db:
        buyer = db.get_one(Organisation, scene.buyer.id)
        sealed = secretbox.seal(context.secret, f"datagouv:{buyer.ref}", key.encode())
        keep_push(db, buyer, dataset, sealed, now(db))


def state(context: Context) -> tuple[DataPush, list[PushReceipt]]:
    with transaction(context.database) as db:
        return db.query(DataPush).one(), db.query(PushReceipt).order_by(PushReceipt.id).all()


def test_an_administrator_names_the_data_set_and_reads_the_receipt(
    context: Context, scene: Scene, browser: Browser
) -> None:
    admin = browser(make_administrator(context.database, scene.buyer))
    path, dataset = f"/administration/{scene.buyer.ref}/donnees-ouvertes", f"decp-{scene.buyer.siret}"
    assert admin.submit(admin.get(path), path, dataset="../../autre", key=KEY).status_code == 422
    assert "lettres, chiffres et tirets" in admin.page.main
    assert admin.submit(admin.get(path), path, dataset=dataset, key="").status_code == 422
    assert admin.submit(admin.get(path), path, dataset=dataset, key="é" * 20).status_code == 422
    admin.submit(admin.get(path), path, dataset=dataset, key=f" {KEY} ")
    assert "Un envoi est en cours" in admin.page.main
    assert push_one(context)
    assert not push_one(context)
    push, (receipt,) = state(context)
    stored = requests.get(f"{context.url('datagouv')}/api/1/datasets/r/{push.resource}", timeout=10).content
    assert (hashlib.sha256(stored).hexdigest(), len(stored)) == (receipt.sha256, receipt.size)
    assert check_document(stored).records == receipt.records == 1
    assert "Bac à sable" in stored.decode()
    assert receipt.sha256 in admin.get(path).text
    assert KEY not in admin.page.main
    assert KEY.encode() not in push.key_sealed
    admin.submit(admin.page, path, dataset=dataset, key="")
    admin.submit(admin.get(path), "/envoyer")
    push_one(context)
    again, receipts = state(context)
    assert (again.resource, len(receipts)) == (push.resource, 2)
    listed = requests.get(f"{context.url('datagouv')}/api/1/datasets/{dataset}/", timeout=10).json()
    assert len(listed["resources"]) == 1


def test_others_do_not_see_it(context: Context, scene: Scene, browser: Browser) -> None:
    stranger = browser(make_administrator(context.database, make_buyer(context.database)))
    assert stranger.get(f"/administration/{scene.buyer.ref}/donnees-ouvertes").status_code == 404
    assert browser(scene.officer).get(f"/administration/{scene.buyer.ref}/donnees-ouvertes").status_code in (403, 404)


@pytest.mark.parametrize(
    ("dataset", "key", "said", "seconds"),
    [
        ("en-panne", KEY, "réponse 500", 30),
        ("trop-vite", KEY, "réponse 429", 90),
        ("abime", KEY, "abîmé", 30),
        ("decp-essai", "sandbox-key-fausse", "la clé n’est pas reconnue", None),
        ("inconnu", KEY, "n’existe pas", None),
    ],
)
def test_what_fails_is_told_and_tried_again_where_it_may_help(
    context: Context, scene: Scene, dataset: str, key: str, said: str, seconds: int | None
) -> None:
    asked(context, scene, dataset, key)
    assert push_one(context)
    push, receipts = state(context)
    assert said in push.last_error
    assert receipts == []
    assert (push.try_at is None) is (seconds is None)
    assert not push_one(context)
    if seconds is not None:
        with transaction(context.database) as db:
            row = db.query(DataPush).one()
            assert row.try_at is not None
            assert row.try_at > now(db) + timedelta(seconds=seconds - 10)
            row.dataset, row.try_at = "decp-essai", now(db)
        assert push_one(context)
        push, receipts = state(context)
        assert (push.last_error, push.try_at, len(receipts)) == ("", None, 1)


def test_a_platform_that_is_down_is_tried_again(context: Context, scene: Scene) -> None:
    asked(context, scene, "decp-essai")
    down = replace(context, services={**context.services, "datagouv": "http://127.0.0.1:9"})
    assert push_one(down)
    push, _ = state(context)
    assert "ne répond pas" in push.last_error
    assert push.try_at is not None


def test_a_resource_deleted_there_is_made_anew(context: Context, scene: Scene) -> None:
    asked(context, scene, "decp-essai")
    push_one(context)
    with transaction(context.database) as db:
        row = db.query(DataPush).one()
        row.resource = "f0f0f0f0-0000-0000-0000-000000000000"
        ask_push(db, scene.buyer.id, now(db))
    push_one(context)
    push, receipts = state(context)
    assert (len(receipts), receipts[-1].resource, push.last_error) == (2, push.resource, "")


def test_sandbox_rows_never_leave_the_sandbox(context: Context, scene: Scene) -> None:
    real = replace(context, settings=context.settings.model_copy(update={"datagouv_url": "https://www.data.gouv.fr"}))
    asked(context, scene, "decp-essai")
    assert push_one(real)
    push, receipts = state(context)
    assert "bac à sable" in push.last_error
    assert (push.try_at, receipts) == (None, [])


def test_a_key_never_travels_in_the_clear(context: Context) -> None:
    clear = replace(context, settings=context.settings.model_copy(update={"datagouv_url": "http://donnees.example"}))
    with pytest.raises(PushRefused, match="https"):
        address(clear, sandbox=False)
    with pytest.raises(PushRefused, match="MPS_DATAGOUV_URL"):
        address(replace(context, services={}), sandbox=False)


class _Odd(BaseHTTPRequestHandler):
    """A platform that redirects, or answers nonsense, by the data set asked for."""

    seen: list[str] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        type(self).seen.append(self.path)
        redirect = "ailleurs" in self.path
        self.send_response(302 if redirect else 200)
        if redirect:
            self.send_header("Location", "/api/1/datasets/pris/upload/")
        self.end_headers()
        self.wfile.write(b"" if redirect else b"<html>")

    def log_message(self, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def odd() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("dataset", "said"), [("ailleurs", "réponse 302"), ("charabia", "ne se lit pas")])
def test_no_redirect_is_followed_and_no_nonsense_believed(
    context: Context, scene: Scene, odd: str, dataset: str, said: str
) -> None:
    _Odd.seen.clear()
    asked(context, scene, dataset)
    push_one(replace(context, services={**context.services, "datagouv": odd}))
    push, receipts = state(context)
    assert said in push.last_error
    assert receipts == []
    assert _Odd.seen == [f"/api/1/datasets/{dataset}/upload/"]
