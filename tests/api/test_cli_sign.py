"""`mps sign`: shapes, exit codes, one sentence for each mistake, never a traceback."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from api.cli.sign import app
from api.sandbox import pki, tsa
from api.sandbox.trusted_list import trusted_list
from tests.signature.conftest import PASSWORD, blank_pdf
from tests.signature.list_maker import pair, period, service, tsl
from tests.signature.list_maker import signed as signed_list
from tests.signature.pdf_attacks import act, stream, updated


@dataclass(frozen=True)
class Desk:
    """A folder with a PDF, the sandbox's authorities, a key, and files to trust."""

    folder: Path
    pki: Path
    p12: Path

    def run(self, *arguments: str | Path, password: str | None = PASSWORD) -> Result:
        environment = {"MPS_P12_PASSWORD": password, "MPS_SECRET_KEY": "k" * 40, "MPS_TSA_URL": None}
        return CliRunner().invoke(app, [str(a) for a in arguments], env=environment)

    def sign(self, *options: str | Path) -> Path:
        target = self.folder / "signe.pdf"
        done = self.run("pades", self.folder / "acte.pdf", target, "--p12", self.p12, *options)
        assert done.exit_code == 0, done.output
        return target

    def trust(self) -> list[str | Path]:
        return [
            "--anchor", self.folder / "root.pem", "--cert", self.folder / "issuing.pem",
            "--crl", self.folder / "root.crl", "--crl", self.folder / "issuing.crl",
        ]  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = pki.ensure(tmp_path / "pki")
    p12 = pki.issue_signer(folder, "Jeanne Martin", "Menuiserie Essai", "00000000100019", PASSWORD)
    (tmp_path / "acte.pdf").write_bytes(blank_pdf())
    for name in ("root", "issuing"):
        (tmp_path / f"{name}.pem").write_bytes(pki.certificate(folder, name).public_bytes(Encoding.PEM))
        (tmp_path / f"{name}.crl").write_bytes(pki.crl(folder, name))
    return Desk(tmp_path, folder, p12)


def shape(result: Result) -> Any:
    return json.loads(result.stdout)


def test_sign_then_verify(desk: Desk) -> None:
    signed = desk.sign("--level", "B")
    result = desk.run("verify", signed, *desk.trust(), "--offline", "--json")
    assert result.exit_code == 0, result.output
    report = shape(result)
    assert report["format"] == "PAdES"
    assert report["unsigned"] == []
    (signature,) = report["signatures"]
    assert (signature["indication"], signature["sub_indication"], signature["level"]) == ("TOTAL-PASSED", None, "B")
    assert signature["arrete_2019"]["receivable"] is None


def test_verify_with_a_trusted_list(desk: Desk) -> None:
    signed = desk.sign("--level", "B")
    operator, stranger = (pair(name, usage="digital_signature") for name in ("Opérateur", "Autre"))
    issuing = pki.certificate(desk.pki, "issuing").public_bytes(Encoding.DER)
    (desk.folder / "tl.xml").write_bytes(signed_list(tsl(service([issuing], period())), operator))
    (desk.folder / "tl.pem").write_bytes(stranger.pem + operator.pem)
    listed: list[str | Path] = ["--trust-list", desk.folder / "tl.xml", "--trust-list-cert", desk.folder / "tl.pem"]
    result = desk.run("verify", signed, *desk.trust(), *listed, "--json")
    assert result.exit_code == 0, result.output
    (signature,) = shape(result)["signatures"]
    assert (signature["qualification"], signature["arrete_2019"]["receivable"]) == ("AdESig-QC", True)
    assert "service « AC qualifiée » (FR)" in signature["arrete_2019"]["points"][1]["evidence"]
    (desk.folder / "tl.pem").write_bytes(stranger.pem)
    result = desk.run("verify", signed, *desk.trust(), *listed)
    assert (result.exit_code, "autre certificat" in result.output) == (2, True)


def test_level_t_with_the_sandbox(desk: Desk) -> None:
    signed = desk.sign("--level", "T", "--sandbox-pki", desk.pki)
    result = desk.run("verify", signed, "--sandbox-pki", desk.pki, "--json")
    (signature,) = shape(result)["signatures"]
    assert (result.exit_code, signature["level"]) == (0, "T")
    assert signature["qualification"] == "AdESig-QC"
    assert signature["arrete_2019"]["receivable"] is True


def test_level_t_with_a_service_named(desk: Desk) -> None:
    with tsa.running(desk.pki, lambda: datetime.now(UTC)) as url:
        target = desk.folder / "t.pdf"
        done = desk.run(
            "pades", desk.folder / "acte.pdf", target, "--p12", desk.p12, "--level", "T", "--tsa", url, "--json"
        )
    assert done.exit_code == 0, done.output
    assert shape(done)["level"] == "T"
    assert len(shape(done)["sha256"]) == 64


def test_told_in_french(desk: Desk) -> None:
    result = desk.run("verify", desk.sign(), "--sandbox-pki", desk.pki)
    assert "Signature techniquement valide ? Oui" in result.stdout
    assert "Recevable au titre de l’arrêté du 22 mars 2019 ? Oui" in result.stdout


def test_another_moment(desk: Desk) -> None:
    result = desk.run("verify", desk.sign(), *desk.trust(), "--at", "2040-01-01T00:00:00+01:00", "--json")
    assert result.exit_code == 1
    assert shape(result)["signatures"][0]["sub_indication"] == "OUT_OF_BOUNDS_NO_POE"


def test_an_unsigned_pdf_is_exit_1(desk: Desk) -> None:
    result = desk.run("verify", desk.folder / "acte.pdf", "--json")
    assert result.exit_code == 1
    assert shape(result)["signatures"] == []


def test_several_files_in_order_with_the_highest_code(desk: Desk) -> None:
    broken = desk.folder / "casse.pdf"
    broken.write_bytes(b"%PDF-1.7 rien")
    result = desk.run("verify", desk.sign(), broken, desk.folder / "acte.pdf", *desk.trust(), "--json")
    assert result.exit_code == 2
    good, bad, unsigned = shape(result)["results"]
    assert good["signatures"][0]["indication"] == "TOTAL-PASSED"
    assert set(bad) == {"file", "error"}
    assert unsigned["signatures"] == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<?xml version='1.0'?><Signature>", "XML abîmé"),
        (b"PK\x03\x04", "conteneur (ZIP) abîmé"),
        (b"\x30\x82\x00\x00", "CMS abîmé"),
        (b"bonjour", "ni un PDF"),
        (b"%PDF-1.7\n%%EOF", "abîmé"),
    ],
)
def test_unreadable_files_are_exit_2(desk: Desk, content: bytes, sentence: str) -> None:
    path = desk.folder / "fichier"
    path.write_bytes(content)
    result = desk.run("verify", path)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--trust-list", "tl.xml"], "vont ensemble"),
        (["--content", "absent.pdf"], "ne peut être ouvert"),
        (["--at", "hier"], "ISO 8601"),
        (["--anchor", "absent.pem"], "ne peut être ouvert"),
        (["--crl", __file__], "illisible"),
        (["--anchor", __file__], "illisible"),
    ],
)
def test_wrong_options_are_exit_2(desk: Desk, options: list[str], sentence: str) -> None:
    result = desk.run("verify", desk.folder / "acte.pdf", *options, "--json")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert shape(result)["error"] in result.stderr


def test_a_missing_file(desk: Desk) -> None:
    result = desk.run("verify", desk.folder / "absent.pdf")
    assert result.exit_code == 2
    assert "ne peut être ouvert" in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--level", "Z"], "n’existe pas"),
        (["--tsa", "ftp://x"], "http://"),
    ],
)
def test_signing_refusals_are_exit_2(desk: Desk, options: list[str], sentence: str) -> None:
    target = desk.folder / "out.pdf"
    result = desk.run("pades", desk.folder / "acte.pdf", target, "--p12", desk.p12, "--sandbox-pki", desk.pki, *options)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not target.exists()


def test_a_service_that_is_down_is_exit_3(desk: Desk) -> None:
    with tsa.running(desk.pki, lambda: datetime.now(UTC)) as url:
        pass
    options = ("--p12", desk.p12, "--level", "T", "--tsa", url)
    result = desk.run("pades", desk.folder / "acte.pdf", desk.folder / "o.pdf", *options)
    assert result.exit_code == 3
    assert "ne répond pas" in result.stderr


@pytest.mark.parametrize(("password", "sentence"), [("faux", "n’est pas le bon"), (None, "MPS_P12_PASSWORD")])
def test_the_password(desk: Desk, password: str | None, sentence: str) -> None:
    source, target = desk.folder / "acte.pdf", desk.folder / "o.pdf"
    result = desk.run("pades", source, target, "--p12", desk.p12, password=password)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_an_output_that_cannot_be_written(desk: Desk) -> None:
    result = desk.run("pades", desk.folder / "acte.pdf", desk.folder / "absent" / "o.pdf", "--p12", desk.p12)
    assert result.exit_code == 2
    assert "ne peut être écrit" in result.stderr


@pytest.mark.parametrize(("command", "level"), [("xades", "LT"), ("xades", "B"), ("cades", "T"), ("pades", "LTA")])
def test_each_format_is_signed_then_verified(desk: Desk, command: str, level: str) -> None:
    target = desk.folder / f"signe.{command}"
    options: list[str | Path] = ["--p12", desk.p12, "--sandbox-pki", desk.pki, "--level", level, "--json"]
    result = desk.run(command, desk.folder / "acte.pdf", target, *options)
    assert (result.exit_code, shape(result)["level"]) == (0, level)
    beside: list[str | Path] = [] if command == "pades" else ["--content", desk.folder / "acte.pdf"]
    found = shape(desk.run("verify", target, *beside, "--sandbox-pki", desk.pki, "--json"))
    (signature,) = found["signatures"]
    assert (signature["indication"], signature["level"], signature["format"]) == (
        "TOTAL-PASSED", level, {"xades": "XAdES", "cades": "CAdES", "pades": "PAdES"}[command],
    )  # fmt: skip
    assert signature["arrete_2019"]["receivable"] is True


def test_a_trusted_list_given_as_a_file(desk: Desk) -> None:
    """The issuing authority is an anchor by the list alone; only its CRL is given."""
    now = datetime.now(UTC)
    (desk.folder / "tl.xml").write_bytes(trusted_list(desk.pki, "http://127.0.0.1/pki", now))
    (desk.folder / "issuing.crl").write_bytes(pki.crl(desk.pki, "issuing", now))
    signer = pki.delegate(desk.pki, "list", now).certificate.public_bytes(Encoding.PEM)
    (desk.folder / "signer.pem").write_bytes(signer)
    given: list[str | Path] = ["--trust-list", desk.folder / "tl.xml", "--trust-list-cert", desk.folder / "signer.pem"]
    result = desk.run("verify", desk.sign(), *given, "--crl", desk.folder / "issuing.crl", "--json")
    (signature,) = shape(result)["signatures"]
    assert (signature["indication"], signature["qualification"]) == ("TOTAL-PASSED", "AdESig-QC")
    assert signature["arrete_2019"]["receivable"] is True
    (desk.folder / "tl.xml").write_bytes((desk.folder / "tl.xml").read_bytes().replace(b"granted", b"withdrawn"))
    changed = desk.run("verify", desk.sign(), *given, "--json")
    assert changed.exit_code == 2


def test_the_two_reports(desk: Desk) -> None:
    """The PDF says what was found and that it is not sealed; the same moment gives the same bytes."""
    signed, when = desk.sign(), datetime.now(UTC).isoformat()
    pdf, xml = desk.folder / "rapport.pdf", desk.folder / "rapport.xml"
    found: list[tuple[bytes, bytes]] = []
    for _ in range(2):
        result = desk.run(
            "verify", signed, desk.folder / "acte.pdf", *desk.trust(), "--at", when, "--report", pdf, "--xml", xml
        )
        assert result.exit_code == 1
        assert "Rapport écrit, non scellé" in result.stderr
        found.append((pdf.read_bytes(), xml.read_bytes()))
    assert found[0] == found[1]
    text = words_of(found[0][0])
    for content in (signed.read_bytes(), (desk.folder / "acte.pdf").read_bytes()):
        assert hashlib.sha256(content).hexdigest() in text.replace(" ", "")
    for words in (
        "Ce rapport n’est pas scellé",
        "1 signature (PAdES), dont 1 techniquement valide.",
        "Ce fichier ne porte aucune signature électronique.",
        "TOTAL-PASSED",
        "Jeanne Martin",
        "niveau B",
        "La signature n’est pas horodatée",
        "5. Intégrité du document",
        "« AC racine bac à sable mps »",
        f"--at {when}",
    ):
        assert words in text
    assert b"urn:etsi:019102:mainindication:total-passed" in found[0][1]


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_what_was_changed_after_signing_is_told(desk: Desk) -> None:
    (desk.folder / "acte.pdf").write_bytes(act())
    page = stream(b"", b"BT /F1 24 Tf 60 700 Td (Montant : 999 999 EUR) Tj ET")
    (desk.folder / "change.pdf").write_bytes(updated(desk.sign().read_bytes(), {5: page}))
    result = desk.run("verify", desk.folder / "change.pdf", *desk.trust(), "--report", desk.folder / "r.pdf")
    assert result.exit_code == 1
    text = words_of((desk.folder / "r.pdf").read_bytes())
    assert "TOTAL-FAILED / FORMAT_FAILURE" in text
    assert "Le document a été modifié après la signature" in text


def test_the_report_names_the_trusted_list(desk: Desk) -> None:
    operator = pair("Opérateur", usage="digital_signature")
    issuing = pki.certificate(desk.pki, "issuing").public_bytes(Encoding.DER)
    (desk.folder / "tl.xml").write_bytes(signed_list(tsl(service([issuing], period())), operator))
    (desk.folder / "tl.pem").write_bytes(operator.pem)
    listed: list[str | Path] = ["--trust-list", desk.folder / "tl.xml", "--trust-list-cert", desk.folder / "tl.pem"]
    desk.run("verify", desk.sign(), *desk.trust(), *listed, "--report", desk.folder / "r.pdf")
    text = words_of((desk.folder / "r.pdf").read_bytes())
    assert "Liste de confiance FR n° " in text
    assert hashlib.sha256((desk.folder / "tl.xml").read_bytes()).hexdigest() in text.replace(" ", "")


def test_no_xml_report_without_a_signature(desk: Desk) -> None:
    result = desk.run("verify", desk.folder / "acte.pdf", "--xml", desk.folder / "r.xml")
    assert result.exit_code == 1
    assert "pas de rapport XML" in result.stderr
    assert not (desk.folder / "r.xml").exists()
