"""The demonstration: the story told by the real command, its files verified; the seed, once and whole."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api import vault
from api.context import Context
from api.db import now, reading, transaction
from api.demo import COMPANIES, OFFICER, PASSWORD, PEOPLE, make_town, prepare
from api.demo_browser import Browser, Stop
from api.demo_seed import CLOSED, ENTRANTS, OPEN
from api.sandbox import pki
from api.sandbox.server import SandboxUrls
from api.settings import Settings
from api.storage import Storage
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.events import chain_holds
from procurement.opening import open_plis
from procurement.people import Organisation, User, find_user, person_of
from procurement.publication.check import check_document
from signature.verify import verify_pdf
from tests.api.test_cli import mps

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "RC.pdf", "AE.pdf", "CCAP.pdf", "recepisse.pdf", "acte-engagement-signe.pdf", "facture.pdf", "decp.json",
    "registre.json",
}  # fmt: skip


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return mps("demo", *arguments, home=home)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The whole story, once, as a person runs it."""
    home = tmp_path_factory.mktemp("demo")
    asked = ["demo", "--json", "--wait", "2", "--out", str(home / "out")]
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *asked],
        capture_output=True, text=True, cwd=ROOT, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def content(told: dict[str, Any], name: str) -> bytes:
    return Path(told["out"], name).read_bytes()


def test_the_story_goes_to_its_end(told: dict[str, Any]) -> None:
    assert "error" not in told
    assert len({step["chapter"] for step in told["steps"]}) == 4
    assert {file["name"] for file in told["files"]} == FILES
    assert all(content(told, file["name"]) and file["size"] > 500 for file in told["files"])


def test_nothing_opens_before_the_deadline(told: dict[str, Any]) -> None:
    assert "R2132-9" in told["results"]["early_opening"]


def test_the_signed_acte_d_engagement_verifies_by_itself(told: dict[str, Any]) -> None:
    moment = datetime.now(UTC)
    report = verify_pdf(content(told, "acte-engagement-signe.pdf"), pki.sandbox_trust(pki.FOLDER, moment), moment)
    (verdict,) = report.as_dict()["signatures"]
    assert (verdict["indication"], verdict["level"]) == ("TOTAL-PASSED", "T")
    assert verdict["covers_whole_document"]


def test_the_open_data_is_usable(told: dict[str, Any]) -> None:
    report = check_document(content(told, "decp.json"))
    assert report.schema_valid
    assert report.exploitable
    assert told["results"]["contract"] in content(told, "decp.json").decode()


def test_the_invoice_is_proposed_for_approval(told: dict[str, Any]) -> None:
    assert told["results"]["invoice"]["decision"] == "approve"
    assert told["results"]["invoice"]["candidates"][0]["contract"] == told["results"]["contract"]


def test_the_invoice_comes_by_the_portal_which_learns_the_decision(told: dict[str, Any]) -> None:
    assert told["results"]["portal"] == "SERVICE_FAIT"
    kinds = [line["kind"] for line in json.loads(content(told, "registre.json"))]
    assert kinds.index("invoicecopy.received") < kinds.index("invoicecopy.approved")


def test_the_register_says_that_the_deadline_was_shortened(told: dict[str, Any]) -> None:
    lines = json.loads(content(told, "registre.json"))
    assert told["results"]["register_holds"] is True
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["kind"] for line in lines if line["actor"] == "mps demo"] == ["consultation.shortened"]


def test_a_folder_that_holds_a_demonstration_is_left_alone(told: dict[str, Any], tmp_path: Path) -> None:
    before = content(told, "registre.json")
    done = command(tmp_path, "--out", told["out"])
    assert done.returncode == 2
    assert "contient déjà une démonstration" in done.stderr
    assert content(told, "registre.json") == before


def test_a_folder_that_no_address_can_name(tmp_path: Path) -> None:
    done = command(tmp_path, "--out", str(tmp_path / "quoi?"))
    assert done.returncode == 2
    assert "Choisissez un dossier sans" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = command(tmp_path, "--out", str(tmp_path / "file" / "under"))
    assert done.returncode == 2
    assert "ne peut pas être créé" in done.stderr
    assert "Traceback" not in done.stderr


def _seen(context: Context) -> dict[str, Any]:
    with reading(context.database) as db:
        return {
            "accounts": sorted(db.scalars(select(User.email))),
            "buyers": [o.siret for o in db.scalars(select(Organisation))],
            "consultations": sorted((c.number, c.ref, c.state) for c in db.scalars(select(Consultation))),
            "answers": sorted((c.ref, c.siret, c.state) for c in db.scalars(select(Candidacy))),
        }


def test_the_seed_twice_is_the_seed_once(context: Context) -> None:
    prepare(context)
    first = _seen(context)
    prepare(context)
    assert _seen(context) == first
    assert set(first["accounts"]) == {*PEOPLE, *COMPANIES}
    assert [(number, state) for number, _, state in first["consultations"]] == [
        (CLOSED, "published"), (OPEN, "published"),
    ]  # fmt: skip
    assert len(first["answers"]) == len(ENTRANTS)


def test_one_consultation_receives_and_one_is_ready_to_be_opened(context: Context) -> None:
    prepare(context)
    with transaction(context.database) as db:
        current = now(db)
        rows = {c.number: c for c in db.scalars(select(Consultation))}
        assert rows[OPEN].receives(current)
        assert (rows[OPEN].deadline or current) > current + timedelta(days=19)
        closed = rows[CLOSED]
        assert closed.closed(current)
        assert {f.name.partition("_")[0] for f in closed.files} >= {"RC", "AE", "CCAP"}
        found = open_plis(db, closed, person_of(find_user(db, OFFICER)), current)
        amounts = [vault.open_bytes(context.secret, closed, c.offer_amount or b"", current).decode() for c in found]
        assert amounts == [entrant.amount for entrant in ENTRANTS]
        key = found[0].files[0].key
        assert found[0].identity["origin"] == "fetched"
        assert found[2].identity["masked"]
        assert chain_holds(db, closed)
    sealed, clear = context.storage.get(key), BytesIO()
    vault.open_stream(context.secret, closed, BytesIO(sealed), clear, current)
    assert clear.getvalue().startswith(b"%PDF")


def test_without_the_sandbox_the_start_is_said_and_works(
    context: Context, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = Context(settings, context.database, Storage(settings.storage_url), {})
    assert prepare(alone).siret == make_town(context).siret
    said = capsys.readouterr().err
    assert "le service démarre sans elles" in said
    assert "Traceback" not in said
    prepare(context)
    assert len(_seen(context)["answers"]) == len(ENTRANTS)


def test_a_company_of_the_demonstration_signs_in(context: Context, client: Any) -> None:
    prepare(context)
    form = client.get("/connexion")
    client.submit(form, "/connexion", email=next(iter(COMPANIES)), password=PASSWORD)
    assert client.get("/candidatures").status_code == 200
    assert CLOSED in client.page.main


def test_a_service_that_does_not_answer_stops_the_story_with_exit_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Stop) as stopped:
        Browser(address).get("/")
    assert (stopped.value.code, stopped.value.sentence) == (3, "Le service de la démonstration ne répond plus.")


def test_an_answer_that_is_no_page_stops_the_story_with_exit_1(sandbox: SandboxUrls) -> None:
    with pytest.raises(Stop) as stopped:
        Browser(sandbox.base).get("/rien")
    assert stopped.value.code == 1
    assert "a répondu 404, sans page" in stopped.value.sentence
