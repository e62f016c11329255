"""The sandbox's OCSP responder and trusted lists over real HTTP, read by OpenSSL, cryptography and pyHanko."""

import base64
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509 import ocsp as x509_ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from lxml import etree
from pyhanko.generated.etsi.ts_119612 import TrustServiceStatusList
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.qualified import eutl_parse
from pyhanko.sign.validation.qualified.tsp import QcCertType
from starlette.testclient import TestClient
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from api.sandbox import alone, certificates, ocsp, pki, trusted_list
from api.sandbox.server import SandboxUrls

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BASE = "http://testserver"
Status = x509_ocsp.OCSPCertStatus
Failed = x509_ocsp.OCSPResponseStatus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pki.ensure(tmp_path / "pki", NOW)


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    routes = [*ocsp.routes(folder, lambda: NOW), *trusted_list.routes(folder, lambda: NOW)]
    with TestClient(pki.create_app(folder, lambda: NOW, routes)) as opened:
        yield opened


def signer(folder: Path, **how: bool) -> x509.Certificate:
    path = pki.issue_signer(folder, "Ali", "Essai", "00000000100019", "secret", BASE, now=NOW, **how)
    bundle = pkcs12.load_pkcs12(path.read_bytes(), b"secret")
    assert bundle.cert is not None
    return bundle.cert.certificate


def query(folder: Path, certificate: x509.Certificate, issuer: str = "issuing", nonce: bytes = b"") -> bytes:
    issuer_certificate = pki.certificate(folder, issuer)
    builder = x509_ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer_certificate, hashes.SHA256())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def ask(client: TestClient, body: bytes) -> x509_ocsp.OCSPResponse:
    answer = client.post("/ocsp", content=body, headers={"Content-Type": ocsp.QUERY})
    assert answer.headers["content-type"] == ocsp.REPLY
    return x509_ocsp.load_der_ocsp_response(answer.content)


# OCSP


def test_good_revoked_and_unknown(folder: Path, client: TestClient) -> None:
    stranger = signer(pki.ensure(folder.parent / "other", NOW))
    answers = [ask(client, query(folder, c)) for c in (signer(folder), signer(folder, revoked=True), stranger)]
    assert [answer.certificate_status for answer in answers] == [Status.GOOD, Status.REVOKED, Status.UNKNOWN]
    assert answers[1].revocation_time_utc == NOW - timedelta(hours=1)
    assert {(a.this_update_utc, a.next_update_utc) for a in answers} == {(NOW, NOW + ocsp.FRESH)}


def test_a_certificate_revoked_later_is_told_so_at_once(folder: Path, client: TestClient) -> None:
    mine = signer(folder)
    assert ask(client, query(folder, mine)).certificate_status == Status.GOOD
    pki.revoke(folder, mine.serial_number, NOW)
    assert ask(client, query(folder, mine)).certificate_status == Status.REVOKED


def test_the_time_stamping_certificate_is_good(folder: Path, client: TestClient) -> None:
    assert ask(client, query(folder, pki.certificate(folder, "tsa"))).certificate_status == Status.GOOD


def test_the_responder_is_delegated_by_the_issuing_authority(folder: Path, client: TestClient) -> None:
    answer = ask(client, query(folder, signer(folder)))
    [own] = answer.certificates
    own.verify_directly_issued_by(pki.certificate(folder, "issuing"))
    uses = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use.dotted_string for use in uses] == ["1.3.6.1.5.5.7.3.9"]
    assert own.extensions.get_extension_for_class(x509.OCSPNoCheck).critical is False
    key = own.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    assert ask(client, query(folder, signer(folder))).certificates == [own]


def test_the_nonce_is_given_back(folder: Path, client: TestClient) -> None:
    answer = ask(client, query(folder, signer(folder), nonce=b"0123456789abcdef"))
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"0123456789abcdef"
    assert not list(ask(client, query(folder, signer(folder))).extensions)


def test_asked_by_get(folder: Path, client: TestClient) -> None:
    encoded = quote(base64.b64encode(query(folder, signer(folder, revoked=True))).decode(), safe="")
    answer = x509_ocsp.load_der_ocsp_response(client.get(f"/ocsp/{encoded}").content)
    assert answer.certificate_status == Status.REVOKED


@pytest.mark.parametrize("body", [b"bonjour", b"", b"\x30\x03\x02\x01\x00"])
def test_an_unreadable_request_is_malformed(client: TestClient, body: bytes) -> None:
    assert ask(client, body).response_status == Failed.MALFORMED_REQUEST


def test_another_issuer_s_certificate_is_not_answered_for(folder: Path, client: TestClient) -> None:
    answer = ask(client, query(folder, pki.certificate(folder, "issuing"), issuer="root"))
    assert answer.response_status == Failed.UNAUTHORIZED


def test_http_refusals(client: TestClient) -> None:
    assert client.post("/ocsp", content=b"x").status_code == 415
    headers = {"Content-Type": ocsp.QUERY}
    assert client.post("/ocsp", content=b"x" * (ocsp.MAX_BYTES + 1), headers=headers).status_code == 413
    assert client.get("/ocsp/@@@").content == client.get("/ocsp/AAAA").content


@pytest.mark.parametrize(("revoked", "told"), [(False, "good"), (True, "revoked")])
def test_openssl_takes_the_answer(folder: Path, tmp_path: Path, revoked: bool, told: str) -> None:
    path, issuer, root = tmp_path / "a.pem", str(folder / "issuing.pem"), str(folder / "root.pem")
    path.write_bytes(signer(folder, revoked=revoked).public_bytes(Encoding.PEM))
    # A responder on the machine's own time: OpenSSL compares with it.
    routes = ocsp.routes(folder, lambda: datetime.now(UTC))
    with alone.running(pki.create_app(folder, lambda: NOW, routes)) as url:
        asked = ["openssl", "ocsp", "-issuer", issuer, "-cert", str(path), "-CAfile", root, "-url", f"{url}ocsp"]
        done = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert "Response verify OK" in done.stderr
    assert f"a.pem: {told}" in done.stdout


# Certificates


def test_a_certificate_says_where_its_issuer_and_status_are(folder: Path, client: TestClient) -> None:
    extensions = signer(folder).extensions
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    places = {entry.access_method: entry.access_location.value for entry in access}
    issuer = client.get(places[AuthorityInformationAccessOID.CA_ISSUERS].removeprefix(BASE))
    assert x509.load_der_x509_certificate(issuer.content) == pki.certificate(folder, "issuing")
    assert places[AuthorityInformationAccessOID.OCSP] == f"{BASE}/ocsp"
    [point] = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for name in point.full_name or ()] == [f"{BASE}/issuing.crl"]


def test_without_an_address_a_certificate_names_none(folder: Path) -> None:
    der = pki.issue_for_key(folder, ec.generate_private_key(ec.SECP256R1()).public_key(), "A", "B", "00000000100019")
    names = {type(extension.value) for extension in x509.load_der_x509_certificate(der).extensions}
    assert not names & {x509.AuthorityInformationAccess, x509.CRLDistributionPoints}


def test_a_key_made_elsewhere_gets_a_certificate_that_claims_a_device(folder: Path, client: TestClient) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    der = pki.issue_for_key(folder, key, "Nadia", "Essai", "00000000100019", now=NOW)
    certificate = x509.load_der_x509_certificate(der)
    certificate.verify_directly_issued_by(pki.certificate(folder, "issuing"))
    assert certificate.public_key() == key
    assert qualified_statements(der) == ["0.4.0.1862.1.1", "0.4.0.1862.1.4", "0.4.0.1862.1.6"]
    assert ask(client, query(folder, certificate)).certificate_status == Status.GOOD


@pytest.mark.parametrize("device", [True, False])
def test_a_signer_s_certificate_claims_a_device_only_when_asked(folder: Path, device: bool) -> None:
    found = qualified_statements(signer(folder, device=device).public_bytes(Encoding.DER))
    assert ("0.4.0.1862.1.4" in found) is device


def qualified_statements(der: bytes) -> list[str]:
    extensions = x509.load_der_x509_certificate(der).extensions
    value = extensions.get_extension_for_oid(certificates.QC_STATEMENTS).value
    assert isinstance(value, x509.UnrecognizedExtension)
    statements = core.SequenceOf.load(value.value, spec=core.Sequence)
    return [core.ObjectIdentifier.load(bytes(each.contents)).native for each in statements]


@pytest.mark.parametrize("name", ["root", "issuing", "tsa", "ocsp", "list", "lotl"])
def test_every_certificate_can_be_downloaded_but_no_key(folder: Path, client: TestClient, name: str) -> None:
    der, pem = client.get(f"/{name}.cer").content, client.get(f"/{name}.pem").content
    assert x509.load_der_x509_certificate(der) == x509.load_pem_x509_certificate(pem) == pki.certificate(folder, name)
    assert client.get(f"/{name}.key").status_code == 404


# Trusted lists


def asn1(folder: Path, name: str) -> Any:
    return asn1_x509.Certificate.load(pki.certificate(folder, name).public_bytes(Encoding.DER))


def test_from_the_list_of_lists_to_the_french_one(folder: Path, client: TestClient) -> None:
    signer = asn1_x509.Certificate.load(client.get("/lotl.cer").content)
    found = eutl_parse.validate_and_parse_lotl(client.get("/lotl.xml").text, [signer])
    [french] = found.references
    assert (french.territory, found.errors, found.claimed_date_issued) == ("FR", [], NOW)
    assert [each.dump() for each in french.tlso_certs] == [asn1(folder, "list").dump()]
    content = client.get(french.location_uri.removeprefix(BASE)).text
    registry, errors = eutl_parse.trust_list_to_registry(content, french.tlso_certs)
    assert errors == []
    known: list[Any] = [*registry.known_certificate_authorities, *registry.known_timestamp_authorities]
    assert [each.certificate.dump() for each in known] == [asn1(folder, name).dump() for name in ("issuing", "tsa")]


def test_the_services_and_their_history(folder: Path) -> None:
    content = trusted_list.trusted_list(folder, BASE, NOW).decode()
    signatures, seals = QcCertType.QC_ESIGN, QcCertType.QC_ESEAL
    start = pki.certificate(folder, "issuing").not_valid_before_utc
    assert services(content) == [
        (trusted_list.CA_QC, start + pki.YEAR, None, {signatures, seals}),
        (trusted_list.CA_QC, start, start + pki.YEAR, {signatures}),
        (trusted_list.QTST, start, None, set()),
    ]


def test_a_withdrawn_authority_was_granted_until_then(folder: Path) -> None:
    since = NOW - timedelta(days=30)
    content = trusted_list.trusted_list(folder, BASE, NOW, withdrawn=since).decode()
    granted = [(start, end) for kind, start, end, _ in services(content) if kind == trusted_list.CA_QC]
    first = pki.certificate(folder, "issuing").not_valid_before_utc
    assert granted == [(first + pki.YEAR, since), (first, first + pki.YEAR)]


def services(content: str) -> list[tuple[str, datetime, datetime | None, set[QcCertType]]]:
    found = (each.base_info for each in eutl_parse.read_qualified_service_definitions(content))
    return [(i.service_type, i.valid_from, i.valid_until, set(i.additional_info_certificate_type)) for i in found]


def test_a_list_changed_or_signed_by_another_is_refused(folder: Path) -> None:
    content = trusted_list.trusted_list(folder, BASE, NOW).decode()
    changed = content.replace("Svcstatus/granted", "Svcstatus/withdrawn", 1)
    own, other = asn1(folder, "list"), asn1(folder, "lotl")
    assert changed != content
    for text, certificate in ((changed, own), (content, other)):
        with pytest.raises(SignatureValidationError):
            eutl_parse.trust_list_to_registry(text, [certificate])


@pytest.mark.parametrize("kind", ["trusted_list", "list_of_lists"])
def test_the_lists_follow_the_schema(folder: Path, kind: str) -> None:
    make = trusted_list.trusted_list if kind == "trusted_list" else trusted_list.list_of_lists
    root = etree.fromstring(make(folder, BASE, NOW))
    [signature] = root.findall("{*}Signature")
    root.remove(signature)  # pyHanko's classes have no SigningCertificateV2
    strict = XmlParser(config=ParserConfig(fail_on_unknown_properties=True, fail_on_converter_warnings=True))
    scheme = strict.from_bytes(etree.tostring(root), TrustServiceStatusList).scheme_information
    assert scheme is not None
    assert scheme.tslversion_identifier == 6
    assert scheme.list_issue_date_time is not None
    assert scheme.next_update is not None
    assert scheme.next_update.date_time is not None
    issued, due = scheme.list_issue_date_time.to_datetime(), scheme.next_update.date_time.to_datetime()
    assert (issued, due) == (NOW, NOW + trusted_list.LIFE)


def test_the_signers_of_lists_are_made_once_and_for_lists(folder: Path) -> None:
    first = pki.delegate(folder, "list", NOW).certificate
    assert pki.delegate(folder, "list", NOW + timedelta(days=1)).certificate == first
    uses = first.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use.dotted_string for use in uses] == ["0.4.0.2231.3.0"]


def test_the_running_sandbox_serves_them_where_it_says(sandbox: SandboxUrls) -> None:
    services = sandbox.services()
    signer = asn1_x509.Certificate.load(requests.get(f"{sandbox.base}/pki/lotl.cer", timeout=5).content)
    european = requests.get(services["trust_list"], timeout=5).text
    [french] = eutl_parse.validate_and_parse_lotl(european, [signer]).references
    content = requests.get(french.location_uri, timeout=5).text
    assert eutl_parse.trust_list_to_registry(content, french.tlso_certs)[1] == []
    body = query(pki.FOLDER, pki.certificate(pki.FOLDER, "tsa"))
    answer = requests.post(services["ocsp"], data=body, headers={"Content-Type": ocsp.QUERY}, timeout=5)
    assert x509_ocsp.load_der_ocsp_response(answer.content).certificate_status == Status.GOOD
    assert requests.post(f"{services['csc']}/csc/v2/info", timeout=5).json()["region"] == "FR"
