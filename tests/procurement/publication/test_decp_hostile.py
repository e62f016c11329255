"""DECP files as odd as their writers: what a reader would let through without a word is told or refused, and soon."""

import re
from collections.abc import Callable

import pytest

from procurement.publication.check import DecpReport, DecpUnreadable, check_document
from procurement.publication.decp import record, to_json, to_xml
from tests.procurement.publication.test_decp import CONTRACT, TODAY

JSON, XML = to_json([record(CONTRACT)]), to_xml([record(CONTRACT)])


def put(field: str, value: bytes) -> bytes:
    """The JSON record with another value, written as it is."""
    made, count = re.subn(rb'("%s": ?)[^,}]+' % field.encode(), lambda found: found[1] + value, JSON, count=1)
    assert count == 1
    return made


def schema(report: DecpReport) -> list[str]:
    return [finding.message for finding in report.findings if finding.level == "schema"]


def test_a_key_that_stands_twice_breaks_the_schema() -> None:
    report = check_document(put("montant", b'1, "montant": 50000'), TODAY)
    assert not report.schema_valid
    assert any("« montant » figure deux fois" in message for message in schema(report))
    assert "« montant » figure" not in str(schema(check_document(JSON, TODAY)))


@pytest.mark.parametrize("content", [put("objet", b'"Pont \\ud800"'), put("objet", b'"Pont \\uDC00 neuf"')])
def test_half_a_character_is_refused(content: bytes) -> None:
    with pytest.raises(DecpUnreadable, match="moitié d’un caractère"):
        check_document(content, TODAY)


def test_a_pair_of_halves_is_a_character_and_raw_halves_are_no_json() -> None:
    assert check_document(put("objet", b'"Pont \\ud83d\\ude00"'), TODAY).schema_valid
    with pytest.raises(DecpUnreadable, match="ni un JSON"):
        check_document(put("objet", b'"Pont \xed\xa0\x80"'), TODAY)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_xml_in_utf16_is_read(encoding: str) -> None:
    announced = re.sub(r"encoding=.UTF-8.", 'encoding="UTF-16"', XML.decode(), count=1)
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    report = check_document(mark + announced.encode(encoding), TODAY)
    assert (report.format, report.schema_valid, report.exploitable) == ("xml", True, True)


def test_json_in_utf16_is_read() -> None:
    assert check_document(JSON.decode().encode("utf-16"), TODAY).schema_valid


@pytest.mark.parametrize(("value", "holds"), [(b"12.0", True), (b"1.2e1", True), (b"12.5", False), (b"true", False)])
def test_a_whole_number_with_a_point_is_an_integer(value: bytes, holds: bool) -> None:
    report = check_document(put("dureeMois", value), TODAY)
    assert (report.schema_valid, report.exploitable) == (holds, holds), report.findings


@pytest.mark.parametrize("field", ["montant", "dureeMois"])
@pytest.mark.parametrize("value", [b"1e999999999", b"1e-999999999", b"-1E999999", b"9" * 5000, b"1." + b"0" * 5000])
def test_a_number_that_nobody_can_count_with_is_a_finding(field: str, value: bytes) -> None:
    report = check_document(put(field, value), TODAY)
    assert not report.schema_valid
    assert any("n’est pas du type attendu" in message for message in schema(report))


@pytest.mark.parametrize("value", [b"1e999999999", "１２".encode(), "١٢".encode(), b"1_2"])
@pytest.mark.parametrize("field", [b"montant", b"dureeMois"])
def test_the_same_in_xml(field: bytes, value: bytes) -> None:
    report = check_document(re.sub(rb"<%s>[^<]*" % field, b"<%s>" % field + value, XML, count=1), TODAY)
    assert (report.schema_valid, report.exploitable) == (False, False)


@pytest.mark.parametrize("around", [" {} ", "\n      {}\n    ", "\t{}"])
def test_space_around_a_day_is_no_fault(around: str) -> None:
    spaced = re.sub(r"(?<=<dateNotification>)([^<]*)", lambda found: around.format(found[1]), XML.decode())
    report = check_document(spaced.encode(), TODAY)
    assert (report.schema_valid, report.exploitable, report.findings) == (True, True, ())


def test_a_day_that_is_none_is_named() -> None:
    wrong = re.sub(r"(?<=<dateNotification>)[^<]*", " 2026-02-31 ", XML.decode())
    (finding,) = (one for one in check_document(wrong.encode(), TODAY).findings if one.level == "schema")
    assert finding.path.endswith("/dateNotification")
    assert "2026-02-31" in finding.message


CROWDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "children": (lambda: XML.replace(b"<marche>", b"<marche>" + b"<foo/>" * 100_000, 1), "« foo »"),
    "keys": (lambda: put("montant", b"".join(b'1, "k%d": ' % n for n in range(100_000)) + b"1"), "k0, k1"),
}


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_of_what_is_nobody_s_is_told_in_one_line(name: str) -> None:
    make, said = CROWDS[name]
    messages = schema(check_document(make(), TODAY))
    assert any(said in message for message in messages), messages
    assert max(map(len, messages)) < 1_000


def test_a_crowd_of_attributes_is_refused() -> None:
    many = b" ".join(b'a%d="1"' % n for n in range(3_000))
    with pytest.raises(DecpUnreadable, match="plus de 100 attributs"):
        check_document(XML.replace(b"<marche>", b"<marche " + many + b">", 1), TODAY)
