"""What says that a certificate is revoked, or is not: answers and lists forged, partial, contradictory, unannounced."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from asn1crypto import cms, core
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from api.sandbox import certificates, pki
from api.sandbox.certificates import Authority
from tests.signature.authorities import GOOD, REVOKED, Case, case_of, crl_of, der, judged, made
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY

PASSED = ("TOTAL-PASSED", None)
REVOKED_NOW = ("INDETERMINATE", "REVOKED_NO_POE")


@pytest.fixture(scope="module")
def case(bench: Bench) -> Case:
    return case_of(bench)


@pytest.fixture(scope="module")
def silent(bench: Bench) -> Case:
    """A signer whose certificate announces neither a responder nor a list."""
    issuing = pki.authority(bench.folder, "issuing")
    return Case(bench, issuing, made("Jeanne Martin", issuing, certificates.for_signer(seal=False, device=False)))


def test_a_good_answer_that_the_certificate_did_not_announce(silent: Case) -> None:
    assert judged(silent.token, silent.trust(silent.answer())) == PASSED


def test_a_revoked_answer_that_the_certificate_did_not_announce(silent: Case) -> None:
    assert judged(silent.token, silent.trust(silent.answer(REVOKED), crl=crl_of(silent.issuing))) == REVOKED_NOW
    assert judged(silent.token, silent.trust(silent.answer(REVOKED))) == REVOKED_NOW


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_newer_good_answer_does_not_lift_a_revocation(
    case: Case, silent: Case, announced: bool, turned: bool
) -> None:
    """Only a suspension may be lifted (RFC 5280, 5.3.1)."""
    subject = case if announced else silent
    revoked = subject.answer(REVOKED, at=NOW - DAY / 48)
    both = [revoked, subject.answer(GOOD, at=NOW)]
    assert judged(subject.token, subject.trust(*(reversed(both) if turned else both))) == REVOKED_NOW


def test_a_good_answer_beside_a_list_that_revokes(case: Case) -> None:
    assert judged(case.token, case.trust(case.answer(), crl=crl_of(case.issuing, case.own))) == REVOKED_NOW


def test_a_suspension_lifted(case: Case) -> None:
    """The last word counts."""
    held_back = listed(case.issuing, case.own, at=NOW - DAY / 24, reason=x509.ReasonFlags.certificate_hold)
    assert judged(case.token, case.trust(crl=held_back))[0] != "TOTAL-PASSED"
    trust = case.trust(crl=held_back)
    assert judged(case.token, replace(trust, crls=(*trust.crls, crl_of(case.issuing)))) == PASSED
    assert judged(case.token, case.trust(case.answer(), crl=held_back)) == PASSED
    older = case.answer(at=NOW - DAY / 12)
    assert judged(case.token, case.trust(older, crl=held_back))[0] != "TOTAL-PASSED"


def listed(
    issuer: Authority,
    *revoked: Authority,
    at: datetime = NOW,
    until: datetime | None = None,
    since: datetime | None = None,
    reason: x509.ReasonFlags | None = None,
    name: x509.Name | None = None,
    entry: Callable[[Authority], x509.Name | None] = lambda owner: None,
    extensions: Any = (),
) -> bytes:
    """A list with extensions; `entry` names the issuer of each certificate in an indirect one."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(name or issuer.certificate.subject)
    builder = builder.last_update(at).next_update(until or at + DAY)
    for each in revoked:
        row = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
        row = row.revocation_date(since or at - DAY / 24)
        if reason is not None:
            row = row.add_extension(x509.CRLReason(reason), critical=False)
        if (whose := entry(each)) is not None:
            row = row.add_extension(x509.CertificateIssuer([x509.DirectoryName(whose)]), critical=True)
        builder = builder.add_revoked_certificate(row.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


# Lists that another key than the authority's signed


def twin(authority: Authority) -> Authority:
    """Another key behind an authority's certificate: all its bytes but the key and the number, its signature too."""
    key = ec.generate_private_key(ec.SECP256R1())
    made_up = certificates.build(authority.certificate.subject, key.public_key(), key, (NOW - DAY, NOW + DAY), [])
    copy = asn1_x509.Certificate.load(der(authority)[0])
    mine = asn1_x509.Certificate.load(made_up.public_bytes(Encoding.DER))
    copy["tbs_certificate"]["subject_public_key_info"] = mine["tbs_certificate"]["subject_public_key_info"]
    copy["tbs_certificate"]["serial_number"] = 7
    return Authority(x509.load_der_x509_certificate(copy.dump(force=True)), key)


def test_a_list_signed_behind_a_copy_of_the_authoritys_certificate(case: Case) -> None:
    fake = twin(case.issuing)
    trust = case.trust(crl=crl_of(fake))
    assert judged(case.token, replace(trust, intermediates=(*trust.intermediates, *der(fake))))[0] != "TOTAL-PASSED"


def test_a_token_that_carries_such_a_list_and_such_a_copy(case: Case) -> None:
    fake = twin(case.issuing)
    info, forged = cms.ContentInfo.load(case.token), asn1_crl.CertificateList.load(crl_of(fake))
    copy = cms.CertificateChoices("certificate", asn1_x509.Certificate.load(der(fake)[0]))
    info["content"]["certificates"].append(copy)
    info["content"]["crls"] = cms.RevocationInfoChoices.load(
        core.SetOf(spec=asn1_crl.CertificateList, value=[forged]).dump()
    )
    assert judged(info.dump(), case.trust())[0] != "TOTAL-PASSED"


def test_an_old_list_made_to_last(case: Case) -> None:
    """The end of a genuine list is moved; its own copy stands beside it, with the same signature."""
    old = listed(case.issuing, at=NOW - 30 * DAY)
    moved = asn1_crl.CertificateList.load(old)
    moved["tbs_cert_list"]["next_update"] = asn1_x509.Time("utc_time", core.UTCTime(NOW + 30 * DAY))
    for pair in ((old, moved.dump(force=True)), (moved.dump(force=True), old)):
        trust = case.trust()
        assert judged(case.token, replace(trust, crls=(*trust.crls, *pair)))[0] != "TOTAL-PASSED"


INDIRECT = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=False,
    only_some_reasons=None,
    indirect_crl=True,
    only_contains_attribute_certs=False,
)


@pytest.mark.parametrize("usage", [None, "crl_sign"])
@pytest.mark.parametrize("indirect", [True, False])
def test_a_list_by_another_customer_of_the_authority(case: Case, usage: str | None, indirect: bool) -> None:
    """No distribution point of the certificate names it (RFC 5280, 6.3.3 b 1)."""
    extensions = [(certificates._usages(usage), True)] if usage else []
    neighbour = made("Ali Benali", case.issuing, extensions)
    forged = listed(neighbour, extensions=[(INDIRECT, True)] if indirect else [])
    trust = case.trust(crl=forged)
    assert (
        judged(case.token, replace(trust, intermediates=(*trust.intermediates, *der(neighbour))))[0] != "TOTAL-PASSED"
    )


@pytest.mark.parametrize("indirect", [True, False])
def test_a_list_by_the_signer_on_itself(case: Case, indirect: bool) -> None:
    """Its certificate says nothing of the use of its key."""
    own = made("Jeanne Martin", case.issuing, [(certificates._usages("content_commitment", "crl_sign"), True)])
    subject = replace(case, own=own)
    forged = listed(own, extensions=[(INDIRECT, True)] if indirect else [])
    assert judged(subject.token, subject.trust(crl=crl_of(case.issuing))) == PASSED
    assert judged(subject.token, subject.trust(crl=forged))[0] != "TOTAL-PASSED"
