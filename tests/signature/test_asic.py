"""Containers: what their signatures cover, what they leave out, and the traps a ZIP may hold."""

import base64
import hashlib
import zipfile
from io import BytesIO

import pytest

from signature.errors import Unreadable
from signature.making.cades import sign_cades
from signature.making.xades import sign_xades
from signature.reading.asic import EXTENDED, SIMPLE
from signature.verdict import Report
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import key_of

ACT, ANNEX = b"%PDF-1.7 the act", b"an annex"


def container(files: dict[str, bytes], mimetype: str = EXTENDED) -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        if mimetype:
            archive.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name, content in files.items():
            archive.writestr(name, content)
    return output.getvalue()


def check(bench: Bench, content: bytes) -> Report:
    return examine(content, bench.trust(), NOW)


def xades(bench: Bench, name: str = "acte.pdf", content: bytes = ACT) -> bytes:
    return sign_xades(content, name, key_of(bench), NOW)


def manifest(files: dict[str, bytes], signature: str = "META-INF/signature1.p7s") -> bytes:
    entries = "".join(
        f'<asic:DataObjectReference URI="{name}">'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{base64.b64encode(hashlib.sha256(content).digest()).decode()}</ds:DigestValue>"
        "</asic:DataObjectReference>"
        for name, content in files.items()
    )
    return (
        '<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" '
        f'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><asic:SigReference URI="{signature}"/>{entries}'
        "</asic:ASiCManifest>"
    ).encode()


def test_one_file_with_an_xml_signature(bench: Bench) -> None:
    report = check(bench, container({"acte.pdf": ACT, "META-INF/signatures.xml": xades(bench)}, SIMPLE))
    (verdict,) = report.signatures
    assert (report.format, verdict.indication, verdict.covers) == ("ASiC-S", "TOTAL-PASSED", ("acte.pdf",))
    assert (report.unsigned, report.holds, verdict.arrete_2019.receivable) == ((), True, True)


def test_one_file_with_a_cms_signature(bench: Bench) -> None:
    token = sign_cades(ACT, key_of(bench), bench.stamp(), NOW)
    report = check(bench, container({"acte.pdf": ACT, "META-INF/signature.p7s": token}, SIMPLE))
    assert (report.format, report.holds, report.signatures[0].level) == ("ASiC-S", True, "T")


def test_several_files_through_a_manifest(bench: Bench) -> None:
    files = {"acte.pdf": ACT, "annexe.txt": ANNEX}
    listed = manifest(files)
    inside = files | {
        "META-INF/ASiCManifest1.xml": listed,
        "META-INF/signature1.p7s": sign_cades(listed, key_of(bench), None, NOW),
    }
    report = check(bench, container(inside))
    assert (report.format, report.holds) == ("ASiC-E", True)
    assert report.signatures[0].covers == ("acte.pdf", "annexe.txt")
    changed = check(bench, container(inside | {"annexe.txt": b"another"}))
    assert (changed.signatures[0].indication, changed.signatures[0].sub_indication) == ("TOTAL-FAILED", "HASH_FAILURE")
    assert "annexe.txt" in changed.signatures[0].reason
    without = check(bench, container({k: v for k, v in inside.items() if k != "annexe.txt"}))
    assert "manque" in without.signatures[0].reason


def test_a_file_that_nobody_signed(bench: Bench) -> None:
    report = check(bench, container({"acte.pdf": ACT, "avenant.pdf": ANNEX, "META-INF/signatures.xml": xades(bench)}))
    (verdict,) = report.signatures
    assert report.unsigned == ("Le fichier « avenant.pdf » : aucune signature ne le couvre.",)
    assert (verdict.scope, verdict.covers_whole_document, report.holds) == ("PARTIAL", False, False)
    assert verdict.arrete_2019.receivable is None


def test_files_that_changed_names(bench: Bench) -> None:
    """In a container the name counts: the signed annex must not pass for the act."""
    report = check(bench, container({"autre.pdf": ACT, "META-INF/signatures.xml": xades(bench)}))
    assert report.signatures[0].sub_indication == "SIGNED_DATA_NOT_FOUND"


def test_a_changed_file(bench: Bench) -> None:
    report = check(bench, container({"acte.pdf": ANNEX, "META-INF/signatures.xml": xades(bench)}))
    assert report.signatures[0].sub_indication == "HASH_FAILURE"


def test_a_zip_without_signature(bench: Bench) -> None:
    report = check(bench, container({"acte.pdf": ACT}, ""))
    assert (report.format, report.signatures, report.holds) == ("ZIP", (), False)
    assert report.unsigned


def test_a_broken_signature_file_does_not_hide_the_good_one(bench: Bench) -> None:
    files = {"acte.pdf": ACT, "META-INF/signatures.xml": xades(bench), "META-INF/signatures2.xml": b"<broken"}
    found = [s.indication for s in check(bench, container(files)).signatures]
    assert sorted(found) == ["TOTAL-FAILED", "TOTAL-PASSED"]


@pytest.mark.parametrize("name", ["../acte.pdf", "/etc/acte.pdf", "a/../../acte.pdf", "..\\acte.pdf", "C:acte.pdf"])
def test_names_that_leave_the_folder(bench: Bench, name: str) -> None:
    with pytest.raises(Unreadable, match="sort du dossier"):
        check(bench, container({name: ACT, "META-INF/signatures.xml": xades(bench)}))


def test_two_files_of_one_name(bench: Bench) -> None:
    output = BytesIO(container({"acte.pdf": ACT, "META-INF/signatures.xml": xades(bench)}))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(output, "a") as archive:
        archive.writestr("acte.pdf", ANNEX)
    with pytest.raises(Unreadable, match="même nom"):
        check(bench, output.getvalue())


def test_bombs_are_not_opened(bench: Bench) -> None:
    with pytest.raises(Unreadable, match="beaucoup trop"):
        check(bench, container({"bombe": b"\x00" * 50_000_000, "META-INF/signatures.xml": xades(bench)}))
    many = {f"f{n}": b"" for n in range(1100)}
    with pytest.raises(Unreadable, match="trop de fichiers"):
        check(bench, container(many))


def test_a_broken_zip(bench: Bench) -> None:
    with pytest.raises(Unreadable, match="abîmé"):
        check(bench, container({"acte.pdf": ACT})[:80])
