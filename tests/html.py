"""What is wrong with a page: every HTML answer of every test goes through `problems`.

Two parsers read it. html5lib knows what a browser would have to repair, and is slow: it reads each *structure* once
(`structure`: tags, attribute names, entities; words and values do not change how HTML is parsed). lxml builds the
tree that the checks read; when a structure is new, both trees must be the same.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice, zip_longest
from typing import Any, cast

import html5lib
from html5lib.constants import DataLossWarning
from lxml import etree
from lxml.etree import _Comment, _Element

UNLABELLED = ("hidden", "submit", "button", "image", "reset")
INLINE = ("a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "time")
SAFE_SOURCE = re.compile(r"^(/(?!/)|data:image/)")
LEAK = re.compile(r"\bNone\b|\bUndefined\b|\{\{|\{%| object at 0x|Traceback \(most")

# Comments and doctypes stay whole: what stands between their quotes matters.
SVG = "{http://www.w3.org/2000/svg}"
TAG = re.compile(r"""(</?[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>|<!--.*?-->|<![^>]*>)""", re.S)
QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
# What HTML looks at in words and values: markup, character references, characters that no page may hold.
ODD = re.compile(r"<|&#?\w*[;=]?|[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def odd(text: str) -> str:
    return "".join(ODD.findall(text))


def structure(html: str) -> str:
    """The page without its words: two pages of one structure are parsed, and repaired, alike."""
    parts = TAG.split(html)
    parts[::2] = [("x" if part.strip() else part and " ") + odd(part) for part in parts[::2]]
    parts[1::2] = [
        tag if tag.startswith("<!") else QUOTED.sub(lambda value: f'"{odd(value.group())}"', tag) for tag in parts[1::2]
    ]
    return "".join(parts)


def outline(tree: _Element) -> list[tuple[Any, ...]]:
    """All that a tree holds, in order, to compare two parsers' trees.

    White space, `defer=""` for `defer`, and the namespace that a browser gives to a drawing aside.
    """
    return [
        (
            sum(1 for _ in one.iterancestors()),
            str(one.tag).removeprefix(SVG),
            sorted((key, "" if value == key else value) for key, value in one.attrib.items()),
            (one.text or "").split(),
            (one.tail or "").split(),
        )
        for one in tree.iter()
    ]


def repairs(html: str, tree: _Element) -> list[str]:
    """What a browser would have had to repair, and whether it would build another tree than this one."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("lxml"), namespaceHTMLElements=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataLossWarning)
        standard = outline(cast(Any, parser.parse(html)).getroot())
    wrong = [f"HTML: {code} {details or ''} at {place}" for place, code, details in parser.errors]
    differ = (pair for pair in zip_longest(standard, outline(tree)) if pair[0] != pair[1])
    return wrong or [f"HTML: two parsers disagree: {pair}" for pair in islice(differ, 1)]


_seen: dict[str, list[str]] = {}


@lru_cache(32)
def parse(html: str, fragment: bool = False) -> tuple[_Element, list[str]]:
    """The tree that a browser would build, and what it would have had to repair."""
    whole = f"<!DOCTYPE html><title>x</title>{html}" if fragment else html
    tree = etree.fromstring(whole, etree.HTMLParser())
    for area in found(tree, "//textarea|//pre"):
        area.text = (area.text or "").removeprefix("\n")  # as a browser does; lxml does not
    key = structure(whole)
    if key not in _seen:
        _seen[key] = repairs(whole, tree)
    return tree, _seen[key]


def found(tree: _Element, path: str) -> list[_Element]:
    return cast(list[_Element], tree.xpath(path))


def spoken(element: _Element) -> Iterator[str]:
    edge = "" if element.tag in INLINE else " "
    yield edge + (element.text or "")
    for child in element:
        if not isinstance(child, _Comment) and child.tag not in ("script", "style"):
            yield from spoken(child)
        yield child.tail or ""
    yield edge


def words(element: _Element) -> str:
    """The text of an element as it is read out, spaces made single."""
    return " ".join("".join(spoken(element)).split())


def named(element: _Element) -> str:
    """An element, named for a message."""
    shown = " ".join(
        f'{key}="{element.get(key)}"' for key in ("id", "name", "type", "href", "action") if element.get(key)
    )
    return f"<{element.tag}{' ' if shown else ''}{shown}>"


def check_frame(tree: _Element) -> Iterator[str]:
    if tree.get("lang") != "fr":
        yield 'the page does not say lang="fr"'
    if len(found(tree, "//main")) != 1:
        yield "a page has one <main>"
    titles = [words(title) for title in found(tree, "/html/head/title")]
    if len(titles) != 1 or not re.fullmatch(r"(Erreur – )?[^–\s].* – mps", titles[0]):
        yield f"the title is not « {{page}} – mps »: {titles}"
    elif found(tree, '//*[@aria-invalid="true"]') and not titles[0].startswith("Erreur – "):
        yield f"a page with a field in error has a title that starts with « Erreur – »: {titles[0]}"


def check_headings(tree: _Element) -> Iterator[str]:
    headings = found(tree, "//h1|//h2|//h3|//h4|//h5|//h6")
    levels = [int(str(heading.tag)[1]) for heading in headings]
    if levels.count(1) != 1:
        yield f"a page has one h1, this one has {levels.count(1)}"
    for before, after, heading in zip([0, *levels], levels, headings, strict=False):
        if after > before + 1:
            yield f"h{after} « {words(heading)} » comes after h{before}: a level is skipped"
    yield from (f"an empty {heading.tag}" for heading in headings if not words(heading))


def check_ids(tree: _Element) -> Iterator[str]:
    ids = [element.get("id") or "" for element in found(tree, "//*[@id]")]
    yield from (
        f"the id « {value} » is there {ids.count(value)} times" for value in sorted(set(ids)) if ids.count(value) > 1
    )
    yield from (f"« {value} » is no id" for value in ids if not value or value.split() != [value])
    for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list"):
        for element in found(tree, f"//*[@{attribute}]"):
            for target in (element.get(attribute) or " ").split() or [""]:
                if target not in ids:
                    yield f"{named(element)}: {attribute} points to « {target} », which is nowhere"
    for link in found(tree, '//a[starts-with(@href, "#")]'):
        if (link.get("href") or "")[1:] not in ids:
            yield f"{named(link)} « {words(link)} » leads nowhere"


def label_of(tree: _Element, control: _Element) -> str:
    """What a person is told about a control; empty when nothing is."""
    if control.get("aria-label"):
        return control.get("aria-label") or ""
    ids = (control.get("aria-labelledby") or "").split()
    labels = [element for element in found(tree, "//label[@for]") if element.get("for") == control.get("id")]
    around = found(control, "ancestor::label")
    return " ".join(
        words(element) for element in (*[e for e in found(tree, "//*[@id]") if e.get("id") in ids], *labels, *around)
    )


def check_forms(tree: _Element) -> Iterator[str]:
    for control in found(tree, "//input|//select|//textarea"):
        if control.get("type") not in UNLABELLED and not label_of(tree, control):
            yield f"{named(control)} has no label"
        if not control.get("name") and control.get("type") not in ("button", "submit", "reset"):
            yield f"{named(control)} has no name: it would not be sent"
        if control.get("type") == "radio" and not found(control, "ancestor::fieldset"):
            yield f"{named(control)} is a radio button outside a fieldset"
    for form in found(tree, "//form"):
        if not form.get("action") or (form.get("method") or "").lower() not in ("get", "post"):
            yield f"{named(form)} says no action, or no method"
        if found(form, './/input[@type="file"]') and form.get("enctype") != "multipart/form-data":
            yield f"{named(form)} has a file but no enctype"
    yield from (
        "a fieldset without legend" for box in found(tree, "//fieldset") if not any(map(words, found(box, "./legend")))
    )


def check_names(tree: _Element) -> Iterator[str]:
    for element in found(tree, "//a[@href]|//button|//summary"):
        alternatives = "".join(image.get("alt") or "" for image in found(element, ".//img"))
        if not (words(element) or element.get("aria-label") or alternatives):
            yield f"{named(element)} says nothing"
    yield from (f"{named(image)}: an image without alt" for image in found(tree, "//img[not(@alt)]"))
    for table in found(tree, "//table"):
        if not any(map(words, found(table, "./caption"))) or not found(table, ".//th[@scope]"):
            yield "a table without caption, or without a th that has a scope"
    shown = " ".join(words(part) for part in found(tree, "//body|//title"))
    for typed in filter(None, map(words, found(tree, "//textarea"))):  # somebody's own words
        shown = shown.replace(typed, "")
    leak = LEAK.search(shown)
    if leak:
        yield f"the page shows the inside of the program: « {leak.group()} »"


def check_inline(tree: _Element) -> Iterator[str]:
    yield from ("an inline script" for script in found(tree, "//script[not(@src)]"))
    yield from ("a <style> element" for style in found(tree, "//style"))
    for element in found(tree, "//*[@*]"):
        for name, value in ((str(key), str(value)) for key, value in element.attrib.items()):
            if name == "style" or name.startswith(("on", "hx-on")):
                yield f"{named(element)} has an inline {name}"
            if name in ("href", "src", "action") and value.strip().lower().startswith(("javascript:", "data:text")):
                yield f"{named(element)} has code in {name}"
    for element in found(tree, "//script[@src]|//img[@src]|//iframe[@src]|//link[@rel='stylesheet']"):
        source = element.get("src") or element.get("href") or ""
        if not SAFE_SOURCE.match(source):
            yield f"{named(element)} comes from elsewhere: {source}"


PAGE_CHECKS: list[Callable[[_Element], Iterator[str]]] = [
    check_frame, check_headings, check_ids, check_forms, check_names, check_inline,
]  # fmt: skip
FRAGMENT_CHECKS = [check_forms, check_names, check_inline]


def problems(html: str, fragment: bool = False) -> list[str]:
    """What is wrong with a page (or with a fragment asked for by htmx), one sentence each; empty when all is well."""
    tree, repaired = parse(html, fragment)
    checks = FRAGMENT_CHECKS if fragment else PAGE_CHECKS
    return repaired + [sentence for check in checks for sentence in check(tree)]


def policy_problems(headers: Mapping[str, str]) -> list[str]:
    """What is wrong with the headers that come with HTML."""
    policy = headers.get("content-security-policy", "")
    wrong = [] if "default-src 'none'" in policy else [f"no Content-Security-Policy that is strict: « {policy} »"]
    if "unsafe-" in policy:
        wrong.append(f"the policy allows what is unsafe: « {policy} »")
    if "charset=utf-8" not in headers.get("content-type", "").lower():
        wrong.append("the page does not say its charset")
    return wrong
