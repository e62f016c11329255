"""The tests about clauses and the words of the file."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from dce_templates import french
from dce_templates.catalogue import Clause, ClauseError, clause_of, from_annex, required_by, standing, values
from dce_templates.check_tools import Check, Context, Patch, Problem
from dce_templates.dossier import ClauseChoice
from dce_templates.facts import facts_of
from dce_templates.fields import Model
from dce_templates.schemas import listing, outdated, short_name
from dce_templates.view import penalties


def clause_vars(c: Context) -> Iterator[Problem]:
    for index, choice in enumerate(c.dossier.clauses):
        if choice.refused_motive:
            continue
        try:
            values(clause_of(choice.id, c.clauses), choice, from_annex(c.dossier))
        except ClauseError as error:
            yield Problem(
                f"Clause {choice.id} : {error}",
                "Renseignez la variable, ou retirez la clause.",
                f"clauses.{index}",
            )


def clause_conflict(c: Context) -> Iterator[Problem]:
    chosen = Counter(choice.id for choice in c.dossier.clauses)
    for name, count in chosen.items():
        if count > 1:
            yield Problem(f"La clause {name} est choisie {count} fois.", "Gardez-en une seule.", "clauses")
    taken = {choice.id for choice in c.taken() if choice.id in c.clauses}
    for name in sorted(taken):
        for other in sorted(taken & set(c.clauses[name].meta.excludes)):
            yield Problem(f"Les clauses {name} et {other} se contredisent.", "Retirez l'une des deux.", "clauses")


def clause_requires(c: Context) -> Iterator[Problem]:
    taken = {choice.id for choice in c.taken() if choice.id in c.clauses}
    for name in sorted(taken):
        for other in sorted(set(required_by(c.clauses[name], facts_of(c.dossier))) - taken):
            yield Problem(
                f"La clause {name} demande la clause {other}.", f"Ajoutez la clause {other}.", "clauses",
                _take(c, other),
            )  # fmt: skip


def _take(c: Context, name: str) -> Patch | None:
    """Take a clause, where nothing need be written in it, nor is it settled otherwise."""
    clause = c.clauses.get(name)
    if clause is None or any(choice.id == name for choice in c.dossier.clauses):
        return None
    try:
        values(clause, ClauseChoice(id=name), from_annex(c.dossier))
    except ClauseError:
        return None
    return Patch(f"Prendre la clause {name}", "clauses.+", {"id": name, "version": clause.meta.version})


def _newer(newer: Clause, choice: ClauseChoice, index: int) -> Patch | None:
    if not set(choice.vars) <= set(newer.meta.variables):
        return None
    return Patch(f"Prendre la version {newer.meta.version}", f"clauses.{index}.version", newer.meta.version)


def clause_mandatory(c: Context) -> Iterator[Problem]:
    """A clause that the law imposes here is taken, or refused with a motive."""
    settled = {choice.id for choice in c.dossier.clauses}
    facts = facts_of(c.dossier)
    for name, clause in c.clauses.items():
        stands = standing(clause, facts) if clause.in_force(c.dossier.launched_on) else None
        if stands and stands.level == "mandatory" and name not in settled:
            yield Problem(
                f"La clause {name} manque. {stands.because}",
                "Prenez cette clause, ou écrivez pourquoi vous ne la prenez pas.",
                "clauses",
                _take(c, name),
            )


def personal_annex(c: Context) -> Iterator[Problem]:
    if c.dossier.personal_data and c.dossier.processing is None:
        yield Problem(
            "Le marché touche à des données personnelles, et leur traitement n'est pas décrit.",
            "Dites pourquoi, sur qui, quelles données et combien de temps : l'annexe en est faite.",
            "processing",
        )


def clause_dates(c: Context) -> Iterator[Problem]:
    for choice in c.taken():
        clause = c.clauses.get(choice.id)
        if clause and not clause.in_force(c.dossier.launched_on):
            yield Problem(
                f"La clause {choice.id} n'est pas en vigueur à la date de lancement.",
                "Prenez la version en vigueur, ou retirez la clause.",
                "clauses",
            )


def clause_versions(c: Context) -> Iterator[Problem]:
    """The version kept by the dossier is the one in force, or somebody knows that it is not."""
    for index, choice in enumerate(c.dossier.clauses):
        clause = c.clauses.get(choice.id)
        if clause is None or choice.refused_motive:
            continue
        if choice.version and choice.version != clause.meta.version:
            yield Problem(
                f"La clause {choice.id} a été prise dans sa version {choice.version}, qui n'existe plus : la version"
                f" {clause.meta.version} la remplace.",
                "Relisez la clause, puis enregistrez la page des clauses.",
                f"clauses.{index}",
            )
        elif clause.newer is not None:
            yield Problem(
                f"La clause {choice.id} est dans sa version {clause.meta.version} ; la version"
                f" {clause.newer.meta.version} a été approuvée depuis.",
                "Lisez la nouvelle version et prenez-la, ou gardez celle-ci.",
                f"clauses.{index}",
                _newer(clause.newer, choice, index),
            )


def dataset_schemas(c: Context) -> Iterator[Problem]:
    """A schema that nobody published cannot be followed; a former version is a question."""
    known = listing()
    for index, item in enumerate(c.dossier.datasets):
        name, version = short_name(item.schema_id), item.schema_id.partition("@")[2]
        if not item.schema_id:
            continue
        if name not in known.latest:
            yield Problem(
                f"Le schéma « {item.schema_id} » n'est pas dans la liste nationale relevée"
                f" {french.reading(known.read_on)}.",
                "Vérifiez son nom sur schema.data.gouv.fr, ou décrivez le format dans l'annexe.",
                f"datasets.{index}.schema_id",
            )
        elif outdated(version, known.latest[name]):
            yield Problem(
                f"Le schéma « {name} » est demandé en version {version} ; la {known.latest[name]} est plus récente.",
                f"Demandez la version {known.latest[name]}, ou gardez celle-ci si vos outils la suivent.",
                f"datasets.{index}.schema_id",
                Patch(
                    f"Demander la version {known.latest[name]}",
                    f"datasets.{index}.schema_id",
                    f"{item.schema_id.partition('@')[0]}@{known.latest[name]}",
                ),
            )


def data_penalties(c: Context) -> Iterator[Problem]:
    """What the data clause may add up to stays under the ceiling of all penalties."""
    choice = next((choice for choice in c.taken() if choice.id == "OD-21" and choice.id in c.clauses), None)
    if choice is None:
        return
    try:
        own = values(c.clauses[choice.id], choice, from_annex(c.dossier)).get("cap_percent")
    except ClauseError:
        return  # clause_vars says it
    _, cap, _ = penalties(c.dossier)
    if isinstance(own, int) and Decimal(own) / 100 > cap:
        yield Problem(
            f"Les pénalités de données peuvent atteindre {own}\u00a0% du montant, le plafond de toutes les pénalités"
            f" est de {french.percent(cap)}.",
            "Baissez le plafond de la clause OD-21, ou relevez celui du marché.",
            "penalties.cap",
        )


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Model):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}.{index}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}")


def dead_references(c: Context) -> Iterator[Problem]:
    for path, text in _texts(c.dossier):
        for pattern in c.rule.patterns:
            if found := re.search(pattern, text, re.IGNORECASE):
                yield Problem(
                    f"Le texte cite « {found.group()} », qui n'est plus en vigueur.",
                    "Remplacez cette référence par le texte en vigueur.",
                    path,
                )


def placeholders(c: Context) -> Iterator[Problem]:
    for path, text in _texts(c.dossier):
        if found := re.search(r"\{\{|\{%|\bXXX+\b|\bà compléter\b|\[\.\.\.\]|\bTODO\b", text, re.IGNORECASE):
            yield Problem(f"Un texte reste à écrire : « {found.group()} ».", "Complétez ce texte.", path)


CLAUSE_CHECKS: dict[str, Check] = {
    "clause_vars": clause_vars,
    "clause_conflict": clause_conflict,
    "clause_requires": clause_requires,
    "clause_mandatory": clause_mandatory,
    "personal_annex": personal_annex,
    "clause_dates": clause_dates,
    "clause_versions": clause_versions,
    "dataset_schemas": dataset_schemas,
    "data_penalties": data_penalties,
    "dead_references": dead_references,
    "placeholders": placeholders,
}
