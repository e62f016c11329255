"""XSD check: lxml on the hot path (0.2 ms), xmlschema only where it fails, for sentences a person can follow."""

from functools import lru_cache
from itertools import islice

import xmlschema
from lxml import etree

MAX_ERRORS = 20


def schema_errors(tree: etree._Element, name: str) -> list[tuple[str, str]]:
    """(location, French sentence) per error against the XSD at path `name`, at most 20; empty where it holds."""
    if _compiled(name).validate(tree):
        return []
    readable = [
        (short_path(error.path or ""), _sentence(error))
        for error in islice(_readable(name).iter_errors(tree), MAX_ERRORS)
    ]
    return readable or [("/", "Le fichier ne suit pas le schéma XML de sa syntaxe.")]


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
