"""The contract sheet handed to the accounting officer: the content of a PES Marché, in a layout of our own.

The official schema of PES Marché is not public in a form that could be read here: this XML holds what it asks for
(sheet, holders, amounts, modifications, subcontract acts, sequence), ready to be converted by whoever has the schema.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

LAYOUT = "mps-fiche-marche-1"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
Facts = Mapping[str, Any]


def sheet(facts: Facts, sequence: int) -> bytes:
    """The XML of one sending. `facts`: nested mappings, lists and plain values; a list names its elements in `item`.

    Sequence 1 is the initial sending, any other corrects the whole sheet: the receiver takes the last one.
    """
    root = etree.Element("ficheMarche", {"format": LAYOUT})
    header = etree.SubElement(root, "envoi")
    etree.SubElement(header, "sequence").text = str(sequence)
    etree.SubElement(header, "nature").text = "initial" if sequence == 1 else "correctif"
    for name, value in facts.items():
        _put(root, name, value)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _put(parent: Any, name: str, value: Any) -> None:
    """Nothing is written for what is not known."""
    if value is None or value == "":
        return
    one = etree.SubElement(parent, name)
    if isinstance(value, Mapping):
        for child, inner in value.items():
            _put(one, child, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _put(one, ITEMS[name], inner)
    else:
        one.text = _CONTROL.sub(" ", str(value))


ITEMS: Mapping[str, str] = {
    "titulaires": "titulaire", "modifications": "modification", "actesSousTraitance": "acteSousTraitance",
    "tranches": "tranche", "cpv": "code",
}  # fmt: skip


def canonical(facts: Facts) -> bytes:
    """The same bytes for the same facts, whatever the sequence: what tells that nothing changed."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str).encode()
