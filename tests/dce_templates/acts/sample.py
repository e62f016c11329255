"""An amendment and a declaration of subcontracting as data, and ways to change them."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import Any

from dce_templates.acts.amendment import Amendment
from dce_templates.acts.minutes import Decision, Deposit, Minutes
from dce_templates.acts.subcontract import Subcontract
from dce_templates.dossier import parse_model
from dce_templates.strict_yaml import read_mapping
from tests.dce_templates.sample import NOW, dossier
from tests.factories import make_siret

DATASET = {"id": "comptages", "title": "Comptages routiers"}


def example(name: str) -> dict[str, Any]:
    """The shipped example of one act."""
    text = resources.files("dce_templates").joinpath("acts", f"{name}.yaml").read_text(encoding="utf-8")
    return read_mapping(text)


def amendment_data(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return changed(example("amendment"), changes or {})


def subcontract_data(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return changed(example("subcontract"), changes or {})


def changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values replaced by path (`contract.kind`); None removes a key."""
    found = deepcopy(data)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = found
        for name in parents:
            place = place[name]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return found


def amendment(changes: Mapping[str, Any] | None = None) -> Amendment:
    return parse_model(Amendment, amendment_data(changes))


def subcontract(changes: Mapping[str, Any] | None = None) -> Subcontract:
    return parse_model(Subcontract, subcontract_data(changes))


def minutes() -> Minutes:
    """Two deposits, a late one, the decision taken."""
    at = NOW - timedelta(days=3)
    names = (("Capteurs et Mesures SAS", "winner", ""), ("Trafic Conseil SARL", "aside", "Attestation non produite."))
    deposits = tuple(
        Deposit(name, make_siret(6100 + n), at, 2, 1, Decimal(84000 + n), True, "ab" * 32, standing, motive)  # type: ignore[arg-type]
        for n, (name, standing, motive) in enumerate(names)
    )
    decision = Decision(Decimal(84000), "La meilleure note sur les deux critères.", NOW, "agent@exemple.fr")
    over = (("L2113-10", "besoin unique", "agent@exemple.fr", at),)
    return Minutes(
        dossier(), at, 1, at, at, "agent@exemple.fr", "https://ailleurs.exemple.fr", "cd" * 32, deposits,
        (("Retard et Fils", at),), over, decision, threshold=Decimal(216000),
    )  # fmt: skip
