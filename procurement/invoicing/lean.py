"""A sheet of rules made leaner: the same verdicts, several times faster. The sheets themselves are not touched.

A schematron compiled to XSLT says all it did (which patterns were active, which rules fired) and walks the whole
document once per pattern, often twice. Three things are changed in a copy, made when a worker starts:

- what was done and found right is not written, and the walk that only served to write it is not made;
- a pattern of few rules goes straight to the nodes of its rules instead of walking the document to find them; one of
  many takes all elements from a list instead of going down from each to its children. What a rule matches is
  unchanged, since each node still goes to the first of the rules that match it;
- a code list read again from a file for each value becomes a constant.

Reports name the sheet as it is published, with its own sha256. A test compares both on every kind of document.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
# Beyond, one walk costs less than as many searches.
_FEW = 12
_MODE = re.compile(r"M\d+")
_ROOT = re.compile(r"\(?\w+:(Invoice|CreditNote|CrossIndustryInvoice)(?![\w.-])")
_CODE = re.compile(r"document\('([^']+)'\)/codedb/cl\[@id=(\d+)\]/enumeration\[@value=(\$\w+)\]")
# A sign that no code has: it tells where one ends.
_BETWEEN = "\ue000"


def lean(path: str) -> str:
    """The text of the leaner copy of the sheet at `path`; files that it reads are still looked for beside `path`."""
    root = etree.parse(path).getroot()
    root.set(_XML_BASE, Path(path).as_uri())
    for said in list(root.iter(f"{_SVRL}active-pattern", f"{_SVRL}fired-rule")):
        _drop(said)
    for call in list(root.iter(f"{_XSL}apply-templates")):
        if call.get("select") == "/" and _MODE.fullmatch(call.get("mode", "")):
            _go_straight(root, call)
    _inline_codes(root, Path(path).parent)
    return etree.tostring(root, encoding="unicode")


def _drop(node: etree._Element) -> None:
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def _go_straight(root: etree._Element, call: etree._Element) -> None:
    """Replace the walk of one pattern (a mode) by the paths of its rules, or by all elements where there are many."""
    mode = call.get("mode")
    templates = [template for template in root.iter(f"{_XSL}template") if template.get("mode") == mode]
    matches = [template.get("match", "") for template in templates]
    paths = [match for match in matches if match not in {"text()", "@*|node()"}]
    further = [one for each in templates for one in each.iter(f"{_XSL}apply-templates") if one.get("mode") == mode]
    # In a match, current() is the node itself; in a path it would be the document.
    if 0 < len(paths) <= _FEW and not any("current()" in path for path in paths):
        call.set("select", " | ".join(_path(one) for path in paths for one in _alternatives(path)))
    elif all(one.get("select") == "*" for one in further):
        call.set("select", "//*")
    else:
        return
    for one in further:
        _drop(one)


def _path(match: str) -> str:
    """The path from the document to what a match matches. The roots of an invoice are nowhere but at its top."""
    if match.startswith("/"):
        return match
    return f"/{match}" if _ROOT.match(match) else f"//{match}"


def _alternatives(match: str) -> Iterator[str]:
    """The parts of a match that stand beside each other, outside brackets and quotes."""
    depth, quote, start = 0, "", 0
    for place, sign in enumerate(match):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == "|" and not depth:
            yield match[start:place].strip()
            start = place + 1
    yield match[start:].strip()


def _inline_codes(root: etree._Element, folder: Path) -> None:
    lists: dict[tuple[str, str], str] = {}
    for test in root.iter(f"{_XSL}when"):
        for file, number, _ in _CODE.findall(test.get("test", "")):
            lists.setdefault((file, number), f"mps-codes-{len(lists)}")
        test.set("test", _CODE.sub(lambda found: _is_code(lists[found[1], found[2]], found[3]), test.get("test", "")))
    for (file, number), name in lists.items():
        root.append(_constant(name, _codes(str(folder / file), number)))


def _is_code(name: str, value: str) -> str:
    listed = f"contains(${name}, concat('{_BETWEEN}', $mps-one, '{_BETWEEN}'))"
    return f"(some $mps-one in {value} satisfies {listed} and not(contains($mps-one, '{_BETWEEN}')))"


def _codes(file: str, number: str) -> list[str]:
    return [entry.get("value", "") for entry in etree.parse(file).iterfind(f"cl[@id='{number}']/enumeration")]


def _constant(name: str, codes: list[str]) -> etree._Element:
    variable = etree.Element(f"{_XSL}variable", {"name": name})
    variable.text = _BETWEEN + _BETWEEN.join(codes) + _BETWEEN
    return variable
