"""All the files of one answer together have a cap (MPS_MAX_CANDIDACY_MB): one sentence, nothing kept over it."""

from collections.abc import Iterator
from functools import partial

import pytest
from fastapi import FastAPI

from api.context import Context
from api.db import reading
from api.settings import Settings
from procurement.candidacy import CandidacyFile
from tests.browser.served import served
from tests.candidacy_scene import SAME_ORIGIN, Browser, Scene, add, published, start
from tests.checked_client import CheckedClient
from tests.faults.scene import Person, at_once, statuses

SENTENCE = "Les fichiers d’une réponse font 1 Mo au plus en tout"
HALF = b"x" * 500_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_candidacy_mb": 1})


@pytest.fixture
def scene(context: Context) -> Scene:
    return published(context)


@pytest.fixture
def mine(scene: Scene, app: FastAPI, browser: Browser) -> CheckedClient:
    return browser(scene.account)


def kept(context: Context) -> list[int]:
    with reading(context.database) as db:
        return [file.size for file in db.query(CandidacyFile).order_by(CandidacyFile.id)]


def test_up_to_the_cap_and_not_a_byte_more(context: Context, scene: Scene, mine: CheckedClient) -> None:
    path = start(mine, scene)
    assert add(mine, path, "candidature", "a.pdf", HALF) == 200
    assert add(mine, path, "offre", "b.pdf", HALF + b"x") == 409
    assert SENTENCE in mine.page.main
    assert add(mine, path, "offre", "b.pdf", HALF) == 200
    assert add(mine, path, "offre", "c.pdf", b"x") == 409
    assert kept(context) == [len(HALF)] * 2
    mine.get(path)
    mine.submit(mine.page, next(action for action in mine.page.actions if "/enlever/" in action))
    assert add(mine, path, "candidature", "d.pdf", HALF) == 200


def test_a_heavy_body_is_refused_before_it_is_read(context: Context, scene: Scene, mine: CheckedClient) -> None:
    """What the header announces is believed where it refuses; the body, read here, would be no form."""
    path = start(mine, scene)
    answer = mine.post(f"{path}/fichiers/offre", content=b"x" * 1_200_000, headers=SAME_ORIGIN)
    assert answer.status_code == 409
    assert SENTENCE in mine.page.main
    assert kept(context) == []


def test_a_body_that_announces_nothing_is_counted_at_its_end(
    context: Context, scene: Scene, mine: CheckedClient
) -> None:
    path = start(mine, scene)
    add(mine, path, "candidature", "a.pdf", HALF)

    def body() -> Iterator[bytes]:
        yield HALF
        yield b"x"

    headers = SAME_ORIGIN | {"x-file-name": "b.pdf", "content-type": "application/pdf"}
    answer = mine.post(f"{path}/fichiers/offre", content=body(), headers=headers)
    assert answer.status_code == 409
    assert SENTENCE in mine.page.main
    assert kept(context) == [len(HALF)]


def test_two_halves_and_a_third_at_once(
    settings: Settings, context: Context, scene: Scene, mine: CheckedClient
) -> None:
    path = start(mine, scene)
    with served(settings, context.services) as url:
        people = [Person(context.database, url, scene.account) for _ in range(3)]
        answers = at_once(*(partial(person.send, f"{path}/fichiers/offre", HALF) for person in people))
    assert statuses(answers) == [303, 303, 409]
    assert kept(context) == [len(HALF)] * 2
