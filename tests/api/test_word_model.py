"""A buyer's own Word model: its administrator chooses it, the published Word files take it, nobody else touches it."""

from datetime import timedelta

import pytest

from api.context import Context
from api.db import reading
from api.render import PARIS
from api.steps.sweep import sweep_once
from dce_templates.dossier import parse_dossier
from dce_templates.drift import drift
from procurement.consultation import find
from procurement.people import Organisation
from procurement.rules import rule_table
from tests.api.consultation_scene import Browser, clock, desk, publish, write
from tests.api.test_sweep import age, stored
from tests.checked_client import CheckedClient
from tests.dce_templates.model_scene import COVER, french, rich
from tests.dce_templates.word_scene import external, said
from tests.factories import make_administrator, make_buyer, make_officer

TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def choose(client: CheckedClient, path: str, content: bytes, name: str = "Charte – ville.docx") -> int:
    return client.submit(client.get(path), path, file=(name, content, TYPE)).status_code


def words(client: CheckedClient, ref: str, start: str) -> list[object]:
    files = client.get(f"/api/v1/consultations/{ref}", headers={"cookie": ""}).json()["files"]
    ours = [f for f in files if f["name"].startswith(start) and f["name"].endswith("docx")]
    (file,) = (f for f in ours if "modifications" not in f["name"])
    return list(said(client.get(file["url"]).content))


def test_the_published_word_files_take_the_model_until_it_is_removed(context: Context, browser: Browser) -> None:
    database = context.database
    at = desk(database, browser)
    client = browser(make_administrator(database, at.buyer))
    path = f"/administration/{at.buyer.ref}/modele-word"
    client.click(client.get(f"/administration/{at.buyer.ref}"), "Modèle Word des documents")
    assert "Aucun modèle" in client.page.main
    model = rich()
    assert choose(client, path, model) == 200
    assert "Charte – ville.docx" in client.page.main
    assert client.get(f"{path}/fichiers/modele.docx").content == model
    assert COVER in said(client.get(f"{path}/fichiers/exemple.docx").content)
    ref = write(at, database)
    assert COVER in said(at.client.get(f"/acheteur/consultations/{ref}/projet/ccap.docx").content)
    publish(at, ref)
    assert words(at.client, ref, "RC_")[0] == COVER
    with reading(database) as db:
        dossier = parse_dossier(find(db, ref).dossier)
        ccap = next(f.key for f in find(db, ref).files if f.name.startswith("CCAP") and f.name.endswith("docx"))
    table = rule_table()
    assert not drift(context.storage.get(ccap), dossier, table.figures, table.rules).drifted
    assert choose(client, path, french()) == 200
    later = (clock(database) + timedelta(days=60)).astimezone(PARIS).strftime("%Y-%m-%dT%H:%M")
    hub = f"/acheteur/consultations/{ref}"
    at.client.submit(at.client.get(hub), f"{hub}/prolonger", deadline=later)
    for start in ("RC_", "AVIS_"):
        assert words(at.client, ref, start)[0] == COVER
    client.submit(client.get(path), f"{path}/retirer")
    assert "Aucun modèle" in client.page.main
    assert client.get(f"{path}/fichiers/modele.docx").status_code == 404
    assert COVER not in said(at.client.get(f"{hub}/projet/rc.docx").content)


def test_a_model_that_is_refused_leaves_the_one_before(context: Context, browser: Browser) -> None:
    buyer = make_buyer(context.database)
    client, path = browser(make_administrator(context.database, buyer)), f"/administration/{buyer.ref}/modele-word"
    choose(client, path, french())
    kept = stored(context)
    odd = french('<w:p/><w:sectPr><w:pgSz w:w="large" w:h="1"/></w:sectPr>')
    for content, sentence in (
        (b"%PDF-1.7", "pas un document Word"),
        (external("attachedTemplate", "https://exemple.fr/x.dotm"), "en dehors de lui"),
        (odd, "abîmé"),
        (b"0" * 5_000_001, "dépasse la taille permise (5 Mo)"),
    ):
        assert choose(client, path, content) == 422
        assert sentence in client.page.main
        assert "Charte – ville.docx" in client.page.main
    assert stored(context) == kept


@pytest.mark.parametrize("stranger", ["officer", "elsewhere"])
def test_only_that_buyer_s_administrator(context: Context, browser: Browser, stranger: str) -> None:
    buyer = make_buyer(context.database)
    path = f"/administration/{buyer.ref}/modele-word"
    other = make_buyer(context.database)
    user = (make_officer if stranger == "officer" else make_administrator)(
        context.database, buyer if stranger == "officer" else other
    )
    client = browser(user)
    files = {"file": ("m.docx", french(), TYPE)}
    ours = {"sec-fetch-site": "same-origin"}
    assert client.get(path).status_code == 404
    assert client.get(f"{path}/fichiers/modele.docx").status_code == 404
    assert client.post(path, files=files, headers=ours).status_code == 404
    assert client.post(f"{path}/retirer", headers=ours).status_code == 404


def test_a_replaced_model_is_swept_and_the_one_in_use_stays(context: Context, browser: Browser) -> None:
    buyer = make_buyer(context.database)
    client, path = browser(make_administrator(context.database, buyer)), f"/administration/{buyer.ref}/modele-word"
    choose(client, path, french())
    choose(client, path, rich())
    before = stored(context)
    age(context, *before)
    assert sweep_once(context)
    with reading(context.database) as db:
        assert (len(before), stored(context)) == (2, {db.get_one(Organisation, buyer.id).word_model_key})
