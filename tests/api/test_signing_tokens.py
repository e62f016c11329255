"""Way A with a token beside the act: XAdES or CAdES, matched by digest, raised, kept; the act stays as it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from api.context import Context
from api.db import Database, now, reading
from api.sandbox import pki
from api.trusted import judged
from procurement.contract import Contract
from procurement.people import User
from procurement.signers import Signer
from signature.facts import Embedded
from signature.making.desk import cades, xades
from signature.making.keys import Pkcs12
from tests.api.test_signing import MEMBERS, SECOND, path_of, signers, states
from tests.award_scene import PASSWORD, Scene, awarded, buyer_signs, opened, sign
from tests.checked_client import CheckedClient
from tests.factories import make_account, make_siret

Browser = Callable[[User], CheckedClient]
KINDS = pytest.mark.parametrize("kind", ["xades", "cades"])


@pytest.fixture
def scene(database: Database) -> Scene:
    return opened(database)


def token(context: Context, act: bytes, kind: str, siret: str = make_siret(6100)) -> bytes:
    folder = Path(context.services.get("pki", str(pki.FOLDER)))
    with reading(context.database) as db:
        moment = now(db)
    path = pki.issue_signer(folder, "Jeanne Martin", "Capteurs et Mesures SAS", siret, PASSWORD, now=moment)
    key, at, nothing = Pkcs12(path.read_bytes(), PASSWORD), moment.isoformat(), Embedded()
    if kind == "xades":
        return xades(act, key, "B", None, at, nothing, "mon nom à moi.pdf", False).content
    return cades(act, key, "B", None, at, nothing).content


def drop(client: CheckedClient, path: str, *files: tuple[str, bytes]) -> int:
    """Without the page's form, which sends one file in tests."""
    sent = [("file", (name, content, "application/octet-stream")) for name, content in files]
    answer = client.post(f"{path}/fichier", files=sent, headers={"sec-fetch-site": "same-origin"})
    return answer.status_code


def held(database: Database) -> Signer:
    (signer,) = signers(database)
    return signer


@KINDS
def test_a_token_alone_is_enough(
    scene: Scene, context: Context, database: Database, browser: Browser, kind: str
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    act = winner.get(f"{path}/acte-engagement.pdf").content
    assert drop(winner, path, ("jeton.sig", token(context, act, kind))) == 200, winner.page.main
    signer = held(database)
    assert (signer.state, signer.way, signer.token_name) == ("signed", "token", "jeton.sig")
    kept = winner.get(f"{path}/jeton").content
    report, _ = judged(context, kept, sandbox=True, files={"acte-engagement.pdf": act})
    assert [(s["indication"], s["level"]) for s in report["signatures"]] == [("TOTAL-PASSED", "LT")]
    assert winner.get(f"{path}/acte-engagement.pdf").content == act
    officer = browser(scene.officer)
    assert buyer_signs(context, scene, officer) == 200
    with reading(database) as db:
        contract = db.scalars(select(Contract)).one()
    assert contract.state == "signed"
    page = officer.get(f"/contrats/{contract.ref}")
    assert "Jeton de signature de" in page.text
    assert officer.get(f"/contrats/{contract.ref}/jetons/{signer.ref}").content == kept
    assert officer.get(f"/contrats/{contract.ref}/jetons/{signer.ref}/acte.pdf").content == act
    assert browser(scene.loser).get(f"{path}/jeton").status_code == 404
    told = winner.get(f"{path}/mode-emploi").text
    assert ("XAdES" if kind == "xades" else "CAdES") in told
    assert "jeton.sig" in told
    assert officer.get(f"/contrats/{contract.ref}/modes-emploi/{signer.ref}.pdf").content.startswith(b"%PDF-")


def test_with_the_act_beside_it_whatever_the_names(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    act = winner.get(f"{path}/acte-engagement.pdf").content
    other = b"%PDF-1.7 autre"
    assert drop(winner, path, ("b", token(context, act, "xades")), ("a", other)) == 422
    assert "n’est pas l’acte téléchargé ici" in winner.page.main
    two = token(context, act, "xades"), token(context, act, "cades")
    assert drop(winner, path, ("1", two[0]), ("2", two[1])) == 422
    assert "un seul jeton" in winner.page.main
    assert drop(winner, path, ("a", act), ("c", act)) == 422
    assert drop(winner, path, ("b", two[0]), ("a", act)) == 200


@KINDS
def test_what_does_not_sign_this_act_or_not_for_this_company(
    scene: Scene, context: Context, database: Database, browser: Browser, kind: str
) -> None:
    awarded(context, scene)
    winner, path = browser(scene.winner), path_of(database, make_siret(6100))
    act = winner.get(f"{path}/acte-engagement.pdf").content
    assert drop(winner, path, ("j", token(context, b"%PDF-1.7 autre", kind))) == 422
    assert "ne signe pas l’acte d’engagement" in winner.page.main
    assert drop(winner, path, ("j", token(context, act, kind, make_siret(4242)))) == 422
    assert "autre entreprise" in winner.page.main
    assert states(database) == ["waiting"]
    assert not [key for key in context.storage.names() if key.startswith("tokens/")]


def test_a_pdf_signature_then_a_token_then_a_pdf_signature(
    scene: Scene, context: Context, database: Database, browser: Browser
) -> None:
    awarded(context, scene, MEMBERS)
    first, second = browser(scene.winner), browser(make_account(database, "nord@exemple.fr"))
    mine, theirs = path_of(database, make_siret(6100)), path_of(database, SECOND)
    act = first.get(f"{mine}/acte-engagement.pdf").content
    assert drop(first, mine, ("s.pdf", sign(context, act))) == 200
    version = second.get(f"{theirs}/acte-engagement.pdf").content
    assert drop(second, theirs, ("j.p7s", token(context, version, "cades", SECOND))) == 200
    third, last = browser(make_account(database, "sud@exemple.fr")), signers(database)[2]
    path = f"/signatures/{last.ref}"
    assert drop(third, path, ("s.pdf", sign(context, version, last.siret))) == 200
    assert states(database) == ["signed"] * 3
    officer = browser(scene.officer)
    with reading(database) as db:
        contract = db.scalars(select(Contract)).one()
    beside = next(s for s in signers(database) if s.siret == SECOND)
    assert officer.get(f"/contrats/{contract.ref}/jetons/{beside.ref}/acte.pdf").content == version
