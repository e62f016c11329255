"""What an edit can break: the list of derogations, the words that every document shares, references, gaps, brands."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dce_templates.brands import brands
from dce_templates.dossier import Dossier
from dce_templates.drift_sections import Pair, Section, Side
from dce_templates.drift_shared import Shared, shared_words
from dce_templates.law import Figure, Rule
from dce_templates.word.text import Line
from dce_templates.wording import excerpt, plain, word_changes, words

DEAD = "dead_references"
_GAP = re.compile(r"\{\{|\{%|\bXXX+\b|\bà compléter\b|\[\.\.\.\]|\bTODO\b|\[[A-ZÀ-Ýa-zà-ÿ][^\[\]]{5,}\]", re.IGNORECASE)
_DEPARTS = re.compile(r"\bdérog\w*\b.{0,30}?\barticles? (\d+(?:\.\d+)*).{0,40}?\bCCAG", re.IGNORECASE)
_LIST = "dérogations"
_ARTICLE = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing to mend. `place`: the article or clause; `paragraph`: its rank among the lines that have words."""

    id: str
    severity: Literal["block", "warn"]
    message: str
    fix: str
    place: str
    paragraph: int


def broken(
    before: Side,
    after: Side,
    pairs: Sequence[Pair],
    dossier: Dossier,
    figures: Mapping[str, Figure],
    rules: Iterable[Rule],
) -> tuple[Broken, ...]:
    """The findings, blocking ones first. Only what the edit wrote or took away is looked at."""
    shared = shared_words(dossier, figures)
    found = [*_derogations(before, after), *_elsewhere(after), *_values(pairs, shared)]
    found += _wording(_new_lines(before, after), after, tuple(rules))
    return tuple(sorted(dict.fromkeys(found), key=lambda item: item.severity))


def _places(needle: tuple[str, ...], text: tuple[str, ...]) -> list[int]:
    size = len(needle)
    return [i for i in range(len(text) - size + 1) if text[i] == needle[0] and text[i : i + size] == needle]


def _values(pairs: Sequence[Pair], shared: Sequence[Shared]) -> Iterator[Broken]:
    """Where a shared word stood and stands no more; then any other figure changed by hand."""
    for before, after in pairs:
        if before is None or after is None or _is_list(after):
            continue
        left, right = words(before.text), words(after.text)
        for i, j, k, m in word_changes(left, right):
            lost = [
                item
                for item in shared
                if item.about in before.text and _lost(words(item.text), left, right, i, j, k, m)
            ]
            yield from (_no_more(item, after) for item in lost)
            if not lost and any(c.isdigit() for word in (*left[i:j], *right[k:m]) for c in word):
                yield _figure(after, left[i:j], right[k:m], right[max(0, k - 4) : k])


def _lost(
    needle: tuple[str, ...], left: tuple[str, ...], right: tuple[str, ...], i: int, j: int, k: int, m: int
) -> bool:
    """Whether the change from left[i:j] to right[k:m] hits these words; elsewhere in the same article they may move."""
    places = _places(needle, left)
    if not any(place < j and i < place + len(needle) for place in places):
        return False
    return len(_places(needle, right)) < len(places) or any(c.isdigit() for word in right[k:m] for c in word)


def _no_more(item: Shared, section: Section) -> Broken:
    return Broken(
        "single_source", "block",
        f"Dans « {section.title} », {item.label} n’est plus « {item.text} », qu’écrivent le dossier et les autres"
        " documents.",
        f"Changez-le dans le dossier ({item.field}) et produisez de nouveau les documents, ou remettez ces mots.",
        section.title, section.lines[0].number,
    )  # fmt: skip


def _figure(section: Section, before: Sequence[str], after: Sequence[str], around: Sequence[str]) -> Broken:
    was, now, near = (excerpt(" ".join(part)) for part in (before, after, around))
    return Broken(
        "figure_changed", "warn",
        f"Dans « {section.title} », un chiffre a été changé à la main après « {near} » : « {was or 'rien'} » est devenu"
        f" « {now or 'rien'} ».",
        "Vérifiez que les autres documents disent la même chose.",
        section.title, section.lines[0].number,
    )  # fmt: skip


def _is_list(section: Section) -> bool:
    """Whether it is the last article, where derogations are listed."""
    return not section.clause and plain(section.title).lower().startswith(_LIST)


def _rows(side: Side) -> dict[str, tuple[str, str, Line]]:
    """The list of the last article: article of the CCAG → (article of the CCAP, subject, line); none: no list."""
    held = [section for section in side.sections if _is_list(section)]
    rows: dict[tuple[int, int], list[Line]] = {}
    for line in held[-1].lines if held else ():
        if line.cell and line.cell[1] > 1:
            rows.setdefault(line.cell[:2], []).append(line)
    found = {}
    for cells in rows.values():
        general = next((m.group() for line in cells if line.cell and line.cell[2] == 2 and (m := _number(line))), "")
        own = next((m.group() for line in cells if line.cell and line.cell[2] == 1 and (m := _number(line))), "")
        subject = " ".join(line.text for line in cells if line.cell and line.cell[2] == 3)
        found[general] = (own, subject, cells[0])
    return found


def _number(line: Line) -> re.Match[str] | None:
    return _ARTICLE.search(plain(line.text))


def _derogations(before: Side, after: Side) -> Iterator[Broken]:
    """The computed list against the edited one, and what each of its rows points at."""
    wanted, written = _rows(before), _rows(after)
    fix = "Remettez la liste calculée : elle se déduit des clauses et des chiffres du dossier."
    for general in wanted.keys() - written.keys():
        message = f"La liste des dérogations ne cite plus l’article {general} du CCAG ({wanted[general][1]})."
        yield Broken("derogations", "block", message, fix, "Dérogations", after.lines[-1].number)
    for general in sorted(written.keys() - wanted.keys()):
        message = (
            f"La liste des dérogations cite l’article {general or '(vide)'} du CCAG, que rien du dossier ne demande."
        )
        yield Broken("derogations", "block", message, fix, "Dérogations", written[general][2].number)
    titles = [{s.number: s.heads for s in side.sections if s.number} for side in (before, after)]
    for general in sorted(wanted.keys() & written.keys()):
        own, line = written[general][0], written[general][2]
        if titles[0].get(wanted[general][0]) != titles[1].get(own):
            message = (
                f"La ligne de l’article {general} du CCAG renvoie à l’article {own or '(vide)'}, qui n’est plus le bon."
            )
            yield Broken(
                "derogations", "block", message, "Corrigez le numéro dans la liste.", "Dérogations", line.number
            )


def _elsewhere(after: Side) -> Iterator[Broken]:
    """A derogation written in an article and absent from the list."""
    listed = set(_rows(after))
    for section in after.sections:
        if _is_list(section):
            continue
        for line in section.lines:
            for found in _DEPARTS.finditer(plain(line.text)):
                if found[1] not in listed:
                    yield Broken(
                        "derogations", "block",
                        f"« {section.title} » déroge à l’article {found[1]} du CCAG, que la liste ne cite pas.",
                        "Ajoutez-le à la liste des dérogations, ou retirez la dérogation.",
                        section.title, line.number,
                    )  # fmt: skip


def _new_lines(before: Side, after: Side) -> list[Line]:
    known = {words(line.text) for line in before.lines}
    return [line for line in after.lines if words(line.text) not in known]


def _wording(lines: Sequence[Line], after: Side, rules: Sequence[Rule]) -> Iterator[Broken]:
    titles = {line.number: section.title for section in after.sections for line in section.lines}
    for line in lines:
        title, text = titles.get(line.number, ""), plain(line.text)
        for words_found in dead_references(text, rules):
            yield Broken(
                DEAD, "warn", f"Le texte cite « {words_found} », qui n’est plus en vigueur.",
                "Remplacez cette référence par le texte en vigueur.", title, line.number,
            )  # fmt: skip
        if gap := _GAP.search(text):
            yield Broken(
                "placeholders", "block", f"Un texte reste à écrire : « {excerpt(gap.group())} ».",
                "Complétez ce texte.", title, line.number,
            )  # fmt: skip
        for name, _ in brands(text):
            yield Broken(
                "brand_names", "warn", f"« {name} » est-il une marque ? Rien ne dit « ou équivalent ».",
                "Décrivez la fonction attendue, ou ajoutez « ou équivalent ».", title, line.number,
            )  # fmt: skip


def dead_references(text: str, rules: Iterable[Rule]) -> Iterator[str]:
    """What the text cites of repealed law, by the patterns of the rules; `text` is plain."""
    for rule in rules:
        if rule.id == DEAD:
            for pattern in rule.patterns:
                yield from (found.group() for found in re.finditer(pattern, text, re.IGNORECASE))
