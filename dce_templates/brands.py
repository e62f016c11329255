"""Names that look like brands, where the sentence does not say « ou équivalent »: a question, never a verdict."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from dce_templates.strict_yaml import read_mapping
from dce_templates.wording import plain

_SENTENCES = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÀ-Ý])")
_EQUAL = re.compile(
    r"\bou (?:techniquement |fonctionnellement |tout |produit )?(?:équivalente?s?|similaires?)\b", re.IGNORECASE
)
_PATTERNS = (
    re.compile(r"\b(?:de |la |des )?marques? (?:déposées? )?\"?([A-Z0-9][\w'-]*(?: [A-Z0-9][\w'-]*)?)"),
    re.compile(r"([A-ZÀ-Ý][\w'-]*(?: [A-Z0-9][\w'-]*)?) ?[®™]"),
    re.compile(r"\b[Mm]odèles? (?:de référence )?(?!DC\d|ATTRI|NOTI|OUV|EXE|CERFA)\"?([A-Z]*[\w-]*\d[\w-]*|[A-Z]{2,})"),
    re.compile(r"\b[Rr]éférences? (?:constructeur|fabricant|catalogue) :? ?\"?([\w-]+)"),
)


@cache
def _names() -> re.Pattern[str]:
    data = read_mapping(resources.files("dce_templates").joinpath("brands.yaml").read_text(encoding="utf-8"))
    names = sorted(data["names"], key=len, reverse=True)
    return re.compile(r"(?<![\w-])(" + "|".join(re.escape(plain(name)) for name in names) + r")(?![\w-])")


def brands(text: str) -> Iterator[tuple[str, str]]:
    """(name, sentence) for each name of the text that nothing equals, once by sentence."""
    for sentence in _SENTENCES.split(plain(text)):
        if _EQUAL.search(sentence):
            continue
        found = [match[1] for pattern in (_names(), *_PATTERNS) for match in pattern.finditer(sentence)]
        kept = [name for name in found if not any(name != other and name in other for other in found)]
        yield from ((name, sentence) for name in dict.fromkeys(kept))
