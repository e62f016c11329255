"""An acte signed with something that is no good: one sentence, the contract still waits for its signature."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from api.context import Context
from api.db import Database, reading
from procurement.contract import Contract
from tests.api.test_award import award, hand_in, unsigned_of
from tests.award_scene import Scene, opened, sign
from tests.candidacy_scene import Browser
from tests.checked_client import CheckedClient
from tests.faults.scene import one_sentence

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER_HAND = (b"Jeanne Martin".hex(), b"Jeanne Nitram".hex())
OTHER_KEY = ("06072a8648ce3d0201", "06072a8648ce3d02ff")


def swapped(signed: bytes, old: str, new: str) -> bytes:
    """The signature's container with other bytes in it; the PDF around is whole."""
    start = signed.rindex(b"/Contents")
    head, container = signed[:start], signed[start:].decode("latin-1")
    old, new = (old, new) if old in container else (old.upper(), new.upper())
    assert old in container
    return head + container.replace(old, new).encode("latin-1")


def emptied(signed: bytes) -> bytes:
    """A signature field whose container is zeros."""
    start = signed.rindex(b"/Contents")
    begin = signed.index(b"<", start) + 1
    end = signed.index(b">", begin)
    return signed[:begin] + b"0" * (end - begin) + signed[end:]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "another name in the certificate": lambda signed: swapped(signed, *OTHER_HAND),
    "a key of no kind": lambda signed: swapped(signed, *OTHER_KEY),
    "no signature inside": emptied,
}


@pytest.fixture
def scene(database: Database, browser: Browser) -> Scene:
    scene = opened(database)
    award(browser(scene.officer), scene, database)
    return scene


def refused(winner: CheckedClient, scene: Scene, content: bytes) -> str:
    assert hand_in(winner, scene, content) == 422
    return one_sentence(winner)


def still_waits(database: Database) -> None:
    with reading(database) as db:
        contract = db.query(Contract).one()
        act = contract.act
        assert (contract.state, act.signed_key, act.signature_report) == ("awaiting_signature", None, None)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_certificate(name: str, scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    winner = browser(scene.winner)
    signed = sign(context, unsigned_of(winner, scene))
    refused(winner, scene, DAMAGE[name](signed))
    still_waits(database)
    assert hand_in(winner, scene, signed) == 200


def test_a_certificate_of_nobody_s_list(
    scene: Scene, context: Context, database: Database, browser: Browser, tmp_path: Path
) -> None:
    winner = browser(scene.winner)
    elsewhere = replace(context, services={**context.services, "pki": str(tmp_path / "pki")})
    refused(winner, scene, sign(elsewhere, unsigned_of(winner, scene)))
    still_waits(database)
