"""XSD check: lxml on the hot path (0.2 ms), xmlschema only where it fails, for sentences a person can follow.

What xmlschema would take minutes over, or does not see, is told as lxml tells it, in French where it is plain.
"""

import copy
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import xmlschema
from lxml import etree

MAX_ERRORS = 20
# Elements and attributes: beyond, xmlschema is too slow.
SMALL = 3_000
_ABOUT = re.compile(r"Element '([^']*)'(?:, attribute '[^']*')?: (.*)", re.DOTALL)
_MISPLACED = re.compile(r"This element is not expected\.(?: Expected is (?:one of )?\( (.*) \)\.)?")
_MISSING = re.compile(r"Missing child element\(s\)\.(?: Expected is (?:one of )?\( (.*) \)\.)?")
_MOMENT = re.compile(r"[0-9TZ:.+-]+")


def schema_errors(tree: etree._Element, name: str) -> list[tuple[str, str]]:
    """(location, French sentence) per error against the XSD at path `name`, at most 20; empty where it holds."""
    schema = _compiled(name)
    if schema.validate(tree):
        return []
    bare = _with_bare_days(tree)
    if bare is not tree and schema.validate(bare):
        return []
    log: Any = schema.error_log
    plain = [_plain(error.line, error.message, error.path) for error in islice(log, MAX_ERRORS)]
    readable = islice(_readable(name).iter_errors(bare), MAX_ERRORS if _is_small(bare) else 0)
    said = [(short_path(error.path or ""), _sentence(error)) for error in readable]
    return said or plain or [("/", "Le fichier ne suit pas le schéma XML de sa syntaxe.")]


def _is_small(tree: etree._Element) -> bool:
    return bool(tree.xpath(f"count(//*) + count(//@*) <= {SMALL}"))


def _with_bare_days(tree: etree._Element) -> etree._Element:
    """The same without space around days and times, where XML Schema takes some and libxml2 none."""
    if not any(True for _ in _padded(tree)):
        return tree
    bare = copy.deepcopy(tree)
    for node in _padded(bare):
        node.text = (node.text or "").strip()
    return bare


def _padded(tree: etree._Element) -> Iterator[etree._Element]:
    for node in tree.iter(etree.Element):
        text = node.text or ""
        if (text[:1].isspace() or text[-1:].isspace()) and not len(node) and _MOMENT.fullmatch(text.strip()):
            yield node


def _plain(line: int, message: str, path: str | None) -> tuple[str, str]:
    """What lxml says of one error, and where."""
    place = path if path and "*" not in path else f"ligne {line}"
    found = _ABOUT.fullmatch(message.strip())
    if found is None:
        return (
            place,
            f"Le fichier ne suit pas le schéma XML de sa syntaxe ; le contrôle dit, en anglais : {message[:200]}",
        )
    tag = f"« {_local(found[1])} » (ligne {line})"
    if misplaced := _MISPLACED.fullmatch(found[2]):
        expected = _listed(misplaced[1])
        return place, f"L’élément {tag} n’est pas à sa place" + (f" ; attendu ici : {expected}." if expected else ".")
    if missing := _MISSING.fullmatch(found[2]):
        return place, f"Il manque un élément dans {tag} : {_listed(missing[1]) or 'un élément obligatoire'}."
    return place, f"L’élément {tag} n’est pas admis par le schéma ; le contrôle dit, en anglais : {found[2][:200]}"


def _listed(names: str | None) -> str:
    return ", ".join(f"« {_local(name.strip())} »" for name in (names or "").split(",")[:4] if name.strip())


@lru_cache(maxsize=16)
def _compiled(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(name))


@lru_cache(maxsize=4)
def _readable(name: str) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(name, validation="lax", allow="local")


def _sentence(error: xmlschema.XMLSchemaValidationError) -> str:
    if isinstance(error, xmlschema.XMLSchemaChildrenValidationError):
        expected = ", ".join(f"« {_local(name)} »" for name in _expected(error))
        if error.invalid_tag:
            before = f"attendu ici : {expected}" if expected else "ou bien un élément manque avant lui"
            return f"L’élément « {_local(error.invalid_tag)} » n’est pas à sa place ; {before}."
        return f"Il manque un élément : {expected}." if expected else "Il manque un élément obligatoire."
    tag = getattr(error.elem, "tag", "")
    value = str(getattr(error.elem, "text", "") or "").strip()[:60]
    if value:
        return f"La valeur « {value} » de l’élément « {_local(str(tag))} » n’est pas admise par le schéma."
    return f"L’élément « {_local(str(tag))} » est vide ou mal formé."


def _expected(error: xmlschema.XMLSchemaChildrenValidationError) -> list[str]:
    names = (str(getattr(particle, "local_name", None) or "") for particle in islice(error.expected or (), 4))
    return [name for name in names if name]


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1].rsplit(":", 1)[-1]


def short_path(path: str) -> str:
    """An XPath without namespaces, as a person reads it."""
    return "/".join(_local(part) for part in path.split("/")) if path else "/"
