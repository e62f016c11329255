"""DECP documents whose records are written in other shapes than the form wants, and long ones."""

from dataclasses import replace

import pytest

from procurement.publication.check import check_document
from procurement.publication.decp import record, to_json, to_text, to_xml
from tests.procurement.publication.test_decp import CONCESSION, CONTRACT, HOLDER, TODAY


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
