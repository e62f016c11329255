"""The essential data of a contract (DECP): one record per contract or lot, as JSON and as XML.

Fields: arrêtés of 22 December 2022 (in force since 2024-01-01). A published value is never edited: a change appends a
`modification` and leaves `datePublicationDonnees` as it was.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

NO_SOCIAL = "Pas de considération sociale"
NO_ENVIRONMENT = "Pas de considération environnementale"
# List fields that hold plain values: parent → child. In JSON {"techniques": {"technique": [...]}}.
VALUE_LISTS: Mapping[str, str] = {
    "techniques": "technique",
    "modalitesExecution": "modaliteExecution",
    "typesPrix": "typePrix",
    "considerationsSociales": "considerationSociale",
    "considerationsEnvironnementales": "considerationEnvironnementale",
}
# List fields that hold objects: parent → child. In JSON [{"titulaire": {...}}].
OBJECT_LISTS: Mapping[str, str] = {
    "titulaires": "titulaire",
    "concessionnaires": "concessionnaire",
    "actesSousTraitance": "acteSousTraitance",
    "modifications": "modification",
    "modificationsActesSousTraitance": "modificationActesSousTraitance",
    "donneesExecution": "donneesAnnuelles",
    "tarifs": "tarif",
}
# The one child whose name differs between the two formats.
JSON_NAMES: Mapping[str, str] = {"modificationActesSousTraitance": "modificationActeSousTraitance"}
_OF_MARCHE = ("dateNotificationModification", "montant")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Operator:
    """A holder or a subcontractor. `kind` is SIRET, TVA, TAHITI, RIDET, FRWF, IREP or HORS-UE."""

    id: str
    kind: str = "SIRET"


@dataclass(frozen=True)
class Subcontract:
    """One declared subcontract (acte de sous-traitance); `number` counts from 1."""

    number: int
    operator: Operator
    months: int
    notified_on: date
    published_on: date
    amount: Decimal
    price_change: str = "Ferme"


@dataclass(frozen=True)
class Change:
    """One change of the contract (modification); what did not change stays None."""

    number: int
    notified_on: date
    published_on: date
    months: int | None = None
    amount: Decimal | None = None
    holders: tuple[Operator, ...] = ()


@dataclass(frozen=True)
class DecpContract:
    """What the record of a marché says, in the words of the lists of the arrêté.

    `notified_on` is the date the holder received the notification; `amount` the initial amount or estimated maximum,
    excluding VAT; `months` includes tranches and renewals, rounded up; `offers` counts irregular offers too.
    """

    id: str
    buyer_siret: str
    subject: str
    cpv: str
    procedure: str
    ccag: str
    months: int
    notified_on: date
    published_on: date
    amount: Decimal
    offers: int
    place_code: str
    place_kind: str
    holders: tuple[Operator, ...]
    nature: str = "Marché"
    price_form: str = "Forfaitaire"
    price_types: tuple[str, ...] = ("Définitif ferme",)
    techniques: tuple[str, ...] = ("Sans objet",)
    execution: tuple[str, ...] = ("Sans objet",)
    grouping: str = "Pas de groupement"
    innovative: bool = False
    advance: bool = False
    advance_rate: Decimal | None = None
    subcontracting: bool = False
    social: tuple[str, ...] = (NO_SOCIAL,)
    environmental: tuple[str, ...] = (NO_ENVIRONMENT,)
    framework_id: str | None = None
    from_europe: Decimal | None = None
    from_france: Decimal | None = None
    subcontracts: tuple[Subcontract, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class DecpConcession:
    """What the record of a contrat de concession says; `value` (the whole) and `subsidy` (public money) in euros."""

    id: str
    buyer_siret: str
    nature: str
    subject: str
    procedure: str
    months: int
    signed_on: date
    published_on: date
    starts_on: date
    value: Decimal
    subsidy: Decimal
    holders: tuple[Operator, ...]
    social: tuple[str, ...] = (NO_SOCIAL,)
    environmental: tuple[str, ...] = (NO_ENVIRONMENT,)


@dataclass(frozen=True)
class ConcessionYear:
    """What a concession publishes each year: investments in euros, and its tariffs as (title, euros)."""

    day: date
    invested: Decimal
    tariffs: tuple[tuple[str, Decimal], ...]


MARCHE, CONCESSION = "marche", "contrat-concession"


def kind_of(made: Mapping[str, Any]) -> str:
    """Which of the two lists a record belongs to."""
    return CONCESSION if "autoriteConcedante" in made else MARCHE


def concession_record(contract: DecpConcession) -> dict[str, Any]:
    """The record of a concession in the shape of the JSON form: the fourteen fields that are required."""
    return {
        "id": contract.id,
        "autoriteConcedante": {"id": contract.buyer_siret},
        "nature": contract.nature,
        "objet": clean(contract.subject)[:1000],
        "procedure": contract.procedure,
        "dureeMois": contract.months,
        "dateSignature": contract.signed_on.isoformat(),
        "datePublicationDonnees": contract.published_on.isoformat(),
        "dateDebutExecution": contract.starts_on.isoformat(),
        "valeurGlobale": contract.value,
        "montantSubventionPublique": contract.subsidy,
        "concessionnaires": [{"concessionnaire": _operator(holder)} for holder in contract.holders],
        "considerationsSociales": {"considerationSociale": list(contract.social)},
        "considerationsEnvironnementales": {"considerationEnvironnementale": list(contract.environmental)},
    }


def year_object(year: ConcessionYear) -> dict[str, Any]:
    """One `donneesAnnuelles` of a concession."""
    return {
        "datePublicationDonneesExecution": year.day.isoformat(),
        "depensesInvestissement": year.invested,
        "tarifs": [{"tarif": {"intituleTarif": clean(title)[:256], "tarif": price}} for title, price in year.tariffs],
    }


def record(contract: DecpContract) -> dict[str, Any]:
    """The record in the shape of the JSON form; what is unknown is left out, never null nor empty."""
    rest = {
        "idAccordCadre": contract.framework_id or None,
        "tauxAvance": contract.advance_rate,
        "origineUE": contract.from_europe,
        "origineFrance": contract.from_france,
        "actesSousTraitance": [{"acteSousTraitance": subcontract_object(part)} for part in contract.subcontracts],
        "modifications": [{"modification": change_object(change)} for change in contract.changes],
    }
    return _required(contract) | {name: value for name, value in rest.items() if value is not None and value != []}


def _required(contract: DecpContract) -> dict[str, Any]:
    return {
        "id": contract.id,
        "acheteur": {"id": contract.buyer_siret},
        "nature": contract.nature,
        "objet": clean(contract.subject)[:1000],
        "codeCPV": contract.cpv,
        "techniques": {"technique": list(contract.techniques)},
        "modalitesExecution": {"modaliteExecution": list(contract.execution)},
        "marcheInnovant": contract.innovative,
        "ccag": contract.ccag,
        "offresRecues": contract.offers,
        "attributionAvance": contract.advance,
        "typeGroupementOperateurs": contract.grouping,
        "procedure": contract.procedure,
        "lieuExecution": {"code": contract.place_code, "typeCode": contract.place_kind},
        "dureeMois": contract.months,
        "dateNotification": contract.notified_on.isoformat(),
        "datePublicationDonnees": contract.published_on.isoformat(),
        "montant": contract.amount,
        "typesPrix": {"typePrix": list(contract.price_types)},
        "formePrix": contract.price_form,
        "titulaires": _operators(contract.holders),
        "sousTraitanceDeclaree": contract.subcontracting or bool(contract.subcontracts),
        "considerationsSociales": {"considerationSociale": list(contract.social)},
        "considerationsEnvironnementales": {"considerationEnvironnementale": list(contract.environmental)},
    }


def _operators(operators: Iterable[Operator]) -> list[dict[str, dict[str, str]]]:
    return [{"titulaire": _operator(operator)} for operator in operators]


def _operator(operator: Operator) -> dict[str, str]:
    return {"id": operator.id, "typeIdentifiant": operator.kind}


def subcontract_object(part: Subcontract) -> dict[str, Any]:
    """One `acteSousTraitance`."""
    return {
        "id": part.number,
        "sousTraitant": _operator(part.operator),
        "dureeMois": part.months,
        "dateNotification": part.notified_on.isoformat(),
        "datePublicationDonnees": part.published_on.isoformat(),
        "montant": part.amount,
        "variationPrix": part.price_change,
    }


def subcontract_change_object(part: Subcontract, modifies: int) -> dict[str, Any]:
    """One `modificationActeSousTraitance`: the act as it now is; its `id` is that of the act it modifies.

    Source: schema 2.0.3 of the essential data, « acte spécial de sous-traitance à modifier ».
    """
    return {
        "id": modifies,
        "dureeMois": part.months,
        "dateNotificationModificationSousTraitance": part.notified_on.isoformat(),
        "montant": part.amount,
        "datePublicationDonnees": part.published_on.isoformat(),
    }


def change_object(change: Change, kind: str = MARCHE) -> dict[str, Any]:
    """One `modification`; those of a concession have their own names, and no holders."""
    signed, value = ("dateSignatureModification", "valeurGlobale") if kind == CONCESSION else _OF_MARCHE
    said: dict[str, Any] = {
        "id": change.number,
        signed: change.notified_on.isoformat(),
        "datePublicationDonneesModification": change.published_on.isoformat(),
    }
    if change.months is not None:
        said["dureeMois"] = change.months
    if change.amount is not None:
        said[value] = change.amount
    if change.holders and kind == MARCHE:
        said["titulaires"] = _operators(change.holders)
    return said


def clean(text: str) -> str:
    """One line without control characters: XML cannot carry them."""
    return " ".join(_CONTROL.sub(" ", text).split())


def to_text(made: Mapping[str, Any]) -> str:
    """One record, or one object of a record, as it is kept: always the same characters for the same data."""
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"), default=_number)


def from_text(text: str) -> dict[str, Any]:
    """What `to_text` wrote; amounts with decimals come back as Decimal."""
    made: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return made


def to_json(records: Iterable[Mapping[str, Any]]) -> bytes:
    """The document `{"marches": {"marche": [...], "contrat-concession": [...]}}`, UTF-8; the second only where needed.

    Amounts are JSON numbers, as the published form wants.
    """
    lists: dict[str, list[Mapping[str, Any]]] = {MARCHE: []}
    for each in records:
        lists.setdefault(kind_of(each), []).append(each)
    return json.dumps({"marches": lists}, ensure_ascii=False, indent=1, default=_number).encode()


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is not part of a record")


def to_xml(records: Iterable[Mapping[str, Any]]) -> bytes:
    """The same records as an XML document `<marches><marche>…`, UTF-8. An empty list gives `<marches/>`."""
    root = etree.Element("marches")
    for each in records:
        _append(root, kind_of(each), each)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _append(parent: etree._Element, name: str, value: Any) -> None:
    node = etree.SubElement(parent, name)
    if isinstance(value, Mapping):
        for child, inner in value.items():
            for item in inner if isinstance(inner, list) and name in VALUE_LISTS else [inner]:
                _append(node, child, item)
    elif isinstance(value, list):
        child = OBJECT_LISTS[name]
        for item in value:
            _append(node, child, item[JSON_NAMES.get(child, child)])
    elif isinstance(value, bool):
        node.text = "true" if value else "false"
    elif isinstance(value, Decimal):
        node.text = f"{value:f}"
    else:
        node.text = clean(str(value))
