"""The circuit: a group signs one act, each company on its own; refusals, reminders, paper, and what must not pass."""

import base64
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from sqlalchemy import select

from api.context import Context
from api.db import Database, now, reading, transaction
from api.groups import read_group
from api.sandbox import csc, pki
from procurement.consultation import find
from procurement.contract import Contract
from procurement.errors import Invalid
from procurement.events import chain_holds
from procurement.mail import Mail
from procurement.people import User
from procurement.signers import Signer, signers_of
from signature.verify import verify_pdf
from tests.award_scene import PASSWORD, Scene, awarded, buyer_signs, opened, settle_pieces, sign
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

Browser = Callable[[User], CheckedClient]
MOTIVE = "La meilleure note technique et le prix le plus bas."
SECOND, THIRD = make_siret(6200), make_siret(6201)
MEMBERS = (
    f"{SECOND} ; Signaux du Nord ; nord@exemple.fr ; pose ; 20 000,00\n"
    f"{THIRD} ; Données du Sud ; sud@exemple.fr ; données ; 14000"
)


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


@pytest.fixture
def officer(scene: Scene, browser: Browser) -> CheckedClient:
    return browser(scene.officer)


def award(officer: CheckedClient, scene: Scene, database: Database, **more: Any) -> Any:
    officer.submit(officer.get(scene.award), "/designer", candidacy=scene.won)
    settle_pieces(database)
    return officer.submit(officer.get(scene.award), "/decider", motive=MOTIVE, **more)


def signers(database: Database) -> list[Signer]:
    with reading(database) as db:
        return signers_of(db, db.scalars(select(Contract)).one().act)


def path_of(database: Database, siret: str) -> str:
    return next(f"/signatures/{s.ref}" for s in signers(database) if s.siret == siret)


def states(database: Database) -> list[str]:
    return [s.state for s in signers(database)]


def drop(client: CheckedClient, path: str, content: bytes) -> int:
    page = client.get(path)
    return client.submit(page, "/fichier", file=("signe.pdf", content, "application/pdf")).status_code


def test_three_companies_sign_one_act(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database, grouping="Conjoint", members=MEMBERS)
    assert "Signaux du Nord" in officer.page.main
    with reading(database) as db:
        told = {m.to for m in db.scalars(select(Mail).where(Mail.subject.startswith("Signature demandée")))}
    assert told == {"nord@exemple.fr", "sud@exemple.fr"}
    companies = [
        (browser(scene.winner), make_siret(6100)),
        (browser(make_account(database, "sud@exemple.fr")), THIRD),
        (browser(make_account(database, "nord@exemple.fr")), SECOND),
    ]
    for count, (client, siret) in enumerate(companies, 1):
        path = path_of(database, siret)
        assert "Marché" in client.get("/signatures").text
        act = client.get(f"{path}/acte-engagement.pdf").content
        assert drop(client, path, sign(context, act, siret)) == 200, client.page.main[:1500]
        assert "Votre signature est vérifiée" in client.page.main
        assert states(database).count("signed") == count
    assert buyer_signs(context, scene, officer) == 200
    with reading(database) as db:
        contract = db.scalars(select(Contract)).one()
        moment = now(db)
        assert (contract.state, contract.consultation.state) == ("signed", "signed")
        assert chain_holds(db, find(db, scene.consultation))
        key = str(contract.act.signed_key)
    final = context.storage.get(key)
    trust = pki.sandbox_trust(Path(context.services.get("pki", str(pki.FOLDER))), moment)
    verdicts = verify_pdf(final, trust, moment).signatures
    assert [(v.indication, v.level, v.arrete_2019.receivable) for v in verdicts] == [("TOTAL-PASSED", "LTA", True)] * 4
    assert "Notifier le marché" in officer.get(scene.award).text


def test_in_a_fixed_order_each_waits_for_the_one_before(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    award(officer, scene, database, grouping="Conjoint", members=MEMBERS, in_order="1")
    second, path = browser(make_account(database, "nord@exemple.fr")), path_of(database, SECOND)
    with reading(database) as db:
        assert not db.scalars(select(Mail).where(Mail.subject.startswith("Signature demandée"))).all()
    act = second.get(f"{path}/acte-engagement.pdf").content
    files = {"file": ("signe.pdf", sign(context, act, SECOND), "application/pdf")}
    refused = second.post(f"{path}/fichier", files=files, headers={"sec-fetch-site": "same-origin"})
    assert (refused.status_code, "c’est d’abord à Capteurs et Mesures SAS" in refused.text) == (409, True)
    winner, first = browser(scene.winner), path_of(database, make_siret(6100))
    assert drop(winner, first, sign(context, act)) == 200
    with reading(database) as db:
        (told,) = db.scalars(select(Mail).where(Mail.subject.startswith("Signature demandée"))).all()
    assert told.to == "nord@exemple.fr"
    version = second.get(f"{path}/acte-engagement.pdf").content
    assert drop(second, path, sign(context, version, SECOND)) == 200
    assert states(database) == ["signed", "signed", "waiting"]


def test_with_powers_the_leader_signs_alone(scene: Scene, database: Database, officer: CheckedClient) -> None:
    award(officer, scene, database, grouping="Solidaire", members=MEMBERS, powers="1")
    assert [s.siret for s in signers(database)] == [make_siret(6100)]


@pytest.mark.parametrize(
    ("grouping", "members", "said"),
    [
        ("", MEMBERS, "conjoint ou solidaire"),
        ("Conjoint", "Signaux du Nord", "Ligne 1 : Une ligne par membre"),
        ("Conjoint", MEMBERS.replace("14000", "x"), "Ligne 2"),
        ("Conjoint", MEMBERS.replace("14000", "64000"), "dépassent le montant"),
        ("Conjoint", MEMBERS.replace("nord@exemple.fr", "nord"), "nom@exemple.fr"),
        ("Conjoint", MEMBERS.replace(THIRD, SECOND), "deux fois"),
        ("Conjoint", MEMBERS.replace(THIRD, make_siret(6100)), "mandataire ne s’écrit pas"),
    ],
)
def test_members_typed_wrong_come_back(
    scene: Scene, database: Database, officer: CheckedClient, grouping: str, members: str, said: str
) -> None:
    answer = award(officer, scene, database, grouping=grouping, members=members)
    assert answer.status_code == 422
    assert said in officer.page.main
    with reading(database) as db:
        assert db.scalars(select(Contract)).all() == []


def test_another_company_s_certificate(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    act = winner.get(f"{path}/acte-engagement.pdf").content
    assert drop(winner, path, sign(context, act, make_siret(4242))) == 422
    assert "autre entreprise" in winner.page.main
    assert states(database) == ["waiting"]


def test_two_companies_at_once_the_second_takes_the_new_version(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    awarded(context, scene, MEMBERS)
    first, second = browser(scene.winner), browser(make_account(database, "nord@exemple.fr"))
    mine, theirs = path_of(database, make_siret(6100)), path_of(database, SECOND)
    act = first.get(f"{mine}/acte-engagement.pdf").content
    assert drop(first, mine, sign(context, act)) == 200
    assert drop(second, theirs, sign(context, act, SECOND)) == 422
    assert "un autre signataire vient de signer" in second.page.main
    assert states(database) == ["signed", "waiting", "waiting"]


def test_strangers_see_nothing(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    awarded(context, scene, MEMBERS)
    path = path_of(database, SECOND)
    unproven = make_account(database, "nord@exemple.fr", verified=False)
    for who in (scene.loser, scene.winner, unproven, scene.officer):
        client = browser(who)
        assert client.get(path).status_code == 404
        assert client.get(f"{path}/acte-engagement.pdf").status_code == 404
        assert "Signaux" not in client.get("/signatures").text


def test_a_refusal_is_read_by_the_officer_and_may_be_taken_back(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    assert winner.submit(winner.get(path), "/refuser", reason=" ").status_code == 422
    assert "Dites pourquoi" in winner.page.main
    winner.submit(winner.get(path), "/refuser", reason="Le montant n’est pas celui de notre offre.")
    assert "A refusé de signer" in officer.get(scene.award).text
    assert "n’est pas celui de notre offre" in officer.page.main
    act = winner.get(f"{path}/acte-engagement.pdf").content
    same_site = {"sec-fetch-site": "same-origin"}
    files = {"file": ("signe.pdf", sign(context, act), "application/pdf")}
    assert winner.post(f"{path}/fichier", files=files, headers=same_site).status_code == 409
    winner.submit(winner.get(path), "/revenir")
    assert states(database) == ["waiting"]


def test_reminders_once_a_day(scene: Scene, context: Context, database: Database, officer: CheckedClient) -> None:
    awarded(context, scene, MEMBERS)
    officer.submit(officer.get(scene.award), "/relancer")
    with transaction(database) as db:
        assert len(db.scalars(select(Mail).where(Mail.subject.startswith("Rappel"))).all()) == 3
    assert officer.submit(officer.get(scene.award), "/relancer").status_code == 409
    with transaction(database) as db:
        for signer in db.query(Signer):
            signer.reminded_at = now(db) - timedelta(days=2)
    assert officer.submit(officer.get(scene.award), "/relancer").status_code == 200


def test_the_paper_original(scene: Scene, context: Context, database: Database, officer: CheckedClient) -> None:
    awarded(context, scene, MEMBERS)
    officer.submit(officer.get(scene.award), "/signe-a-la-main")
    assert "conservez l’original" in officer.page.main
    assert {s.way for s in signers(database)} == {"hand"}
    assert "Notifier le marché" in officer.page.main


def test_paper_and_electronic_signatures_do_not_mix(
    scene: Scene, context: Context, database: Database, officer: CheckedClient, browser: Browser
) -> None:
    awarded(context, scene, MEMBERS)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    assert drop(winner, path, sign(context, winner.get(f"{path}/acte-engagement.pdf").content)) == 200
    assert officer.submit(officer.get(scene.award), "/signe-a-la-main").status_code == 409


def test_in_the_page_with_a_certificate(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    """What the page's script does, without a browser: chain, bytes to sign, raw signature as WebCrypto gives it."""
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    private, chain = opened_key(context, database)
    headers = {"sec-fetch-site": "same-origin"}
    answer = winner.post(f"{path}/preparer", json={"chain": chain}, headers=headers)
    assert answer.status_code == 200, answer.text
    der = private.sign(base64.b64decode(answer.json()["to_sign"]), ec.ECDSA(hashes.SHA256()))
    raw = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
    wrong = base64.b64encode(bytes(64)).decode()
    refused = winner.post(f"{path}/terminer", json={"value": wrong}, headers=headers)
    assert (refused.status_code, "n’est pas valide" in refused.json()["sentence"]) == (422, True)
    done = winner.post(f"{path}/terminer", json={"value": base64.b64encode(raw).decode()}, headers=headers)
    assert done.json() == {"next": f"{path}?ok=signe"}
    (signer,) = signers(database)
    assert (signer.state, signer.way, signer.prepared) == ("signed", "certificate", None)
    again = winner.post(f"{path}/terminer", json={"value": wrong}, headers=headers)
    assert (again.status_code, "recommencez" in again.json()["sentence"]) == (422, True)


def opened_key(context: Context, database: Database) -> tuple[Any, list[str]]:
    folder = Path(context.services.get("pki", str(pki.FOLDER)))
    with reading(database) as db:
        moment = now(db)
    path = pki.issue_signer(folder, "Jeanne Martin", "Capteurs et Mesures SAS", make_siret(6100), PASSWORD, now=moment)
    private, own, others = pkcs12.load_key_and_certificates(path.read_bytes(), PASSWORD.encode())
    assert own is not None
    return private, [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in (own, *others)]


@pytest.mark.parametrize("chain", [["pas du base64 !"], ["AAAA"]])
def test_a_bad_chain_gets_a_sentence(
    scene: Scene, context: Context, database: Database, browser: Browser, chain: list[str]
) -> None:
    awarded(context, scene)
    headers = {"sec-fetch-site": "same-origin"}
    path = path_of(database, make_siret(6100))
    answer = browser(scene.winner).post(f"{path}/preparer", json={"chain": chain}, headers=headers)
    assert (answer.status_code, "illisible" in answer.json()["sentence"]) == (422, True)


def test_at_a_distance(scene: Scene, context: Context, database: Database, browser: Browser) -> None:
    """The sandbox's provider holds another company's certificates: all goes well until whose they are."""
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    page = winner.get(f"{path}/distance?service=bac-a-sable")
    assert "Code PIN" in page.text
    wrong = winner.submit(page, "/distance", credential="boulangerie-p256", pin="000000")
    assert wrong.status_code == 422
    assert "code PIN" in winner.page.main
    page = winner.get(f"{path}/distance?service=bac-a-sable")
    assert winner.submit(page, "/distance", credential="boulangerie-p256", pin=csc.PIN).status_code == 422
    assert "autre entreprise" in winner.page.main
    assert winner.get(f"{path}/distance?service=inconnu").status_code == 422
    assert states(database) == ["waiting"]


def test_a_group_of_thirty_one_is_refused() -> None:
    lines = "\n".join(f"{make_siret(5000 + n)} ; M{n} ; m@exemple.fr ; pose ; 1" for n in range(30))
    with pytest.raises(Invalid) as caught:
        read_group("Conjoint", lines, False, Decimal(1000))
    assert "Trente membres au plus" in caught.value.fields["members"]
