"""What is asked of a data set: a schema that exists, in a version that is not behind."""

import pytest

from dce_templates.schemas import listing, outdated, short_name
from tests.dce_templates.test_checks import findings


def test_names_are_read_with_or_without_their_group_and_prefix() -> None:
    for name in ("etalab/schema-comptage-mobilites@0.2.4", "comptage-mobilites@9", "x/Comptage-Mobilites@0"):
        assert short_name(name) in listing().latest


@pytest.mark.parametrize(
    ("version", "latest", "behind"),
    [("0.2.3", "0.2.4", True), ("0.2.4", "0.2.4", False), ("0.2.10", "0.2.9", False), ("1", "1.0.1", True),
     ("v1", "2.0.0", False), ("", "1.0", False)],
)  # fmt: skip
def test_a_version_is_behind_or_not_judged(version: str, latest: str, behind: bool) -> None:
    assert outdated(version, latest) is behind


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("etalab/schema-inconnu@1.0.0", "n'est pas dans la liste nationale relevée le 28 mars 2024"),
        ("etalab/schema-comptage-mobilites@0.1.0", "en version 0.1.0 ; la 0.2.4 est plus récente"),
        ("etalab/schema-comptage-mobilites@0.3.0", ""),
        ("", ""),
    ],
)
def test_an_unknown_or_former_schema_is_a_question(schema: str, sentence: str) -> None:
    found = findings({"datasets.0.schema_id": schema}).get("dataset_schemas")
    assert sentence in (found.message if found else "")
    assert (found is None) == (not sentence)
    assert found is None or not found.blocks
