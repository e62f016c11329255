"""What the State's consolidation keeps though it looks poor, and drops though it is right: no more, no less."""

from decimal import Decimal
from typing import Any

import pytest

from procurement.publication.check import check_document, check_record
from procurement.publication.decp import record, to_json, to_text, to_xml
from tests.factories import make_siret
from tests.procurement.publication.test_decp import CONCESSION, CONTRACT, TODAY, Writer, codes


def holders(*said: tuple[str, str]) -> dict[str, Any]:
    return {"titulaires": [{"titulaire": {"typeIdentifiant": kind, "id": identifier}} for kind, identifier in said]}


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize("amount", [200_000_000, 1_000_000_000, 3_000_000_000, 222_222_000])
def test_round_amounts_are_no_filling(write: Writer, amount: int) -> None:
    """Noughts are not counted: a contract of 200 million is one."""
    assert check_document(write([record(CONTRACT) | {"montant": Decimal(amount)}]), TODAY).findings == ()


@pytest.mark.parametrize("amount", [111_111_111, 999_999_988, 222_222_022])
def test_one_digit_again_and_again_is_one(amount: int) -> None:
    report = check_document(to_json([record(CONTRACT) | {"montant": Decimal(amount)}]), TODAY)
    assert (codes(report), report.exploitable) == ({"DECP-MONTANT-FACTICE"}, False)


@pytest.mark.parametrize(
    ("said", "rule", "kept"),
    [
        (holders(("RIDET", "AB12345678")), "", True),
        (holders(("TVA", "0123456749")), "DECP-Q-IDENTIFIANT", True),
        (holders(("SIRET", make_siret(1)), ("TVA", "")), "", True),
        (holders(("SIRET", make_siret(1)), ("SIRET", "")), "DECP-ID-TITULAIRE", False),
        (holders(("SIRET", make_siret(1)), ("SIRET", "123")), "DECP-ID-TITULAIRE", False),
        (holders(*(("SIRET", make_siret(n)) for n in range(3)), ("SIRET", "123")), "DECP-Q-TITULAIRES", True),
    ],
)
def test_identifiers_of_holders(said: dict[str, Any], rule: str, kept: bool) -> None:
    report = check_document(to_json([record(CONTRACT) | said]), TODAY)
    assert (codes(report), report.exploitable) == ({rule} - {""}, kept)


def test_a_second_holder_of_an_unknown_type_is_kept() -> None:
    made = record(CONTRACT) | holders(("SIRET", make_siret(1)), ("INCONNU", "1"))
    report = check_document(to_json([made]), TODAY)
    assert (codes(report), report.exploitable) == ({"SCHEMA", "DECP-Q-IDENTIFIANT"}, True)


def test_a_siret_of_la_poste_is_right_is_dropped_and_may_be_published() -> None:
    """Its establishments follow a key of their own, which the consolidation does not know."""
    made = record(CONTRACT) | holders(("SIRET", "35600000009075"))
    report = check_document(to_json([made]), TODAY)
    assert (codes(report), report.schema_valid, report.exploitable) == ({"DECP-LA-POSTE"}, True, False)
    assert check_record(to_text(made), TODAY) == []


@pytest.mark.parametrize("write", [to_json, to_xml])
@pytest.mark.parametrize(
    ("changed", "found", "kept"),
    [
        ({"objet": "Eau"}, set(), True),
        ({"datePublicationDonnees": "2026-13-01"}, {"DECP-Q-DATE-PUBLICATION"}, True),
        ({"dateDebutExecution": "2026-13-01"}, {"DECP-Q-DEBUT"}, True),
        (
            {"datePublicationDonnees": "2026-13-01", "dateDebutExecution": "2026-13-01"},
            {"DECP-DATE-CONCESSION", "DECP-Q-DEBUT"},
            False,
        ),
        (
            {"considerationsSociales": {"considerationSociale": ["Clause sociale", "Pas de considération sociale"]}},
            {"DECP-Q-CONSIDERATIONS"},
            True,
        ),
    ],
)
def test_a_concession_is_read_otherwise(write: Writer, changed: dict[str, Any], found: set[str], kept: bool) -> None:
    report = check_document(write([CONCESSION | changed]), TODAY)
    assert (codes(report) - {"SCHEMA"}, report.exploitable) == (found, kept)


def test_two_concessions_are_one_where_they_start_the_same_day() -> None:
    other = CONCESSION | {"dateSignature": "2026-01-11"}
    assert codes(check_document(to_json([CONCESSION, other]), TODAY)) == {"DECP-DOUBLON"}
    later = CONCESSION | {"dateDebutExecution": "2026-04-01"}
    assert check_document(to_json([CONCESSION, later]), TODAY).findings == ()
