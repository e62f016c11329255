"""People who speak real HTTP to a real server, and several of them at the same instant."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from api.auth import open_session
from api.db import Database, reading, transaction
from procurement.consultation import find
from procurement.events import chain_holds, register
from procurement.people import User
from tests.checked_client import CheckedClient
from tests.html import found, words

ENGLISH = ("Error", "error", "Exception", "invalid", "Traceback", "line ", "object", "certificate", "signature is")


class Person:
    """A signed-in person's browser, without a page: forms are sent as they are known to be."""

    def __init__(self, database: Database, url: str, user: User) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["sec-fetch-site"] = "same-origin"
        with transaction(database) as db:
            self.token = open_session(db, user)
        self.session.cookies.set("mps_session", self.token)

    def read(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=60, allow_redirects=False)

    def press(self, path: str, **fields: str) -> requests.Response:
        return self.session.post(self.url + path, data=fields, timeout=60, allow_redirects=False)

    def send(self, path: str, content: bytes, name: str = "fichier.pdf") -> requests.Response:
        file = {"file": (name, content)}
        return self.session.post(self.url + path, files=file, timeout=60, allow_redirects=False)


def at_once(*actions: Callable[[], requests.Response]) -> list[requests.Response]:
    """Each on a thread of its own, all let go together."""
    gate = threading.Barrier(len(actions))

    def run(action: Callable[[], requests.Response]) -> requests.Response:
        gate.wait(30)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def statuses(answers: list[requests.Response]) -> list[int]:
    """In order; an answer that is no redirect is one French page, without a traceback."""
    for answer in answers:
        assert "Traceback" not in answer.text
        assert answer.status_code < 400 or "<main" in answer.text
    return sorted(answer.status_code for answer in answers)


def happened(database: Database, ref: str, kind: str) -> int:
    """How often the consultation's register has this line; its chain holds."""
    with reading(database) as db:
        consultation = find(db, ref)
        assert chain_holds(db, consultation)
        return sum(event.kind == kind for event in register(db, consultation))


def one_sentence(client: CheckedClient) -> str:
    """The summary of the page that came back: one French sentence for people."""
    assert client.page.status == 422, client.page.main
    (item,) = found(client.page.tree, '//*[@id="errors"]//li')
    sentence = words(item)
    assert sentence.endswith("."), sentence
    assert not [word for word in ENGLISH if word in sentence], sentence
    return sentence
