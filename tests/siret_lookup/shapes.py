"""The published shape of each source's 200 answer, in contract/<key>.yaml; any payload of it, and what strays from it.

The files are the shapes (no text) of API Entreprise's public OpenAPI (datagouv/apistration, MIT, Etalab/DINUM, April
2026). A leaf is a type, « or null » where it may be; `one_of` lists the values, `like` gives the pattern, `or_null` is
an object or list that may be null, `key?` a key that may be absent, a list of one shape is a list of any length.
"""

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from siret_lookup.siret import Siret, parse_siret

# Nobody's number, and the sandbox does not know it.
STRANGER: Siret = parse_siret("00002001600010")
DOCUMENT = "https://storage.invalid/siade/document.pdf?signature=secret"
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "date": (str,),
    "date-time": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_DAYS = st.dates(date(1950, 1, 1), date(2090, 1, 1)).map(date.isoformat)
_WORDS = st.text("ABCéèç’- 0123456789", min_size=1, max_size=12).map(lambda text: text.strip() or "Œuvre")
_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": _WORDS,
    "date": _DAYS,
    "date-time": _DAYS.map(lambda day: f"{day}T09:30:00.000Z"),
    "integer": st.integers(-(10**9), 10**12),
    "number": st.integers(0, 10**9) | st.floats(0, 10**9),
    "boolean": st.booleans(),
}
# What a type does not say: what these hold, by the name of their key.
_MEANT: tuple[tuple[str, str, st.SearchStrategy[Any]], ...] = (
    ("string", r"siret(_siege.*)?", st.just(STRANGER.value)),
    ("string", r"siren", st.just(STRANGER.siren)),
    ("string", r"annee(_.*)?", st.integers(2018, 2026).map(str)),
    ("string", r"date_naissance", _DAYS.map(lambda day: day[:7])),
    ("string", r"date.*", _DAYS),
    ("string", r"(document_)?url", st.just(DOCUMENT)),
    ("string", r"valeurs?", st.integers(-(10**9), 10**9).map(str)),
    # UNIX seconds, negative before 1970.
    ("integer", r"date.*", st.integers(-(10**9), 4 * 10**9)),
)


@cache
def shape_of(key: str) -> dict[str, Any]:
    """`data` and `meta` of a source's answer."""
    text = Path(__file__).with_name("contract").joinpath(f"{key}.yaml").read_text(encoding="utf-8")
    shape: dict[str, Any] = yaml.safe_load(text)
    return shape


def payloads(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any whole answer that keeps a source's published shape."""
    return _any(shape_of(key), "").map(lambda answer: {**answer, "links": {}})


def _any(shape: Any, key: str) -> st.SearchStrategy[Any]:
    if isinstance(shape, list):
        return st.lists(_any(shape[0], key), min_size=1, max_size=3)
    if isinstance(shape, str):
        name, _, nullable = shape.partition(" or ")
        meant = (values for kind, names, values in _MEANT if kind == name and re.fullmatch(names, key))
        values = next(meant, _LEAVES[name])
        return values | st.none() if nullable else values
    if "one_of" in shape:
        return st.sampled_from(shape["one_of"])
    if "like" in shape:
        if key in ("siren", "siret"):
            return _any("string", key)
        texts = st.from_regex(shape["like"], fullmatch=True, alphabet=st.characters(codec="ascii"))
        return texts | st.none() if shape.get("null") else texts
    if "or_null" in shape:
        return _any(shape["or_null"], key) | st.none()
    always = {name: _any(inner, name) for name, inner in shape.items() if not name.endswith("?")}
    maybe = {name[:-1]: _any(inner, name[:-1]) for name, inner in shape.items() if name.endswith("?")}
    return st.fixed_dictionaries(always, optional=maybe)


def strays(shape: Any, value: Any, path: str = "") -> list[str]:
    """Where a value leaves its shape: unknown or missing keys, wrong types, values that are not listed."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [stray for rank, item in enumerate(value) for stray in strays(shape[0], item, f"{path}[{rank}]")]
    if isinstance(shape, str):
        return _stray_leaf(shape, value, path)
    if "one_of" in shape:
        return [] if value in shape["one_of"] else [f"{path}: {value!r} is not listed"]
    if "like" in shape:
        good = (value is None and shape.get("null")) or (isinstance(value, str) and re.search(shape["like"], value))
        return [] if good else [f"{path}: {value!r} is not like {shape['like']}"]
    if "or_null" in shape:
        return [] if value is None else strays(shape["or_null"], value, path)
    return _stray_object(shape, value, path)


def _stray_leaf(shape: str, value: Any, path: str) -> list[str]:
    name, _, nullable = shape.partition(" or ")
    if value is None:
        return [] if nullable else [f"{path}: null"]
    good = isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
    if good and name in ("date", "date-time"):
        good = re.match(r"\d{4}-\d{2}-\d{2}", value) is not None
    return [] if good else [f"{path}: {value!r} is not a {name}"]


def _stray_object(shape: dict[str, Any], value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: not an object"]
    known = {name.removesuffix("?"): inner for name, inner in shape.items()}
    missing = [f"{path}.{name}: missing" for name in shape if not name.endswith("?") and name not in value]
    # An object whose inside is not published may hold anything.
    unknown = [f"{path}.{name}: unknown" for name in value if shape and name not in known]
    inside = [stray for name in value if name in known for stray in strays(known[name], value[name], f"{path}.{name}")]
    return missing + unknown + inside
