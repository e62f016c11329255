"""A modification notice: what separates two versions of a dossier, in sentences, as a document like the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from dce_templates import french
from dce_templates.blocks import Block, Document, Fields, Heading, Items, Note, Para
from dce_templates.catalogue import Clause, catalogue
from dce_templates.dossier import ClauseChoice, Dataset, Dossier
from dce_templates.law import Figure
from dce_templates.lots import Criterion
from dce_templates.markup import restore
from dce_templates.notice_points import APART, POINTS, UNTOLD, beside
from dce_templates.view import view

TITLE = "Avis de modification du dossier"
_LONGEST = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed:
    """Sentences by subject; all empty where nothing that is published changed."""

    deadlines: tuple[str, ...]
    points: tuple[str, ...]
    clauses: tuple[str, ...]
    pieces: tuple[str, ...]

    @property
    def anything(self) -> bool:
        return any((self.deadlines, self.points, self.clauses, self.pieces))


def changed(
    before: Dossier, after: Dossier, figures: Mapping[str, Figure], clauses: Mapping[str, Clause] | None = None
) -> Changed:
    """What a reader of the documents must know; never the estimate. `figures`: those in force at launch."""
    left, right = view(before, figures), view(after, figures)
    points = [
        _said(point.label, point.words(before, left), point.words(after, right))
        for point in POINTS
        if point.words(before, left) != point.words(after, right)
    ]
    told = {point.field for point in POINTS} | UNTOLD | APART
    others = [name for name in type(after).model_fields if name not in told]
    if any(getattr(before, name) != getattr(after, name) for name in others) or beside(before) != beside(after):
        points.append("D’autres points du dossier changent : les documents les disent.")
    return Changed(
        tuple(_deadlines(before, after)),
        (*points, *_criteria(before.criteria, after.criteria)),
        tuple(_clauses(before.clauses, after.clauses, catalogue() if clauses is None else clauses)),
        (
            *_listed("Pièce", before.attachments, after.attachments),
            *_listed("Livrable", before.deliverables, after.deliverables),
            *_datasets(before.datasets, after.datasets),
        ),
    )


def _said(label: str, before: str, after: str) -> str:
    if max(len(before), len(after)) > _LONGEST:
        return f"{label} : texte réécrit, à relire dans les documents."
    if not before:
        return f"{label} : {after} (rien n’était écrit)."
    if not after:
        return f"{label} : plus rien, au lieu de « {before} »."
    return f"{label} : {after}, au lieu de « {before} »."


def _deadlines(before: Dossier, after: Dossier) -> Iterator[str]:
    yield from _moved("La date limite de réception des plis", before.deadline, after.deadline)
    yield from _moved("La date limite des questions", before.questions_deadline, after.questions_deadline)


def _moved(label: str, before: datetime | None, after: datetime | None) -> Iterator[str]:
    if before == after:
        return
    if before is None and after is not None:
        yield f"{label} est fixée au {french.moment(after)} ; il n’y en avait pas."
    elif after is None and before is not None:
        yield f"{label}, qui était le {french.moment(before)}, est supprimée."
    elif after is not None and before is not None:
        verb = "reportée" if after > before else "avancée"
        yield f"{label} est {verb} au {french.moment(after)} ; elle était fixée au {french.moment(before)}."


def _both(before: Sequence[T], after: Sequence[T], key: Callable[[T], str]) -> Iterator[tuple[str, T | None, T | None]]:
    left, right = ({key(item): item for item in items} for items in (before, after))
    for name in dict.fromkeys([*left, *right]):
        if left.get(name) != right.get(name):
            yield name, left.get(name), right.get(name)


def _clauses(
    before: Sequence[ClauseChoice], after: Sequence[ClauseChoice], library: Mapping[str, Clause]
) -> Iterator[str]:
    taken = [[choice for choice in choices if not choice.refused_motive] for choices in (before, after)]
    for name, left, right in _both(taken[0], taken[1], lambda choice: choice.id):
        known = library.get(name)
        title = f"La clause {name}" + (f" « {restore(known.meta.title)} »" if known else "")
        if left is None:
            yield f"{title} est ajoutée."
        elif right is None:
            yield f"{title} est retirée."
        else:
            labels = {key: variable.label for key, variable in known.meta.variables.items()} if known else {}
            names = [key for key in {**left.vars, **right.vars} if left.vars.get(key) != right.vars.get(key)]
            said = [labels.get(key, key) for key in names]
            said += [f"version {right.version} du texte"] if left.version != right.version and right.version else []
            yield f"{title} change : {' ; '.join(said)}." if said else f"{title} change."


def _criteria(before: Sequence[Criterion], after: Sequence[Criterion]) -> Iterator[str]:
    for _, left, right in _both(before, after, lambda item: item.id):
        if left is None and right is not None:
            yield f"Le critère « {right.label} » est ajouté, avec un poids de {french.number(right.weight)}\u00a0%."
        elif right is None and left is not None:
            yield f"Le critère « {left.label} », qui pesait {french.number(left.weight)}\u00a0%, est retiré."
        elif left is not None and right is not None and left.weight != right.weight:
            weights = f"{french.number(right.weight)}\u00a0% au lieu de {french.number(left.weight)}\u00a0%"
            yield f"Le critère « {right.label} » pèse {weights}."
        elif right is not None:
            yield f"Le critère « {right.label} » est réécrit : son nom, sa méthode ou ses sous-critères changent."


def _datasets(before: Sequence[Dataset], after: Sequence[Dataset]) -> Iterator[str]:
    for _, left, right in _both(before, after, lambda item: item.id):
        if left is None and right is not None:
            yield f"Le jeu de données « {right.title} » est ajouté."
        elif right is None and left is not None:
            yield f"Le jeu de données « {left.title} » est retiré."
        elif right is not None:
            yield f"Le jeu de données « {right.title} » change : l’annexe technique dit comment."


def _listed(label: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    yield from (f"{label} ajouté{_e(label)} : {item.rstrip(' ;.')}." for item in after if item not in before)
    yield from (f"{label} retiré{_e(label)} : {item.rstrip(' ;.')}." for item in before if item not in after)


def _e(label: str) -> str:
    return "e" if label == "Pièce" else ""


def notice(
    before: Dossier,
    after: Dossier,
    figures: Mapping[str, Figure],
    *,
    version: int,
    now: datetime,
    rewritten: Sequence[str] = (),
    same: Sequence[str] = (),
    clauses: Mapping[str, Clause] | None = None,
) -> Document:
    """The notice of `version`. `rewritten` and `same`: titles of the documents whose words changed, or did not."""
    found = changed(before, after, figures, clauses)
    blocks: list[Block] = [Note(" ".join(found.deadlines))] if found.deadlines else []
    blocks += [*_about(after, version, now)]
    for title, sentences in (
        ("Délais", found.deadlines),
        ("Ce qui change dans le dossier", found.points),
        ("Clauses", found.clauses),
        ("Pièces, livrables et données", found.pieces),
    ):
        if sentences:
            blocks += [Heading(1, title, f"notice{len(blocks)}"), Items(tuple(map(restore, sentences)))]
    if not found.anything:
        blocks.append(Para("Aucun point du dossier ne change : les documents sont produits de nouveau, à l’identique."))
    blocks += [Heading(1, "Documents", f"notice{len(blocks)}"), *_documents(rewritten, same)]
    blocks += [Heading(1, "Ce que vous avez à faire", f"notice{len(blocks)}"), *_to_do(after)]
    return Document("notice", TITLE, restore(after.object), after.reference, restore(after.buyer.name), tuple(blocks))


def _about(after: Dossier, version: int, now: datetime) -> Iterator[Block]:
    rows = (
        ("Consultation", after.reference),
        ("Objet", restore(after.object)),
        ("Version du dossier", f"{version}, qui remplace la version {version - 1}"),
        ("Date de la modification", french.moment(now)),
    )
    yield Fields("La consultation", rows)


def _documents(rewritten: Sequence[str], same: Sequence[str]) -> Iterator[Block]:
    if rewritten:
        yield Para(
            "Ces documents changent. Pour chacun, un fichier « modifications » montre ce qui est ajouté et retiré,"
            " en marques de révision de Word :"
        )
        yield Items(tuple(map(restore, rewritten)))
    if same:
        yield Para("Le texte de ces documents ne change pas : " + ", ".join(map(restore, same)) + ".")
    yield Para("Seule la version en vigueur compte. Le manifeste donne l’empreinte de chacun de ses fichiers.")


def _to_do(after: Dossier) -> Iterator[Block]:
    yield Para(
        f"Si vous n’avez pas encore répondu, répondez à cette version avant le {french.moment(after.deadline)}. Un pli"
        " déjà déposé reste valable ; vous pouvez en déposer un autre dans ce délai : seul le dernier reçu est ouvert."
    )
