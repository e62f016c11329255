"""Files from elsewhere: older versions, the whole European form, files that are no DUME, files that mean harm."""

import zlib

import pytest

from dce_templates.candidate.dume import dume
from dce_templates.candidate.espd import CAC, CBC, GROUNDS, RESPONSE
from dce_templates.candidate.read_dume import MAX_BYTES, DumeError, read_dume
from tests.dce_templates.candidate.sample import NOW, full

HEAD = f'<q:QualificationApplicationResponse xmlns:q="{RESPONSE}" xmlns:cac="{CAC}" xmlns:cbc="{CBC}">'
TAIL = "</q:QualificationApplicationResponse>"
PARTY = """<cac:EconomicOperatorParty><cac:Party>
<cac:PartyIdentification><cbc:ID>000 010 017 00010</cbc:ID></cac:PartyIdentification>
<cac:PartyName><cbc:Name>Entreprise d’Essai</cbc:Name></cac:PartyName>
<cac:Contact><cbc:ElectronicMail>{mail}</cbc:ElectronicMail></cac:Contact></cac:Party></cac:EconomicOperatorParty>"""


def question(number: str, kind: str, words: str = "Your answer") -> str:
    return (
        f"<cac:TenderingCriterionProperty><cbc:ID>{number}</cbc:ID><cbc:Description>{words}</cbc:Description>"
        f"<cbc:TypeCode>QUESTION</cbc:TypeCode><cbc:ValueDataTypeCode>{kind}</cbc:ValueDataTypeCode>"
        "</cac:TenderingCriterionProperty>"
    )


def criterion(number: str, inside: str, name: str = "Critère") -> str:
    return (
        f"<cac:TenderingCriterion><cbc:ID>{number}</cbc:ID><cbc:Name>{name}</cbc:Name>{inside}</cac:TenderingCriterion>"
    )


def group(number: str, inside: str) -> str:
    body = f"<cbc:ID>{number}</cbc:ID>{inside}"
    return f"<cac:TenderingCriterionPropertyGroup>{body}</cac:TenderingCriterionPropertyGroup>"


def answer(number: str, value: str) -> str:
    value = f"<cac:ResponseValue>{value}</cac:ResponseValue>" if "Period" not in value else value
    return (
        f"<cac:TenderingCriterionResponse><cbc:ValidatedCriterionPropertyID>{number}"
        f"</cbc:ValidatedCriterionPropertyID>{value}</cac:TenderingCriterionResponse>"
    )


def file(inside: str, version: str = "2.1.1-EXTENDED", mail: str = "a@b.example") -> bytes:
    profile = f"<cbc:ProfileExecutionID>ESPD-EDMv{version}</cbc:ProfileExecutionID>"
    return (HEAD + profile + PARTY.format(mail=mail) + inside + TAIL).encode()


YEARS = "499efc97-2ac1-4af2-9e84-323c2ca67747"


def older(version: str) -> bytes:
    """In versions 2 and 3 each exercice has its own group, its own questions and numbers that only the file knows."""
    groups = group("g1", question("q1", "PERIOD") + question("q2", "AMOUNT"))
    groups += group("g2", question("q3", "PERIOD") + question("q4", "AMOUNT"))
    end = "<cac:ApplicablePeriod><cbc:EndDate>{}</cbc:EndDate></cac:ApplicablePeriod>"
    money = '<cbc:ResponseAmount currencyID="EUR">{}</cbc:ResponseAmount>'
    answers = answer("q1", end.format("2025-12-31+01:00")) + answer("q2", money.format("100"))
    answers += answer("q4", money.format("90.5")) + answer("q3", end.format("2024-12-31"))
    return file(criterion(YEARS, groups) + answers, version)


@pytest.mark.parametrize("version", ["2.1.1-EXTENDED", "3.0.0", "3.3.0", "4.0.0"])
def test_older_versions_are_read(version: str) -> None:
    found = read_dume(older(version))
    assert (found.siret, found.version, found.unknown) == ("00001001700010", version, ())
    assert found.answers.identity.name == "Entreprise d’Essai"
    assert [(str(y.ends_on), str(y.amount)) for y in found.answers.turnovers] == [
        ("2025-12-31", "100"), ("2024-12-31", "90.5"),
    ]  # fmt: skip


def grounds(said: dict[str, str]) -> bytes:
    made = "".join(criterion(g.uuid, group(g.code, question(g.code, "INDICATOR"))) for g in GROUNDS if g.code in said)
    made += "".join(
        answer(code, f"<cbc:ResponseIndicator>{value}</cbc:ResponseIndicator>") for code, value in said.items()
    )
    return file(made)


def test_a_declaration_is_never_guessed() -> None:
    every = {ground.code: "false" for ground in GROUNDS}
    assert read_dume(grounds(every)).answers.declarations.no_exclusion is True
    assert read_dume(grounds(dict(list(every.items())[1:]))).answers.declarations.no_exclusion is None
    assert read_dume(grounds(every | {"fraud": "peut-être"})).answers.declarations.no_exclusion is None
    found = read_dume(grounds(every | {"fraud": "true"})).answers.declarations
    assert (found.no_exclusion, found.grounds) == (False, ("fraud",))


def test_what_is_not_understood_is_listed() -> None:
    made = criterion("00000000-0000", group("g", question("q", "INDICATOR")), "Qualité environnementale")
    made += answer("q", "<cbc:ResponseIndicator>true</cbc:ResponseIndicator>")
    found = read_dume(file(made, mail="pas une adresse"))
    assert found.unknown == ("Qualité environnementale", "Valeur écartée : contact.email")
    assert found.answers.contact.email == ""
    assert found.answers.identity.name == "Entreprise d’Essai"


def test_a_mask_is_never_copied() -> None:
    text = dume(full(), NOW).decode().replace("1 RUE DES ESSAIS", "[ND]").replace("ESSAIVILLE", "[NON-DIFFUSIBLE]")
    found = read_dume(text.encode()).answers.identity
    assert (found.street, found.city, found.postcode) == ("", "", "00000")


def test_our_extension_is_as_little_trusted_as_the_rest() -> None:
    text = dume(full(), NOW).decode()
    start, end = (
        text.index('{"currency"') if '{"currency"' in text else text.index('{"declarations"'),
        text.index("</mps:"),
    )
    for own in (
        "{",
        "[]",
        "[" * 5000,
        '{"group": 3, "references": {}, "shares": 1, "identity": [], "insurance": {"x": 1}}',
    ):
        found = read_dume((text[:start] + own.replace("&", "&amp;") + text[end:]).encode())
        assert found.answers.identity.name == "Boulangerie Neuve"
        assert found.unknown


BAD = {
    "": "ce n’est pas du XML",
    "bonjour": "ce n’est pas du XML",
    "<a>": "ce n’est pas du XML",
    "<a/>": "n’est pas un DUME",
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>': "DOCTYPE",
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>': "DOCTYPE",
    '<ESPDResponse xmlns="urn:grow:names:specification:ubl:schema:xsd:ESPDResponse-1"/>': "trop ancienne",
    '<QualificationApplicationRequest xmlns="urn:x"/>': "demande d’un acheteur",
    "<QualificationApplicationResponse/>": "n’est pas un DUME",
    "<a>" * 5000: "ce n’est pas du XML",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_dume_gets_its_sentence(text: str) -> None:
    with pytest.raises(DumeError) as caught:
        read_dume(text.encode())
    assert BAD[text] in caught.value.sentence


def test_a_doctype_in_another_encoding_is_seen() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(DumeError) as caught:
        read_dume(text.encode("utf-16"))
    assert "DOCTYPE" in caught.value.sentence


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(DumeError) as caught:
        read_dume(zlib.decompress(zlib.compress(b"<a>" * MAX_BYTES)))
    assert "trop gros" in caught.value.sentence


def test_ten_thousand_questions_take_their_time_but_end() -> None:
    inside = "".join(group(f"g{n}", question(f"q{n}", "INDICATOR")) for n in range(5000))
    found = read_dume(file(criterion("0", inside)))
    assert found.unknown == ()
