"""A small contract signed by a code: who may, what is kept, what is never said of it; every way it is refused."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from api.context import Context
from api.db import Database, now, reading, transaction
from api.sandbox import pki
from api.simple_signing import truncated
from procurement.consultation import find
from procurement.contract import Contract
from procurement.events import chain_holds, register
from procurement.federation import FederatedLogin
from procurement.mail import Mail
from procurement.people import LoginSession, User
from procurement.signers import Signer, signers_of
from procurement.simple_signing import SigningCode
from signature.verify import examine
from tests.award_scene import Scene, buyer_signs, opened, settle_pieces, sign
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

Browser = Callable[[User], CheckedClient]
SECOND = make_siret(6200)
MEMBER = f"{SECOND} ; Signaux du Nord ; nord@exemple.fr ; pose ; 2 000,00"


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def award(
    officer: CheckedClient, scene: Scene, database: Database, amount: str = "12 000", need: str = "15000", **more: Any
) -> None:
    with transaction(database) as db:
        consultation = find(db, scene.consultation)
        consultation.dossier["estimated_amount"] = need
        flag_modified(consultation, "dossier")
    officer.submit(officer.get(scene.award), "/designer", candidacy=scene.won)
    settle_pieces(database)
    answer = officer.submit(officer.get(scene.award), "/decider", motive="La meilleure offre.", amount=amount, **more)
    assert answer.status_code == 200, officer.page.main[:800]


def signers(database: Database) -> list[Signer]:
    with reading(database) as db:
        return signers_of(db, db.scalars(select(Contract)).one().act)


def path_of(database: Database, siret: str = make_siret(6100)) -> str:
    return next(f"/signatures/{s.ref}" for s in signers(database) if s.siret == siret)


def code_of(database: Database, address: str) -> str:
    with reading(database) as db:
        query = select(Mail).where(Mail.to == address, Mail.subject.startswith("Votre code pour signer"))
        body = db.scalars(query.order_by(Mail.id.desc())).first()
    found = re.search(r"\d{3} \d{3}", body.body if body else "")
    assert found
    return found.group()


def ask(client: CheckedClient, path: str) -> None:
    assert client.submit(client.get(f"{path}/par-code"), "/par-code/envoi").status_code == 200


def give(client: CheckedClient, path: str, code: str) -> int:
    return client.submit(client.page, "/par-code", read="1", code=code).status_code


def test_the_winner_of_a_small_contract_signs_by_a_code(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    act = winner.get(f"{path}/acte-engagement.pdf").content
    assert "Signer par code, sans certificat" in winner.get(path).text
    shown = winner.get(f"{path}/par-code")
    assert hashlib.sha256(act).hexdigest() in shown.text
    assert "data:image/png;base64," in shown.text
    ask(winner, path)
    assert give(winner, path, code_of(database, scene.winner.email)) == 200, winner.page.main[:1500]
    assert "Votre signature simple est gardée" in winner.page.main
    (signer,) = signers(database)
    assert (signer.state, signer.way, signer.person) == ("signed", "code", scene.winner.name)
    with reading(database) as db:
        contract, moment = db.scalars(select(Contract)).one(), now(db)
        assert contract.state == "awaiting_signature"
        key = str(contract.act.signed_key)
        consultation = find(db, scene.consultation)
        assert chain_holds(db, consultation)
        (event,) = [e for e in register(db, consultation) if e.kind == "signer.signed"]
    final = context.storage.get(key)
    assert final.startswith(act), "the act’s own bytes do not change"
    (verdict,) = examine(final, pki.sandbox_trust(pki.FOLDER, moment), moment).signatures
    assert (verdict.indication, verdict.qualification, verdict.level) == ("TOTAL-PASSED", "QESeal", "LTA")
    assert verdict.arrete_2019.receivable is False
    kept = winner.get(f"{path}/preuve").content
    assert hashlib.sha256(kept).hexdigest() == event.data["evidence"]
    told = json.loads(kept)
    assert told["document"]["sha256"] == hashlib.sha256(act).hexdigest()
    assert told["person"] == {"name": scene.winner.name, "email": scene.winner.email}
    assert told["proconnect"] is None
    assert told["sealed"]["reason"].startswith(f"Signature simple de {scene.winner.name}")
    buyer = officer.get(f"/contrats/{contract.ref}")
    assert "signature simple" in buyer.text
    assert f"« Signature simple de {scene.winner.name}" in officer.page.main
    assert "conforme" not in officer.page.main
    assert officer.get(f"/contrats/{contract.ref}/preuves/{signer.ref}").content == kept
    assert browser(scene.finance).get(f"/contrats/{contract.ref}/preuves/{signer.ref}").status_code == 404
    assert "c’est à l’acheteur" in officer.get(scene.award).text
    assert buyer_signs(context, scene, officer) == 200
    assert "Notifier le marché" in officer.get(scene.award).text


def test_who_signed_in_with_proconnect_is_kept_as_such(
    scene: Scene, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    with transaction(database) as db:
        db.query(LoginSession).filter_by(user_id=scene.winner.id).one().id_token_sealed = b"jeton"
        who = {"issuer": "https://proconnect.example", "subject": "s-42"}
        db.add(FederatedLogin(user_id=scene.winner.id, created_at=now(db), last_at=now(db), **who))
    ask(winner, path)
    assert give(winner, path, code_of(database, scene.winner.email)) == 200
    (signer,) = signers(database)
    assert signer.evidence is not None
    assert signer.evidence["proconnect"] == who


@pytest.mark.parametrize(
    ("amount", "need", "more", "said"),
    [
        ("25 000", "20000", {}, "R2112-1"),
        ("24 999,99", "25000", {}, "R2112-1"),
        ("12 000", "15000", {"certificate": "1"}, "L’acheteur demande pour ce marché une signature avec un certificat"),
    ],
)
def test_where_a_certificate_is_due_no_code_leaves(
    scene: Scene, database: Database, officer: CheckedClient, browser: Browser,
    amount: str, need: str, more: dict[str, str], said: str,
) -> None:  # fmt: skip
    award(officer, scene, database, amount, need, **dict[str, Any](more))
    winner, path = browser(scene.winner), path_of(database)
    for page in (path, f"{path}/par-code"):
        assert said in winner.get(page).text
    refused = winner.post(f"{path}/par-code/envoi", headers={"sec-fetch-site": "same-origin"})
    assert refused.status_code == 409
    with reading(database) as db:
        assert db.query(SigningCode).count() == 0


def test_just_below_the_threshold_it_is_offered(
    scene: Scene, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database, "24 999,99", "24999.99")
    assert "Signer par code, sans certificat" in browser(scene.winner).get(path_of(database)).text


def test_five_wrong_tries_end_the_code_and_ten_minutes_too(
    scene: Scene, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    ask(winner, path)
    code = code_of(database, scene.winner.email)
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**6:06d}"
    for left in (4, 3, 2, 1):
        assert give(winner, path, wrong) == 422
        assert f"essais restants : {left}" in winner.page.main
    assert give(winner, path, wrong) == 422
    assert give(winner, path, code) == 422, "the right code is worth nothing after five wrong ones"
    assert "ne vaut plus" in winner.page.main
    ask(winner, path)
    with transaction(database) as db:
        row = db.query(SigningCode).one()
        assert row.code_hash.startswith("$argon2")
        row.expires_at = now(db) - timedelta(seconds=1)
    assert give(winner, path, code_of(database, scene.winner.email)) == 422
    assert signers(database)[0].state == "waiting"


def test_a_newer_code_ends_the_older_and_the_sixth_of_an_hour_is_refused(
    scene: Scene, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    ask(winner, path)
    first = code_of(database, scene.winner.email)
    ask(winner, path)
    second = code_of(database, scene.winner.email)
    if first != second:
        assert give(winner, path, first) == 422
    headers = {"sec-fetch-site": "same-origin"}
    assert winner.post(f"{path}/par-code", data={"code": second}, headers=headers).status_code == 422
    assert "cochez cette case" in winner.page.main
    for _ in range(3):
        ask(winner, path)
    refused = winner.post(f"{path}/par-code/envoi", headers=headers)
    assert (refused.status_code, "Trop d’essais" in refused.text) == (409, True)
    winner.get(f"{path}/par-code")
    assert give(winner, path, code_of(database, scene.winner.email)) == 200


def test_the_code_is_of_one_account(scene: Scene, database: Database, officer: CheckedClient, browser: Browser) -> None:
    award(officer, scene, database)
    path, headers = path_of(database), {"sec-fetch-site": "same-origin"}
    ask(browser(scene.winner), path)
    code = code_of(database, scene.winner.email)
    for who in (scene.loser, scene.officer):
        stranger = browser(who)
        assert stranger.get(f"{path}/par-code").status_code == 404
        assert stranger.get(f"{path}/preuve").status_code == 404
        assert stranger.post(f"{path}/par-code", data={"read": "1", "code": code}, headers=headers).status_code == 404


def test_without_a_time_nothing_is_signed_and_the_code_still_counts(
    scene: Scene, context: Context, app: Any, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    ask(winner, path)
    code = code_of(database, scene.winner.email)
    app.state.context.settings.tsa_url = "http://127.0.0.1:9/"
    assert give(winner, path, code) == 422
    assert "votre code vaut toujours" in winner.page.main
    app.state.context.settings.tsa_url = None
    assert give(winner, path, code) == 200


def test_a_code_is_of_one_version_of_the_act(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    """Two companies: once the first has signed, the second’s code is of an act that is no more."""
    award(officer, scene, database, grouping="Conjoint", members=MEMBER)
    winner, other = browser(scene.winner), browser(make_account(database, "nord@exemple.fr"))
    mine, theirs = path_of(database), path_of(database, SECOND)
    ask(other, theirs)
    ask(winner, mine)
    assert give(winner, mine, code_of(database, scene.winner.email)) == 200
    old = code_of(database, "nord@exemple.fr")
    assert give(other, theirs, old) == 422
    assert "ne vaut plus" in other.page.main
    ask(other, theirs)
    assert give(other, theirs, code_of(database, "nord@exemple.fr")) == 200
    assert [s.way for s in signers(database)] == ["code", "code"]
    assert "c’est à l’acheteur" in officer.get(scene.award).text
    assert buyer_signs(context, scene, officer) == 200
    assert "Notifier le marché" in officer.get(scene.award).text


def test_after_a_code_a_certificate_signs_and_never_the_reverse(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    """The seal goes on what the service wrote and sealed itself, not on a file that came in."""
    award(officer, scene, database, grouping="Conjoint", members=MEMBER)
    winner, other = browser(scene.winner), browser(make_account(database, "nord@exemple.fr"))
    mine, theirs = path_of(database), path_of(database, SECOND)
    act = other.get(f"{theirs}/acte-engagement.pdf").content
    drop(other, theirs, sign(context, act, SECOND))
    assert "le cachet du service ne s’y ajoute pas" in winner.get(f"{mine}/par-code").text
    assert [s.state for s in signers(database)] == ["waiting", "signed"]


def test_a_certificate_after_a_code(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database, grouping="Conjoint", members=MEMBER)
    winner, other = browser(scene.winner), browser(make_account(database, "nord@exemple.fr"))
    mine, theirs = path_of(database), path_of(database, SECOND)
    ask(winner, mine)
    assert give(winner, mine, code_of(database, scene.winner.email)) == 200
    act = other.get(f"{theirs}/acte-engagement.pdf").content
    assert drop(other, theirs, sign(context, act, SECOND, seal=True)) == 422, "a seal is nobody’s signature"
    assert drop(other, theirs, sign(context, act, SECOND)) == 200, other.page.main[:1500]
    assert [s.way for s in signers(database)] == ["code", "file"]


def drop(client: CheckedClient, path: str, content: bytes) -> int:
    return client.submit(client.get(path), "/fichier", file=("s.pdf", content, "application/pdf")).status_code


def test_an_appeal_stops_it(scene: Scene, database: Database, officer: CheckedClient, browser: Browser) -> None:
    award(officer, scene, database)
    winner, path = browser(scene.winner), path_of(database)
    ask(winner, path)
    officer.submit(officer.get(scene.award), "/recours", received_at="2026-11-20T10:30", author="Trafic Conseil SARL")
    assert winner.get(f"{path}/par-code").status_code == 409
    data = {"read": "1", "code": code_of(database, scene.winner.email)}
    assert winner.post(f"{path}/par-code", data=data, headers={"sec-fetch-site": "same-origin"}).status_code == 409
    assert signers(database)[0].state == "waiting"


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::7", "2001:db8:1::/48"), ("testclient", "")],
)
def test_an_address_is_kept_as_its_network(address: str, network: str) -> None:
    assert truncated(address) == network
