"""XML signatures: ours are read by another library, others' are read here, and the classic attacks all fail."""

import base64
import copy
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree
from signxml import SignatureMethod  # type: ignore[attr-defined]
from signxml.xades import (  # type: ignore[attr-defined]
    XAdESDataObjectFormat,
    XAdESSigner,
    XAdESVerifier,
)

from signature.errors import Unreadable
from signature.facts import Embedded
from signature.making.xades import sign_xades
from signature.reading.xml import DS, NS
from signature.verdict import Report, SignatureVerdict
from signature.verify import examine
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import DAY, key_of, rsa_key

CONTENT = b"%PDF-1.7 an act, or any file"
ACT = (
    b'<acte xmlns="urn:acte" Id="acte"><montant devise="EUR">12345.60</montant><!-- note -->'
    b"<objet>Tables</objet></acte>"
)


def tree(xml: bytes) -> Any:
    return etree.fromstring(xml)


def outcome(verdict: SignatureVerdict) -> tuple[str, str | None]:
    return verdict.indication, verdict.sub_indication


def check(bench: Bench, xml: bytes, **files: bytes) -> Report:
    return examine(xml, bench.trust(), NOW, None, files)


def one(bench: Bench, xml: bytes, **files: bytes) -> SignatureVerdict:
    (verdict,) = check(bench, xml, **files).signatures
    return verdict


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_a_detached_token_with_its_file(bench: Bench, kind: str) -> None:
    report = check(bench, sign_xades(CONTENT, "acte d'engagement.pdf", key_of(bench, kind), NOW), autre=CONTENT)
    (verdict,) = report.signatures
    assert (report.format, outcome(verdict), verdict.level) == ("XAdES", ("TOTAL-PASSED", None), "B")
    assert (verdict.qualification, verdict.arrete_2019.receivable, report.holds) == ("AdESig-QC", True, True)
    assert (verdict.covers, verdict.covers_whole_document) == (("autre",), True)


def test_an_enveloped_signature(bench: Bench) -> None:
    report = check(bench, sign_xades(ACT, "", key_of(bench), NOW, enveloped=True))
    assert outcome(report.signatures[0]) == ("TOTAL-PASSED", None)
    assert (report.signatures[0].covers_whole_document, report.unsigned, report.holds) == (True, (), True)


def test_two_signatures_one_after_the_other(bench: Bench) -> None:
    once = sign_xades(ACT, "", key_of(bench), NOW, enveloped=True)
    twice = sign_xades(once, "", key_of(bench, "p256", "Ali Benali"), NOW, enveloped=True)
    first, second = check(bench, twice).signatures
    assert outcome(second) == ("TOTAL-PASSED", None)
    assert outcome(first) == ("TOTAL-FAILED", "HASH_FAILURE")  # the second changed what the first had signed


def test_stamped_then_with_its_proofs(bench: Bench) -> None:
    trust = bench.trust()
    key = key_of(bench)
    stamped = sign_xades(CONTENT, "acte", key, NOW, bench.stamp(NOW - DAY / 24))
    proofs = Embedded(trust.intermediates, trust.crls)
    kept = sign_xades(CONTENT, "acte", key, NOW, bench.stamp(), proofs)
    verdict = one(bench, stamped, acte=CONTENT)
    assert (outcome(verdict), verdict.level, verdict.best_time) == (("TOTAL-PASSED", None), "T", NOW - DAY / 24)
    bare = type(trust)(anchors=trust.anchors, trust_list=trust.trust_list)
    alone = examine(kept, bare, NOW, None, {"acte": CONTENT}).signatures[0]
    assert (outcome(alone), alone.level) == (("TOTAL-PASSED", None), "LT")


def test_another_library_reads_what_we_make(bench: Bench) -> None:
    key = key_of(bench, end=NOW + 9000 * DAY)  # it looks at the machine's clock
    xml = sign_xades(ACT, "", key, NOW, enveloped=True)
    own = x509.load_der_x509_certificate(key.chain[0])
    found: Any = XAdESVerifier().verify(xml, x509_cert=own, expect_references=2)[0].signed_xml
    assert b"12345.60" in etree.tostring(found)


@pytest.mark.parametrize(
    "form",
    [
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
    ],
)
def test_what_another_library_makes_is_read(bench: Bench, form: str) -> None:
    xml = theirs(bench, form)
    verdict = one(bench, xml)
    assert outcome(verdict) == ("TOTAL-PASSED", None)
    assert verdict.covers_whole_document
    assert outcome(one(bench, xml.replace(b"12345.60", b"92345.60"))) == ("TOTAL-FAILED", "HASH_FAILURE")


def theirs(bench: Bench, form: str, content: bytes = ACT) -> bytes:
    """The same act signed by signxml, enveloped (its exclusive form does not follow the standard)."""
    signer = XAdESSigner(
        signature_algorithm=SignatureMethod.RSA_SHA256,
        c14n_algorithm=form,
        data_object_format=XAdESDataObjectFormat(Description="acte", MimeType="text/xml"),
    )
    chain = [x509.load_der_x509_certificate(der) for der in key_of(bench).chain]
    return bytes(etree.tostring(signer.sign(tree(content), key=rsa_key(), cert=chain)))


def test_the_file_is_missing_or_another(bench: Bench) -> None:
    token = sign_xades(CONTENT, "acte.pdf", key_of(bench), NOW)
    assert outcome(one(bench, token)) == ("INDETERMINATE", "SIGNED_DATA_NOT_FOUND")
    assert outcome(one(bench, token, acte=CONTENT + b" ")) == ("TOTAL-FAILED", "HASH_FAILURE")


def test_a_flipped_bit_of_the_value(bench: Bench) -> None:
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    value = root.find("ds:SignatureValue", NS)
    raw = bytearray(base64.b64decode(value.text))
    raw[9] ^= 4
    value.text = base64.b64encode(bytes(raw)).decode()
    assert outcome(one(bench, etree.tostring(root), acte=CONTENT)) == ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE")


def test_signed_properties_cannot_be_changed(bench: Bench) -> None:
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    root.find(".//xades:SigningTime", NS).text = "2020-01-01T00:00:00+00:00"
    assert outcome(one(bench, etree.tostring(root), acte=CONTENT)) == ("TOTAL-FAILED", "HASH_FAILURE")


def test_expired_without_and_with_a_proof_of_date(bench: Bench) -> None:
    key = key_of(bench, begin=NOW - 9 * DAY, end=NOW - DAY)
    bare = sign_xades(CONTENT, "acte", key, NOW - 2 * DAY)
    proven = sign_xades(CONTENT, "acte", key, NOW - 2 * DAY, bench.stamp(NOW - 2 * DAY))
    late = sign_xades(CONTENT, "acte", key, NOW - 2 * DAY, bench.stamp(NOW))
    answers = [outcome(one(bench, xml, acte=CONTENT)) for xml in (bare, proven, late)]
    refused = ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE")
    assert answers == [refused, ("TOTAL-PASSED", None), refused]


def test_a_timestamp_of_another_signature_is_refused(bench: Bench) -> None:
    donor = tree(sign_xades(b"autre", "autre", key_of(bench), NOW, bench.stamp()))
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    root.find(".//xades:QualifyingProperties", NS).append(copy.deepcopy(donor.find(".//xades:UnsignedProperties", NS)))
    verdict = one(bench, etree.tostring(root), acte=CONTENT)
    assert verdict.indication != "TOTAL-PASSED"
    assert "horodatage" in verdict.reason


# --- attacks -----------------------------------------------------------------------------------------------------


def _signed_by_id(bench: Bench) -> Any:
    """An act that holds its own signature, referenced by its Id as SAML does: what wrapping attacks start from."""
    root = tree(ACT)
    signature = tree(sign_xades(ACT, "", key_of(bench), NOW, enveloped=True)).find("ds:Signature", NS)
    root.append(signature)
    reference = signature.find("ds:SignedInfo/ds:Reference", NS)
    reference.set("URI", "#acte")
    return _resigned(signature, root)


def _resigned(signature: Any, root: Any) -> Any:
    info = etree.tostring(signature.find("ds:SignedInfo", NS), method="c14n", exclusive=True)
    value = rsa_key().sign(info, padding.PKCS1v15(), hashes.SHA256())
    signature.find("ds:SignatureValue", NS).text = base64.b64encode(value).decode()
    return root


def test_a_signature_by_identifier_is_fine_in_its_place(bench: Bench) -> None:
    report = check(bench, etree.tostring(_signed_by_id(bench)))
    assert outcome(report.signatures[0]) == ("TOTAL-PASSED", None)
    assert report.holds


def _evil(original: Any, ident: str) -> Any:
    """The attacker's act: another amount, and the identifier asked for."""
    evil = copy.deepcopy(original)
    for signature in evil.findall("ds:Signature", NS):
        evil.remove(signature)
    evil.set("Id", ident)
    evil[0].text = "99999.00"
    return evil


def wrapped(original: Any, shape: int) -> bytes:
    """The eight classic shapes (Somorovsky et al., 2012), for an act in the place of an assertion."""
    signature = original.find("ds:Signature", NS)
    bare = copy.deepcopy(original)
    bare.remove(bare.find("ds:Signature", NS))
    evil = _evil(original, "evil" if shape not in (7, 8) else "acte2")
    if shape == 1:  # the evil root holds the signature, which holds the original
        evil.append(signature)
        signature.append(bare)
    elif shape == 2:  # the evil root holds the original, then the signature
        evil.append(bare)
        evil.append(signature)
    elif shape == 3:  # the evil act comes before the original, under one root
        top = etree.Element("reponse")
        top.extend([evil, original])
        return bytes(etree.tostring(top))
    elif shape == 4:  # the evil act wraps the original whole
        evil.append(original)
    elif shape == 5:  # the evil act holds the signature, the original stands after
        top = etree.Element("reponse")
        evil.append(signature)
        top.extend([evil, bare])
        return bytes(etree.tostring(top))
    elif shape == 6:  # the original inside the signature inside the evil act
        top = etree.Element("reponse")
        evil.append(signature)
        signature.append(bare)
        top.append(evil)
        return bytes(etree.tostring(top))
    elif shape == 7:  # hidden in an extension
        top = etree.Element("reponse")
        hidden = etree.SubElement(top, "extensions")
        hidden.append(original)
        top.append(evil)
        return bytes(etree.tostring(top))
    else:  # hidden in an object of the signature
        holder = etree.SubElement(signature, f"{{{DS}}}Object")
        holder.append(bare)
        evil.append(signature)
    return bytes(etree.tostring(evil))


@pytest.mark.parametrize("shape", range(1, 9))
def test_signature_wrapping(bench: Bench, shape: int) -> None:
    report = check(bench, wrapped(_signed_by_id(bench), shape))
    assert not report.holds
    assert all(s.indication == "TOTAL-FAILED" and not s.arrete_2019.receivable for s in report.signatures)


def test_two_elements_of_one_identifier(bench: Bench) -> None:
    root = _signed_by_id(bench)
    root.append(etree.Element("{urn:acte}annexe", Id="acte"))
    verdict = one(bench, etree.tostring(root))
    assert outcome(verdict) == ("TOTAL-FAILED", "FORMAT_FAILURE")
    assert "ambigu" in verdict.reason


def test_properties_of_another_signature(bench: Bench) -> None:
    """SignedProperties moved out, others put in their place: they designate another certificate."""
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    own = root.find(".//xades:SignedProperties", NS)
    fake = copy.deepcopy(own)
    fake.set("Id", "faux")
    own.getparent().replace(own, fake)
    etree.SubElement(root, f"{{{DS}}}Object").append(own)
    assert outcome(one(bench, etree.tostring(root), acte=CONTENT)) == ("TOTAL-FAILED", "FORMAT_FAILURE")


def test_a_file_that_declares_entities(bench: Bench) -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + ACT.replace(b"Tables", b"&b;")
    outside = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + ACT.replace(b"Tables", b"&x;")
    wide = ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY a "ha">]><a>&a;</a>').encode("utf-16")
    for content in (laughs, outside, wide):
        with pytest.raises(Unreadable, match=r"DOCTYPE|abîmé"):
            check(bench, content)


def _with_transform(bench: Bench, change: Callable[[Any], None]) -> bytes:
    root = tree(sign_xades(ACT, "", key_of(bench), NOW, enveloped=True))
    change(root.find("ds:Signature/ds:SignedInfo/ds:Reference/ds:Transforms", NS))
    return bytes(etree.tostring(_resigned(root.find("ds:Signature", NS), root)))


def test_transforms_that_run_programs_are_refused_at_once(bench: Bench) -> None:
    def stylesheet(transforms: Any) -> None:
        step = etree.Element(f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
        transforms.insert(0, step)
        etree.SubElement(step, "{http://www.w3.org/1999/XSL/Transform}stylesheet")

    def bomb(transforms: Any) -> None:
        step = etree.Element(f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116")
        transforms.insert(0, step)
        etree.SubElement(step, f"{{{DS}}}XPath").text = "count(//. | //@* | //namespace::*) > 0" * 20

    for change in (stylesheet, bomb):
        begin = time.monotonic()
        verdict = one(bench, _with_transform(bench, change))
        assert outcome(verdict) == ("TOTAL-FAILED", "FORMAT_FAILURE")
        assert "transformation" in verdict.reason
        assert time.monotonic() - begin < 5


def test_the_two_known_xpath_transforms_are_read(bench: Bench) -> None:
    """Other tools exclude the signature by XPath or by XPath Filter 2; they mean the same."""

    def xpath(transforms: Any) -> None:
        first = transforms[0]
        first.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
        etree.SubElement(first, f"{{{DS}}}XPath").text = "not(ancestor-or-self::ds:Signature)"

    def filter2(transforms: Any) -> None:
        first = transforms[0]
        first.set("Algorithm", "http://www.w3.org/2002/06/xmldsig-filter2")
        step = etree.SubElement(first, "{http://www.w3.org/2002/06/xmldsig-filter2}XPath", Filter="subtract")
        step.text = "/descendant::ds:Signature"

    for change in (xpath, filter2):
        assert outcome(one(bench, _with_transform(bench, change))) == ("TOTAL-PASSED", None)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9/acte", "file:///etc/hostname", "../../etc/hostname"])
def test_nothing_is_fetched(bench: Bench, uri: str) -> None:
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    root.find("ds:SignedInfo/ds:Reference", NS).set("URI", uri)
    verdict = one(bench, etree.tostring(_resigned(root, root)))
    assert outcome(verdict) == ("INDETERMINATE", "SIGNED_DATA_NOT_FOUND")


def test_a_shared_key_signs_nothing(bench: Bench) -> None:
    """HMAC keyed with the public certificate: whoever reads the file could have made it."""
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    method = root.find("ds:SignedInfo/ds:SignatureMethod", NS)
    method.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    info = etree.tostring(root.find("ds:SignedInfo", NS), method="c14n", exclusive=True)
    value = hmac.new(key_of(bench).chain[0], info, hashlib.sha256).digest()
    root.find("ds:SignatureValue", NS).text = base64.b64encode(value).decode()
    verdict = one(bench, etree.tostring(root), acte=CONTENT)
    assert outcome(verdict) == ("TOTAL-FAILED", "FORMAT_FAILURE")
    assert "clé partagée" in verdict.reason


def test_a_bare_key_is_nobodys(bench: Bench) -> None:
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    info = root.find("ds:KeyInfo", NS)
    for child in list(info):
        info.remove(child)
    etree.SubElement(info, f"{{{DS}}}KeyValue")
    verdict = one(bench, etree.tostring(root), acte=CONTENT)
    assert outcome(verdict) == ("INDETERMINATE", "NO_SIGNING_CERTIFICATE_FOUND")


def test_sha1_is_too_weak_wherever_it_hides(bench: Bench) -> None:
    def weak(transforms: Any) -> None:
        reference = transforms.getparent()
        reference.find("ds:DigestMethod", NS).set("Algorithm", DS + "sha1")
        digest = hashlib.sha1(etree.tostring(tree(ACT), method="c14n", exclusive=True, with_comments=False))
        reference.find("ds:DigestValue", NS).text = base64.b64encode(digest.digest()).decode()

    verdict = one(bench, _with_transform(bench, weak))
    assert outcome(verdict) == ("INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE")


def test_part_of_a_file_signed_is_told(bench: Bench) -> None:
    """An annex that is not signed beside an act that is: the act holds, the file does not."""
    top = etree.Element("envoi")
    top.append(_signed_by_id(bench))
    etree.SubElement(top, "courrier").text = "Remise de 10 %"
    report = check(bench, etree.tostring(top))
    (verdict,) = report.signatures
    assert (outcome(verdict), verdict.scope) == (("TOTAL-PASSED", None), "PARTIAL")
    assert report.unsigned == ("L’élément « courrier » : aucune signature ne le couvre.",)
    assert verdict.arrete_2019.receivable is None
    assert not report.holds


def test_thousands_of_references_are_not_followed(bench: Bench) -> None:
    root = tree(sign_xades(CONTENT, "acte", key_of(bench), NOW))
    reference = root.find("ds:SignedInfo/ds:Reference", NS)
    for _ in range(1100):
        root.find("ds:SignedInfo", NS).append(copy.deepcopy(reference))
    assert outcome(one(bench, etree.tostring(root), acte=CONTENT)) == ("TOTAL-FAILED", "FORMAT_FAILURE")


def test_xml_without_a_signature(bench: Bench) -> None:
    report = check(bench, ACT)
    assert (report.format, report.signatures, report.holds) == ("XML", (), False)
