"""What was read is given back as it was read, whatever its length."""

import pytest
from asn1crypto import cms

import signature.engine  # noqa: F401 – mends asn1crypto
from signature.reading.cades import tlv


@pytest.mark.parametrize("size", [0x80, 0x180, 0x0980])
def test_a_length_that_ends_in_0x80_is_no_indefinite_one(size: int) -> None:
    """A set out of its canonical order: written anew, it would be sorted, and a signature over it lost."""
    oid = b"\x06\x03\x55\x04\x03"
    last = tlv(0x30, oid, tlv(0x31, tlv(4, b"")))
    padding = next(n for n in range(size) if len(tlv(0x30, oid, tlv(0x31, tlv(4, b"a" * n)))) + len(last) == size)
    whole = tlv(0x31, tlv(0x30, oid, tlv(0x31, tlv(4, b"a" * padding))), last)
    assert whole.index(0x80) <= 3
    read = cms.CMSAttributes.load(whole)
    assert [attribute["type"].dotted for attribute in read] == ["2.5.4.3", "2.5.4.3"]
    assert read.dump() == whole
