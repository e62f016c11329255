"""Signatures forged or wrapped in a PDF (USF, SWA), copied, doubled, with a CMS arranged: none may pass.

Source: Mladenov et al., « 1 Trillion Dollar Refund » (CCS 2019).
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from asn1crypto import cms
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest

from signature.making.cades import enclose
from signature.making.pades import prepare
from tests.signature.conftest import NOW, Bench
from tests.signature.keys import key_of
from tests.signature.pdf_attacks import (
    FORGED,
    FREE,
    act,
    edited,
    latest,
    over,
    passed,
    updated,
)


@pytest.fixture(scope="module")
def signed(bench: Bench) -> bytes:
    return bench.sign(pdf=act())


def value_number(pdf: bytes) -> int:
    """The number of the signature's own object."""
    return int(re.findall(rb"/V (\d+) 0 R", pdf)[-1])


RANGES = [
    b"null", b"[]", b"[0 0 0 0]", b"[0 1]", b"[0 10 20]", b"[0 -1 5 10]", b"[-1 10 20 30]", b"[0 10 99999999 5]",
    b"(x)",    b"[0 10 20 30 40 50]", b"[/A /B /C /D]", b"[0 0 0 99999999]", b"0", b"[0 1e9 0 1]", b"",
]  # fmt: skip
CONTENTS = [b"null", b"<>", b"<00>", b"()", b"<3080>", b"0", b"[]", b""]


@pytest.mark.parametrize("new", RANGES)
@pytest.mark.parametrize("later", [False, True])
def test_the_byte_range_forged(bench: Bench, signed: bytes, new: bytes, later: bool) -> None:
    if not later:
        assert passed(bench, over(signed, rb"/ByteRange \[[^\]]*\]", b"/ByteRange " + new if new else b"")) == []
        return
    number = value_number(signed)
    own = re.sub(rb"/ByteRange \[[^\]]*\]", b"/ByteRange " + new if new else b"", latest(signed, number))
    assert passed(bench, updated(signed, {number: own, 5: FORGED})) == []


@pytest.mark.parametrize("new", CONTENTS)
@pytest.mark.parametrize("later", [False, True])
def test_the_contents_forged(bench: Bench, signed: bytes, new: bytes, later: bool) -> None:
    if not later:
        assert passed(bench, over(signed, rb"/Contents <[0-9a-fA-F]+>", b"/Contents " + new if new else b"")) == []
        return
    number = value_number(signed)
    own = re.sub(rb"/Contents <[^>]*>", b"/Contents " + new if new else b"", latest(signed, number))
    assert passed(bench, updated(signed, {number: own, 5: FORGED})) == []


def _ranges(pdf: bytes) -> list[int]:
    found = re.search(rb"/ByteRange \[([\d ]+)\]", pdf)
    assert found is not None
    return [int(n) for n in found[1].split()]


@pytest.mark.parametrize("kept_value", [True, False])
def test_wrapped_in_a_later_signature_object(bench: Bench, signed: bytes, kept_value: bool) -> None:
    """SWA: an object with the same CMS and the same ranges stands in a later revision that it does not cover."""
    _, first, second, length = _ranges(signed)
    number = value_number(signed)
    own = latest(signed, number) if kept_value else latest(signed, number).replace(b"/Type /Sig", b"/Type /Sig /M (x)")
    ranges = b"/ByteRange [0 %d %d %d]" % (first, second, length)
    own = re.sub(rb"/ByteRange \[[^\]]*\]", ranges, own)
    assert passed(bench, updated(signed, {number: own, 5: FORGED})) == []


def test_the_second_range_moved_away(bench: Bench, signed: bytes) -> None:
    """SWA: a gap is made behind the CMS, the second range follows it."""
    _, first, second, length = _ranges(signed)
    for gap in (b" " * 40, b"%d 0 obj\n%s\nendobj\n" % (5, FORGED)):
        moved = signed[:second] + gap + signed[second:]
        ranges = b"[0 %d %d %d]" % (first, second + len(gap), length)
        assert passed(bench, over(moved, rb"(?<=/ByteRange )\[[^\]]*\]", ranges)) == []


@pytest.mark.parametrize("shape", ["a byte skipped", "two ranges more", "short end", "from one", "overlap", "zero gap"])
def test_ranges_that_are_not_the_whole(bench: Bench, signed: bytes, shape: str) -> None:
    _, first, second, length = _ranges(signed)
    wanted = {
        "a byte skipped": [0, first - 1, second, length],
        "two ranges more": [0, 9, 9, first - 9, second, length],
        "short end": [0, first, second, length - 1],
        "from one": [1, first - 1, second, length],
        "overlap": [0, second, first, length],
        "zero gap": [0, first, first, length],
    }[shape]
    ranges = b"[%s]" % b" ".join(b"%d" % n for n in wanted)
    assert passed(bench, over(signed, rb"/ByteRange \[[^\]]*\] *", b"/ByteRange " + ranges)) == []


def test_a_second_contents_beside_the_first(bench: Bench, signed: bytes) -> None:
    other = bench.sign(bench.signer("Ali Benali"), pdf=act())
    foreign = re.findall(rb"/Contents <[0-9a-fA-F]+>", other)[-1]
    number = value_number(signed)
    own = latest(signed, number)
    for both in (own.replace(b"/Type /Sig", b"/Type /Sig " + foreign), own.replace(b"/Type", foreign + b" /Type", 1)):
        assert passed(bench, updated(signed, {number: both})) == []


def test_another_field_that_shows_the_same_signature(bench: Bench, signed: bytes) -> None:
    """One signature is not two: the second field must not count as a signature of its own."""
    value = b"<< /FT /Sig /T (Autre) /V %d 0 R >>" % value_number(signed)
    added = updated(signed, {FREE: value} | edited(signed, 8, b"/Fields [", b"/Fields [%d 0 R " % FREE))
    assert "Autre" not in passed(bench, added)


def test_another_field_with_a_copy_of_the_signature(bench: Bench, signed: bytes) -> None:
    field = b"<< /FT /Sig /T (Autre) /V %d 0 R >>" % (FREE + 1)
    copied = {FREE: field, FREE + 1: latest(signed, value_number(signed))}
    added = updated(signed, copied | edited(signed, 8, b"/Fields [", b"/Fields [%d 0 R " % FREE))
    assert "Autre" not in passed(bench, added)


def test_a_field_signed_again_hides_nothing(bench: Bench, signed: bytes) -> None:
    """The first signature is replaced in its field by one that signs another text: the old one proves nothing now."""
    twice = bench.sign(bench.signer("Ali Benali"), pdf=updated(signed, {5: FORGED}))
    number = value_number(signed)
    both = updated(twice, {number: latest(twice, value_number(twice))})
    assert passed(bench, both) == []


def container(bench: Bench, change: Callable[[Any], None]) -> bytes:
    """The act signed with a CMS that an attacker (or a careless tool) has arranged."""
    key = key_of(bench, "p256")
    prepared = prepare(act(), key.chain, NOW)
    info = cms.ContentInfo.load(enclose(prepared.attributes, key.sign(prepared.to_sign)))
    change(info["content"])
    output = BytesIO(prepared.content)
    PreparedByteRangeDigest(b"", prepared.start, prepared.end).fill_with_cms(output, info.dump())
    return output.getvalue()


def test_two_signer_infos_in_a_pdf(bench: Bench) -> None:
    assert passed(bench, container(bench, lambda data: None)) == ["Signature1"]

    def double(data: Any) -> None:
        data["signer_infos"].append(data["signer_infos"][0].copy())

    assert passed(bench, container(bench, double)) == []


def test_no_signer_info_in_a_pdf(bench: Bench) -> None:
    def none(data: Any) -> None:
        data["signer_infos"] = cms.SignerInfos([])

    assert passed(bench, container(bench, none)) == []


def test_content_inside_the_cms_of_a_pdf(bench: Bench) -> None:
    """PAdES is detached: what the CMS itself carries would be a second, invisible document."""

    def carry(data: Any) -> None:
        data["encap_content_info"] = {"content_type": "data", "content": b"Montant : 900 000 EUR"}

    assert passed(bench, container(bench, carry)) == []
