"""The directory file: what it says of some buyers, and one sentence where it is wrong."""

import json
from typing import Any

import pytest

from procurement.invoicing.directory import Directory, DirectoryUnreadable, Recipient, load_directory

SIRET = "90000002700012"


def told(**structure: Any) -> str:
    return json.dumps({"version": 1, "structures": [{"siret": SIRET, **structure}]})


def test_the_file_says_what_each_buyer_asks_for() -> None:
    asks = {"engagement": True, "later": 1}
    assert load_directory(told(services=["VOIRIE"], requires=asks)) == Directory(
        {SIRET: Recipient(engagement_required=True, services=frozenset({"VOIRIE"}))}, whole=False
    )


def test_what_a_buyer_asks_for_is_unknown_until_it_is_said() -> None:
    found = load_directory(told())
    assert (found.judges(SIRET, "listed"), found.judges(SIRET, "asked")) == (True, False)
    assert not found.judges("90000003500015", "listed")
    assert load_directory(told()[:-1] + ', "complete": true}').judges("90000003500015", "asked")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "fichier"),
        ('{"version": 1}', "structures"),
        ('{"version": 1, "structures": []}', "structures"),
        (told(services="VOIRIE"), "structures.0.services"),
        (told().replace(SIRET, "12"), "structures.0.siret"),
        (told(requires={"engagement": "peut-être"}), "structures.0.requires.engagement"),
    ],
)
def test_a_wrong_file_is_one_sentence(text: str, field: str) -> None:
    with pytest.raises(DirectoryUnreadable) as error:
        load_directory(text)
    assert error.value.sentence == f"Annuaire illisible : {field} : champ absent, ou valeur refusée."
