"""DECP documents whose records are written in other shapes than the form wants, and long ones.

What the State's own schemas let through is not said to break them: only the consolidation drops it, or nobody.
"""

from dataclasses import replace
from typing import Any

import pytest

from procurement.publication.check import check_document, check_record
from procurement.publication.decp import record, to_json, to_text, to_xml
from tests.procurement.publication.test_decp import CONCESSION, CONTRACT, FULL, HOLDER, TODAY, Writer


def test_one_contract_alone_is_judged_though_it_breaks_the_schema() -> None:
    report = check_document(to_json([]).replace(b"[]", to_text(record(CONTRACT)).encode()), TODAY)
    assert (report.records, report.schema_valid, report.exploitable) == (1, False, True)


@pytest.mark.parametrize(
    "holders",
    [
        [{"id": HOLDER.id, "typeIdentifiant": "SIRET"}],
        {"titulaire": [{"id": HOLDER.id, "typeIdentifiant": "SIRET"}]},
        {"titulaire": {"id": HOLDER.id, "typeIdentifiant": "SIRET"}},
    ],
)
def test_lists_of_other_shapes_are_read_but_break_the_schema(holders: object) -> None:
    report = check_document(to_json([record(CONTRACT) | {"titulaires": holders}]), TODAY)
    assert (report.schema_valid, report.exploitable) == (False, True)


def test_a_place_in_a_long_document_is_its_number() -> None:
    """Records are numbered as they are read: counting back from each made a long document take minutes."""
    records = [record(replace(CONTRACT, id=f"2026-{number}")) for number in range(3)]
    wrong = record(replace(CONTRACT, id="2026-9", months=200))
    found = check_document(to_xml([*records, wrong, CONCESSION | {"dureeMois": 400}]), TODAY).findings
    assert [finding.path for finding in found] == ["/marches/marche[4]", "/marches/contrat-concession[1]"]


def test_a_field_more_inside_a_record_is_told_and_breaks_nothing() -> None:
    named = {"titulaire": {"id": HOLDER.id, "typeIdentifiant": "SIRET", "denominationSociale": "Essai"}}
    made = record(CONTRACT) | {"titulaires": [named]}
    report = check_document(to_json([made]), TODAY)
    assert (report.schema_valid, report.exploitable) == (True, True)
    assert [(finding.rule, finding.path, finding.message) for finding in report.findings] == [
        ("DECP-Q-CHAMP", "/marches/marche/0/titulaires/0/titulaire", "Champ inconnu : denominationSociale.")
    ]
    assert check_record(to_text(made), TODAY), "what we write ourselves has no such field"
    assert not check_document(to_json([record(CONTRACT) | {"couleur": "bleu"}]), TODAY).schema_valid


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (
            {"titulaires": [{"titulaire": {"id": "CH1234567890123456789", "typeIdentifiant": "HORS-UE"}}]},
            "ID-TITULAIRE",
        ),
        ({"objet": "", "codeCPV": "45233141-9"}, ""),
        ({"objet": "", "codeCPV": "45233141"}, "OBJET"),
        ({"objet": "Pont", "codeCPV": "45233141"}, "OBJET"),
        ({"lieuExecution": {"code": "", "typeCode": "Code postal"}}, ""),
    ],
)
def test_what_no_schema_of_the_state_limits(write: Writer, changed: dict[str, Any], rule: str) -> None:
    report = check_document(write([record(CONTRACT) | changed]), TODAY)
    assert (report.schema_valid, report.exploitable) == (True, not rule)
    assert [finding.rule for finding in report.findings] == [f"DECP-{rule}"] * bool(rule)


@pytest.mark.parametrize(
    "changed",
    [
        {"titulaires": [{"titulaire": {"id": HOLDER.id, "typeIdentifiant": "SIRET"}}] * 2},
        {"techniques": {"technique": ["Concours", "Concours"]}},
        {"modifications": record(FULL)["modifications"] * 2},
    ],
)
def test_a_value_given_twice_breaks_the_json_schema_alone(changed: dict[str, Any]) -> None:
    made = record(CONTRACT) | changed
    assert [finding.message for finding in check_document(to_json([made]), TODAY).findings] == [
        "La même valeur y est donnée deux fois."
    ]
    assert check_document(to_xml([made]), TODAY).schema_valid


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize("day", ["dateNotificationModificationSousTraitance", "datePublicationDonnees"])
def test_a_changed_act_has_both_its_days(write: Writer, day: str) -> None:
    change = {
        "id": 1,
        "dateNotificationModificationSousTraitance": "2026-06-01",
        "datePublicationDonnees": "2026-06-02",
    }
    whole, short = ({"modificationActeSousTraitance": each} for each in (change, _without(change, day)))
    assert check_document(write([record(FULL) | {"modificationsActesSousTraitance": [whole]}]), TODAY).findings == ()
    report = check_document(write([record(FULL) | {"modificationsActesSousTraitance": [short]}]), TODAY)
    assert not report.schema_valid


@pytest.mark.parametrize("write", [to_json, to_xml])
def test_the_yearly_figures_of_a_concession_have_their_day(write: Writer) -> None:
    year = {
        "datePublicationDonneesExecution": "2026-10-01",
        "depensesInvestissement": 0,
        "tarifs": [{"tarif": {"intituleTarif": "Heure", "tarif": 2}}],
    }
    whole, short = ({"donneesAnnuelles": each} for each in (year, _without(year, "datePublicationDonneesExecution")))
    assert check_document(write([CONCESSION | {"donneesExecution": [whole]}]), TODAY).findings == ()
    assert not check_document(write([CONCESSION | {"donneesExecution": [short]}]), TODAY).schema_valid


def _without(said: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key != name}


def test_a_day_with_a_time_zone_keeps_the_xml_schema_and_is_dropped() -> None:
    made = to_xml([record(CONTRACT)]).replace(b"<dateNotification>2026-03-01", b"<dateNotification>2026-03-01+01:00")
    report = check_document(made, TODAY)
    assert (report.schema_valid, report.exploitable) == (True, False)
    assert [finding.rule for finding in report.findings] == ["DECP-DATE-NOTIFICATION"]


def test_an_origin_left_empty_is_none_in_xml() -> None:
    made = to_xml([record(FULL)])
    for share, name in ((b"0.8", b"origineUE"), (b"0.5", b"origineFrance")):
        made = made.replace(b"<%s>%s<" % (name, share), b"<%s><" % name)
    assert made.count(b"<origineUE><") == 1
    assert check_document(made, TODAY).findings == ()
