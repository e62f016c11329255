"""A DECP document against our JSON Schema or XSD, then against the rules that make each record usable.

To be run in a worker process: the file comes from anyone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any

from lxml import etree

from procurement.invoicing.hardened import XmlRefused, parse_xml
from procurement.invoicing.schema import schema_errors
from procurement.publication.decp import (
    CONCESSION,
    JSON_NAMES,
    MARCHE,
    OBJECT_LISTS,
    VALUE_LISTS,
    from_text,
    to_json,
    to_xml,
)
from procurement.publication.json_file import MOST_DIGITS, JsonRefused, Validator, load_json, looks_like_xml
from procurement.publication.rules import ACT_ERRORS, ACT_QUALITY, DUPLICATE, ERRORS, QUALITY, Act, Record

MAX_BYTES = 50 * 1024 * 1024
MAX_ERRORS = 50
# Unknown fields of one object.
MOST_NAMED = 10
# A group may well have more than three members, of whom the consolidation keeps three; and La Poste has the SIRET that
# it has.
BEARABLE = ("DECP-Q-TITULAIRES", "DECP-LA-POSTE")
KINDS = (MARCHE, CONCESSION)
# marches, then the kind, then the place.
RECORD_DEPTH = 3
_HERE = files("procurement.publication")
_TRUE = {"true": True, "1": True, "oui": True, "false": False, "0": False, "non": False}


class DecpUnreadable(Exception):
    """The file is not a DECP document at all; `sentence` is French and shown to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class DecpFinding:
    """`level`: schema, error (the record is dropped by the consolidation) or quality (it is kept)."""

    rule: str
    path: str
    message: str
    level: str


@dataclass(frozen=True)
class DecpReport:
    """`exploitable`: at least one record, and none that the consolidation would drop."""

    format: str
    records: int
    schema_valid: bool
    exploitable: bool
    findings: tuple[DecpFinding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for JSON."""
        plain = asdict(self)
        return plain | {"findings": list(plain["findings"])}


def check_document(content: bytes, today: date | None = None) -> DecpReport:
    """Check a JSON or XML document. `today` is the day no date may pass; None leaves that rule out.

    Raises DecpUnreadable with a French sentence.
    """
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n"):
        raise DecpUnreadable("Ce fichier est vide.")
    if len(content) > MAX_BYTES:
        raise DecpUnreadable(f"Ce fichier est trop gros ({MAX_BYTES // (1024 * 1024)} Mo au plus).")
    form, found, records = ("xml", *_from_xml(content)) if looks_like_xml(content) else ("json", *_from_json(content))
    judged = list(_judge(records, today))
    exploitable = bool(records) and all(finding.level != "error" for finding in judged)
    valid = all(finding.level != "schema" for finding in found)
    return DecpReport(form, len(records), valid, exploitable, (*found, *judged))


def check_document_dict(content: bytes, today: date | None = None) -> dict[str, Any]:
    """`check_document` as plain data, for callers in another process."""
    return check_document(content, today).as_dict()


def check_record(text: str, today: date) -> list[tuple[str, str]]:
    """(rule, French sentence) of all that keeps a record of ours from being published; empty where nothing does.

    `text` is the record as `to_text` writes it. Both forms are checked: what JSON lets through, XML may refuse.
    """
    made, found = from_text(text), []
    for content in (to_json([made]), to_xml([made])):
        report = check_document(content, today)
        found += [(each.rule, each.message) for each in report.findings if each.rule not in BEARABLE]
    return list(dict.fromkeys(found))


Raw = tuple[str, str, Mapping[str, Any]]
# List of a record, name of its objects, their day of notification, their other days and their amounts.
ACTS = (
    (
        "modifications", "modification", "dateNotificationModification",
        ("dateSignatureModification", "datePublicationDonneesModification"), ("montant", "valeurGlobale"),
    ),
    ("actesSousTraitance", "acteSousTraitance", "dateNotification", ("datePublicationDonnees",), ("montant",)),
    (
        "modificationsActesSousTraitance", "modificationActeSousTraitance",
        "dateNotificationModificationSousTraitance", ("datePublicationDonnees",), ("montant",),
    ),
)  # fmt: skip


def _from_json(content: bytes) -> tuple[list[DecpFinding], list[Raw]]:
    try:
        document, twice = load_json(content)
    except JsonRefused as error:
        raise DecpUnreadable(error.sentence) from error
    found = [DecpFinding("SCHEMA", "/", _TWICE.format(name=name[:60]), "schema") for name in twice[:MAX_ERRORS]]
    if isinstance(document, dict) and isinstance(document.get("marches"), list):
        records = [("marche", f"/marches/{i}", each) for i, each in enumerate(document["marches"]) if _is_map(each)]
        return [*found, OLD], records
    errors = islice(_validator().iter_errors(document), MAX_ERRORS)
    return found + [_json_finding(error) for error in errors], list(_json_records(document))


_TWICE = (
    "Le champ « {name} » figure deux fois dans le même objet : chaque lecteur garde la valeur qu’il veut. N’en laissez "
    "qu’un."
)


def _json_finding(error: Any) -> DecpFinding:
    """A field of nobody's is refused on the record itself; deeper, the State's JSON schema lets it through."""
    is_borne = error.validator == "additionalProperties" and len(error.absolute_path) != RECORD_DEPTH
    rule, level = ("DECP-Q-CHAMP", "quality") if is_borne else ("SCHEMA", "schema")
    return DecpFinding(rule, _path(error.absolute_path), _json_sentence(error), level)


# The arrêté of 22 March 2019, replaced in 2024.
OLD = DecpFinding(
    "DECP-ANCIEN-FORMAT",
    "/marches",
    "Ce document suit l’ancien format de 2019, où « marches » est une liste : depuis 2024, c’est un objet avec les "
    "listes « marche » et « contrat-concession ».",
    "schema",
)


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


@lru_cache(maxsize=1)
def _validator() -> Any:
    schema = json.loads(_HERE.joinpath("decp.schema.json").read_text("utf-8"))
    return Validator(schema, format_checker=Validator.FORMAT_CHECKER)


def _path(parts: Any) -> str:
    return "/" + "/".join(str(part) for part in parts)


def _json_sentence(error: Any) -> str:
    plain = isinstance(error.instance, dict | list)
    value = "Cette valeur" if plain else f"« {_literal(error.instance)[:60]} »"
    limit = error.validator_value
    match error.validator:
        case "required":
            missing = [name for name in limit if name not in error.instance]
            return f"Champ obligatoire absent : {', '.join(missing)}."
        case "additionalProperties":
            known = error.schema.get("properties", {})
            odd = [name[:60] for name in error.instance if name not in known]
            more = f" et {len(odd) - MOST_NAMED} autres" if len(odd) > MOST_NAMED else ""
            return f"Champ inconnu : {', '.join(odd[:MOST_NAMED])}{more}."
        case "enum":
            return f"{value} n’est pas dans la liste : {', '.join(map(str, limit))}."
        case "type":
            return f"{value} n’est pas du type attendu ({_TYPES.get(limit, limit)})."
        case "minItems" | "minProperties" | "minLength":
            return "La valeur est vide ou trop courte : un champ sans valeur se retire du document."
        case "uniqueItems":
            return "La même valeur y est donnée deux fois."
        case "maxLength":
            return f"{value} dépasse {limit} caractères."
        case "minimum" | "maximum":
            return f"{value} est hors des bornes ({'minimum' if error.validator == 'minimum' else 'maximum'} {limit})."
    return f"{value} n’a pas la forme attendue."


_TYPES = {
    "object": "un objet",
    "array": "une liste",
    "string": "un texte",
    "number": "un nombre",
    "integer": "un nombre entier",
    "boolean": "true ou false",
}


def _literal(value: Any) -> str:
    """A value as JSON writes it."""
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def _json_records(document: Any) -> Iterator[Raw]:
    envelope = document.get("marches") if isinstance(document, dict) else None
    for kind in KINDS:
        items = envelope.get(kind) if isinstance(envelope, dict) else None
        # One contract alone, as converters from XML write it, breaks the schema and is judged all the same.
        for number, item in enumerate(items if isinstance(items, list) else [items]):
            if isinstance(item, dict):
                yield kind, f"/marches/{kind}/{number}", item


def _from_xml(content: bytes) -> tuple[list[DecpFinding], list[Raw]]:
    try:
        tree = parse_xml(content, MAX_BYTES)
    except XmlRefused as error:
        raise DecpUnreadable(error.sentence) from error
    errors = schema_errors(tree, str(_HERE.joinpath("decp.xsd")))
    found = [DecpFinding("SCHEMA", path, message, "schema") for path, message in errors]
    kinds = KINDS if tree.tag == "marches" else ()
    return found, [
        (kind, f"/marches/{kind}[{number}]", _plain(node))
        for kind in kinds
        for number, node in enumerate(tree.iterchildren(kind), 1)
    ]


def _plain(node: etree._Element) -> dict[str, Any]:
    """The XML record in the shape of the JSON one; values stay strings."""
    return {str(child.tag): _value(child) for child in node}


def _value(node: etree._Element) -> Any:
    name = str(node.tag)
    if name in VALUE_LISTS:
        return {VALUE_LISTS[name]: [(child.text or "").strip() for child in node]}
    if name in OBJECT_LISTS:
        child_name = JSON_NAMES.get(OBJECT_LISTS[name], OBJECT_LISTS[name])
        return [{child_name: _plain(child)} for child in node]
    return _plain(node) if len(node) else (node.text or "").strip()


def _judge(records: list[Raw], today: date | None) -> Iterator[DecpFinding]:
    if not records:
        yield DecpFinding("DECP-VIDE", "/marches", "Ce document ne contient aucun contrat.", "error")
    seen: set[tuple[object, ...]] = set()
    for kind, path, raw in records:
        each = _record(kind, raw, today)
        for level, rules in (("error", ERRORS), ("quality", QUALITY)):
            for code, message, holds in rules:
                if not holds(each):
                    yield DecpFinding(code, path, message, level)
        for act in each.acts:
            for level, act_rules in (("error", ACT_ERRORS), ("quality", ACT_QUALITY)):
                for code, message, sound in act_rules:
                    if not sound(each, act):
                        yield DecpFinding(code, path + act.place, message, level)
        if each.key in seen:
            yield DecpFinding(DUPLICATE[0], path, DUPLICATE[1], "error")
        seen.add(each.key)


def _record(kind: str, raw: Mapping[str, Any], today: date | None) -> Record:
    is_concession = kind == CONCESSION
    holders, holder = ("concessionnaires", "concessionnaire") if is_concession else ("titulaires", "titulaire")
    return Record(
        kind=kind,
        id=_text(raw.get("id")),
        buyer=_text(_inner(raw.get("autoriteConcedante" if is_concession else "acheteur"), "id")),
        subject=_text(raw.get("objet")),
        cpv=_text(raw.get("codeCPV")),
        amount=_decimal(raw.get("valeurGlobale" if is_concession else "montant")),
        months=_integer(raw.get("dureeMois")),
        holders=_holders(raw.get(holders), holder),
        notified_on=_text(raw.get("dateSignature" if is_concession else "dateNotification")),
        published_on=_text(raw.get("datePublicationDonnees")),
        considerations=tuple(
            _values(raw.get(name), VALUE_LISTS[name]) for name in VALUE_LISTS if name.startswith("considerations")
        ),
        from_europe=_decimal(raw.get("origineUE")),
        from_france=_decimal(raw.get("origineFrance")),
        starts_on=_text(raw.get("dateDebutExecution")),
        acts=tuple(_acts(raw)),
        advance=_boolean(raw.get("attributionAvance")),
        advance_rate=_decimal(raw.get("tauxAvance")),
        today=today,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _values(value: Any, name: str) -> tuple[str, ...]:
    inner = _inner(value, name)
    return tuple(_text(item) for item in inner) if isinstance(inner, list) else ()


def _acts(raw: Mapping[str, Any]) -> Iterator[Act]:
    """Modifications and subcontracts of a record, in whatever shape the lists come."""
    for place, name, notified, days, amounts in ACTS:
        for number, item in enumerate(_items(raw.get(place), name)):
            if _is_map(item):
                yield Act(
                    f"/{place}/{number}",
                    (_text(item[notified]),) if notified in item else (),
                    tuple(_text(item[day]) for day in days if day in item),
                    tuple(_decimal(item[each]) for each in amounts if each in item),
                    _integer(item["dureeMois"]) if "dureeMois" in item else None,
                    "dureeMois" in item,
                    (*_holders(item.get("titulaires"), "titulaire"), *_holders([item.get("sousTraitant")], "")),
                )


def _items(value: Any, name: str) -> list[Any]:
    """The objects of a list: each under its name as the form wants, bare as in 2019, or nested in one object."""
    inner = value.get(name) if isinstance(value, Mapping) and name in value else value
    items = inner if isinstance(inner, list) else [inner]
    return [item[name] if isinstance(item, Mapping) and name in item else item for item in items if item is not None]


def _holders(value: Any, name: str) -> tuple[tuple[str, str], ...]:
    found = _items(value, name)
    return tuple((_text(_inner(item, "typeIdentifiant")), _text(_inner(item, "id"))) for item in found)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    text = str(value)
    if len(text) > MOST_DIGITS or not text.isascii() or "_" in text:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= MOST_DIGITS else None


def _integer(value: Any) -> int | None:
    number = _decimal(value)
    return int(number) if number is not None and number == number.to_integral_value() and abs(number) < 10**9 else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _TRUE.get(_text(value).lower())
