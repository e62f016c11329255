"""CMS signatures: OpenSSL reads what we make, what others make is read here, each way to go wrong has its name."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.sandbox import pki
from signature.errors import Unreadable
from signature.kinds import kind_of
from signature.making.cades import sign_cades
from signature.making.keys import Key
from signature.making.stamps import stamped
from signature.verdict import SignatureVerdict
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY, key_of, rsa_key

CONTENT = "Acte d’engagement : 12 345,60 €".encode()


def verdicts(bench: Bench, token: bytes, **files: bytes) -> tuple[SignatureVerdict, ...]:
    return examine(token, bench.trust(), NOW, None, files).signatures


def outcome(verdict: SignatureVerdict) -> tuple[str, str | None]:
    return verdict.indication, verdict.sub_indication


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_a_detached_token_with_its_file(bench: Bench, kind: str) -> None:
    token = sign_cades(CONTENT, key_of(bench, kind), None, NOW)
    report = examine(token, bench.trust(), NOW, None, {"un nom quelconque.bin": CONTENT})
    (verdict,) = report.signatures
    assert (report.format, outcome(verdict), verdict.level) == ("CAdES", ("TOTAL-PASSED", None), "B")
    assert (verdict.qualification, verdict.arrete_2019.receivable, report.holds) == ("AdESig-QC", True, True)
    assert verdict.covers == ("un nom quelconque.bin",)


def test_openssl_reads_what_we_make(bench: Bench, tmp_path: Path) -> None:
    token = sign_cades(CONTENT, key_of(bench), bench.stamp(), NOW)
    (tmp_path / "acte").write_bytes(CONTENT)
    (tmp_path / "acte.p7s").write_bytes(token)
    (tmp_path / "root.pem").write_bytes(pki.certificate(bench.folder, "root").public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "acte.p7s", "-content", "acte"]
    command += ["-CAfile", "root.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp())), "-out", "read"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "read").read_bytes() == CONTENT


def test_what_openssl_makes_is_read(bench: Bench, tmp_path: Path) -> None:
    key = key_of(bench)
    pem = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "own.der").write_bytes(key.chain[0])
    (tmp_path / "acte").write_bytes(CONTENT)
    command = ["openssl", "cms", "-sign", "-binary", "-cades", "-md", "sha256", "-in", "acte", "-signer", "own.pem"]
    subprocess.run(["openssl", "x509", "-inform", "DER", "-in", "own.der", "-out", "own.pem"], cwd=tmp_path, check=True)
    for extra, form in ((["-outform", "DER"], ()), (["-outform", "PEM", "-nodetach"], ("(contenu",))):
        subprocess.run([*command, "-inkey", "key.pem", "-out", "out", *extra], cwd=tmp_path, check=True)
        files = {} if form else {"acte": CONTENT}
        (verdict,) = verdicts(bench, (tmp_path / "out").read_bytes(), **files)
        assert outcome(verdict) == ("TOTAL-PASSED", None)
        assert verdict.arrete_2019.points[2].holds is True
        assert verdict.covers[0].startswith(form or ("acte",))


def test_a_stamped_token(bench: Bench) -> None:
    token = sign_cades(CONTENT, key_of(bench), bench.stamp(NOW - DAY / 24), NOW)
    (verdict,) = verdicts(bench, token, acte=CONTENT)
    assert (outcome(verdict), verdict.level) == (("TOTAL-PASSED", None), "T")
    assert (verdict.best_time, verdict.timestamped) == (NOW - DAY / 24, True)


def test_base64_and_pem_files(bench: Bench) -> None:
    token = sign_cades(CONTENT, key_of(bench), None, NOW)
    text = base64.encodebytes(token)
    for form in (text, b"-----BEGIN PKCS7-----\n" + text + b"-----END PKCS7-----\n"):
        assert kind_of(form) == "CAdES"
        assert outcome(verdicts(bench, form, acte=CONTENT)[0]) == ("TOTAL-PASSED", None)


def test_the_file_is_found_among_several_by_its_digest(bench: Bench) -> None:
    token = sign_cades(CONTENT, key_of(bench), None, NOW)
    report = examine(token, bench.trust(), NOW, None, {"annexe.pdf": b"autre", "acte.pdf": CONTENT})
    assert report.signatures[0].covers == ("acte.pdf",)
    assert report.unsigned == ("Le fichier « annexe.pdf » : aucune signature ne le couvre.",)
    assert not report.holds


def test_another_file_than_the_signed_one(bench: Bench) -> None:
    token = sign_cades(CONTENT, key_of(bench), None, NOW)
    (verdict,) = verdicts(bench, token, acte=CONTENT.replace(b"12", b"92"))
    assert outcome(verdict) == ("TOTAL-FAILED", "HASH_FAILURE")
    assert verdict.arrete_2019.receivable is False


def test_the_file_is_missing(bench: Bench) -> None:
    (verdict,) = verdicts(bench, sign_cades(CONTENT, key_of(bench), None, NOW))
    assert outcome(verdict) == ("INDETERMINATE", "SIGNED_DATA_NOT_FOUND")
    assert verdict.signer.startswith("Jeanne Martin")
    assert verdict.arrete_2019.points[4].holds is None
    assert verdict.arrete_2019.receivable is None


def _changed(token: bytes, how: Any) -> bytes:
    info = cms.ContentInfo.load(token)
    how(info["content"])
    return bytes(info.dump())


def test_a_flipped_bit_of_the_value(bench: Bench) -> None:
    def flip(data: Any) -> None:
        value = bytearray(data["signer_infos"][0]["signature"].native)
        value[40] ^= 1
        data["signer_infos"][0]["signature"] = bytes(value)

    token = _changed(sign_cades(CONTENT, key_of(bench), None, NOW), flip)
    assert outcome(verdicts(bench, token, acte=CONTENT)[0]) == ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE")


def test_two_signers_of_one_file_each_on_its_own(bench: Bench) -> None:
    """A groupement: two SignerInfos in one file, the second one's certificate expired."""
    first = cms.ContentInfo.load(sign_cades(CONTENT, key_of(bench, "p256"), None, NOW))["content"]
    old = key_of(bench, "p384", "Ali Benali", begin=NOW - 9 * DAY, end=NOW - DAY)
    second = cms.ContentInfo.load(sign_cades(CONTENT, old, None, NOW - 2 * DAY))["content"]
    both = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [*first["certificates"], *second["certificates"]],
            "signer_infos": [first["signer_infos"][0], second["signer_infos"][0]],
        }
    )
    token = cms.ContentInfo({"content_type": "signed_data", "content": both}).dump()
    report = examine(token, bench.trust(), NOW, None, {"acte": CONTENT})
    found = {s.signer.partition(" (")[0]: outcome(s) for s in report.signatures}
    assert found == {
        "Jeanne Martin": ("TOTAL-PASSED", None),
        "Ali Benali": ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE"),
    }
    assert not report.holds


def test_a_timestamp_of_another_signature_is_refused(bench: Bench) -> None:
    donor = cms.ContentInfo.load(sign_cades(b"autre", key_of(bench), bench.stamp(), NOW))["content"]

    def paste(data: Any) -> None:
        data["signer_infos"][0]["unsigned_attrs"] = donor["signer_infos"][0]["unsigned_attrs"]

    token = _changed(sign_cades(CONTENT, key_of(bench), None, NOW), paste)
    (verdict,) = verdicts(bench, token, acte=CONTENT)
    assert verdict.indication != "TOTAL-PASSED"
    assert "horodatage" in verdict.reason


def test_a_certificate_that_the_signature_does_not_designate(bench: Bench) -> None:
    """The same issuer and number, another key: the signed attribute tells which certificate was meant."""
    key = key_of(bench)

    def swap(data: Any) -> None:
        data["certificates"] = [cms.CertificateChoices("certificate", _twin(bench, key))]

    token = _changed(sign_cades(CONTENT, key, None, NOW), swap)
    (verdict,) = verdicts(bench, token, acte=CONTENT)
    assert verdict.indication != "TOTAL-PASSED"


def _twin(bench: Bench, key: Key) -> Any:
    other = key_of(bench, "p256")
    return cms.Certificate.load(other.chain[0])


def test_cms_without_a_designated_certificate_is_not_cades(bench: Bench, tmp_path: Path) -> None:
    key = key_of(bench)
    (tmp_path / "key.pem").write_bytes(rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "own.der").write_bytes(key.chain[0])
    (tmp_path / "acte").write_bytes(CONTENT)
    subprocess.run(["openssl", "x509", "-inform", "DER", "-in", "own.der", "-out", "own.pem"], cwd=tmp_path, check=True)
    command = ["openssl", "cms", "-sign", "-binary", "-md", "sha256", "-in", "acte", "-signer", "own.pem"]
    command += ["-inkey", "key.pem", "-outform", "DER", "-out", "out"]
    subprocess.run(command, cwd=tmp_path, check=True)
    (verdict,) = verdicts(bench, (tmp_path / "out").read_bytes(), acte=CONTENT)
    assert (outcome(verdict), verdict.level) == (("TOTAL-PASSED", None), "PKCS7-B")
    assert verdict.arrete_2019.points[2].holds is False


def test_rsa_1024_is_too_weak(bench: Bench) -> None:
    (verdict,) = verdicts(bench, sign_cades(CONTENT, key_of(bench, "rsa1024"), None, NOW), acte=CONTENT)
    assert outcome(verdict) == ("INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE")


def test_rsa_2048_ends_in_2029_unless_the_date_is_proven(bench: Bench) -> None:
    late = NOW.replace(year=2030)
    key = key_of(bench, end=late + 400 * DAY)
    trust = bench.trust(late)
    bare = sign_cades(CONTENT, key, None, NOW)
    proven = sign_cades(CONTENT, key, bench.stamp(), NOW)
    answers = [examine(t, trust, late, None, {"acte": CONTENT}).signatures[0] for t in (bare, proven)]
    assert outcome(answers[0]) == ("INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE")
    assert (outcome(answers[1]), answers[1].timestamped) == (("TOTAL-PASSED", None), True)


@pytest.mark.parametrize("content", [b"\x30\x82\x01\x00rest", b"MIIpas du base64 !", b"-----BEGIN CMS-----"])
def test_a_broken_token_gets_a_sentence(bench: Bench, content: bytes) -> None:
    with pytest.raises(Unreadable, match="CMS abîmé"):
        examine(content, bench.trust(), NOW)


def test_a_timestamp_alone_is_not_a_signature(bench: Bench) -> None:

    with pytest.raises(Unreadable, match="jeton d’horodatage"):
        examine(stamped(bench.stamp(), CONTENT), bench.trust(), NOW)


def test_a_signed_archive_is_told(bench: Bench) -> None:
    archive = b"PK\x03\x04" + b"\x00" * 60
    report = examine(sign_cades(archive, key_of(bench), None, NOW), bench.trust(), NOW, None, {"offre.zip": archive})
    assert outcome(report.signatures[0]) == ("TOTAL-PASSED", None)
    assert "archive" in report.notes[0]
