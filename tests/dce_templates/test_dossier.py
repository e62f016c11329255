import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import ValidationError

from dce_templates.dossier import DossierError, Holder, json_schema, load_dossier, parse_dossier
from tests.dce_templates.sample import changed, dossier, example_data, example_text

SCHEMA = Path(__file__).parents[2] / "docs" / "dossier.schema.json"


def test_the_example_is_read() -> None:
    found = load_dossier(example_text())
    assert found.buyer.address.postcode == "01234"
    assert str(found.estimated_amount) == "96000.00"
    assert found.deadline.utcoffset() is not None
    assert found.total_months == 36


def test_the_published_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json_schema()


def test_the_schema_tells_good_from_bad() -> None:
    validator = Draft202012Validator(json.loads(json_schema()))
    written = json.loads(dossier().model_dump_json(exclude_unset=True))
    assert list(validator.iter_errors(written)) == []
    assert list(validator.iter_errors({**written, "colour": "bleu"}))


def test_json_and_back_is_the_same_dossier() -> None:
    found = dossier()
    assert parse_dossier(json.loads(found.model_dump_json())) == found


def test_considerations_follow_the_documents() -> None:
    assert dossier().environmental_considerations == ("Clause environnementale", "Critère environnemental")
    assert dossier({"social_condition": None}).social_considerations == ("Pas de considération sociale",)


WRONG: dict[str, tuple[Mapping[str, Any], str, str]] = {
    "no launch date": ({"launched_on": None}, "launched_on", "obligatoire"),
    "unknown key": ({"colour": "blue"}, "colour", "inconnu"),
    "short siret": ({"buyer.siret": "123"}, "buyer.siret", "forme"),
    "amount in words": ({"estimated_amount": "beaucoup"}, "estimated_amount", "nombre"),
    "negative weight": ({"criteria.0.weight": "-1"}, "criteria.0.weight", "au moins 0"),
    "infinite weight": ({"criteria.0.weight": "Infinity"}, "criteria.0.weight", "nombre"),
    "deadline without zone": ({"deadline": "2027-01-15T12:00:00"}, "deadline", "fuseau"),
    "no date": ({"launched_on": "demain"}, "launched_on", "date"),
    "bad moment": ({"deadline": "demain"}, "deadline", "date et une heure"),
    "another procedure": ({"procedure": "loterie"}, "procedure", "mapa"),
    "yes": ({"personal_data": "peut-être"}, "personal_data", "true ou false"),
    "control character": ({"object": "abc\x07def"}, "object", "caractère interdit"),
    "text for a list": ({"criteria": "prix"}, "criteria", "liste"),
    "text for a mapping": ({"buyer": "Ville"}, "buyer", "clés"),
    "half a month": ({"duration_months": "1.5"}, "duration_months", "entier"),
    "address of offers": ({"offers_received_at": "javascript:alert(1)"}, "offers_received_at", ""),
    "too long": ({"object": "a" * 1001}, "object", "trop long"),
    "too many": ({"deliverables": ["a"] * 51}, "deliverables", "trop d'éléments"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_value_has_its_sentence(name: str) -> None:
    changes, path, words = WRONG[name]
    with pytest.raises(DossierError) as caught:
        parse_dossier(changed(changes))
    assert words in caught.value.errors[path]
    assert caught.value.errors[path].endswith(".")


BAD_YAML = {
    "a list": "- a",
    "empty": "",
    "not yaml": "a: [",
    "alias": "a: &x 1\nb: *x",
    "twice": "a: 1\na: 2",
    "key is no text": "[a]: 2",
    "tag": "a: !!python/object/apply:os.system ['true']",
    "deep": "[" * 5000,
    "huge": "a: " + "b" * 200_001,
    "control": "a: \x07",
}


@pytest.mark.parametrize("name", BAD_YAML)
def test_bad_yaml_is_one_sentence(name: str) -> None:
    with pytest.raises(DossierError) as caught:
        load_dossier(BAD_YAML[name])
    assert list(caught.value.errors) == [""]
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


ANY = st.recursive(st.none() | st.text(max_size=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.sampled_from(sorted(example_data())), ANY)
def test_any_data_is_read_or_refused_in_words(key: str, value: Any) -> None:
    sentences = ["Lu."]
    try:
        parse_dossier({**example_data(), key: value})
    except DossierError as error:
        sentences = list(error.errors.values())
    assert sentences
    assert all(sentence.endswith(".") for sentence in sentences)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with pytest.raises(DossierError):
        load_dossier(text)


def test_yaml_dump_of_the_data_reads_the_same() -> None:
    assert load_dossier(yaml.safe_dump(example_data(), allow_unicode=True)) == dossier()


def test_a_holder_without_amount_is_refused() -> None:
    with pytest.raises(ValidationError):
        Holder(name="Exemple", siret="99900001100018", amount=Decimal(0))
