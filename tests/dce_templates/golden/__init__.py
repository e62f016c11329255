"""The eight golden dossiers: one per kind of contract, whole, and the words of every document they make.

`python -m tests.dce_templates.golden` writes those words anew: read the difference before it is committed.
"""

from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from dce_templates.assemble import assemble, kinds_of
from dce_templates.blocks import Document, words_of
from dce_templates.dossier import Dossier, parse_dossier
from dce_templates.strict_yaml import read_mapping
from procurement.rules import rule_table

HERE = Path(__file__).parent
NAMES = ("fcs_mapa", "tic_saas", "pi_study", "works_lots", "moe", "dsp_water", "bike_concession", "framework")
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def data_of(name: str) -> dict[str, Any]:
    """The dossier as plain data, to be changed at will. The concession of bikes is the shipped example."""
    if name == "bike_concession":
        return read_mapping(resources.files("dce_templates").joinpath("concession.yaml").read_text(encoding="utf-8"))
    texts = [(HERE / f"{part}.yaml").read_text(encoding="utf-8") for part in ("common", name)]
    common, own = map(read_mapping, texts)
    return common | own


@cache
def golden(name: str) -> Dossier:
    return parse_dossier(data_of(name))


def documents(name: str) -> dict[str, Document]:
    """Every document of the dossier, by kind and lot."""
    whole = golden(name)
    figures = rule_table().in_force(whole.launched_on).figures
    return {
        f"{kind}{part.suffix}": assemble(kind, part, figures)
        for kind in kinds_of(whole)
        for part in (whole.parts if kind == "ae" else (whole,))
    }


def text_of(name: str) -> str:
    """The words of every document, one stretch a line."""
    return "".join(f"==== {kind}\n{words_of(document)}\n\n" for kind, document in documents(name).items())
