"""The one client of the tests: whatever HTML a test fetches is checked, and forms are filled as a person fills them.

    client = CheckedClient(app)
    page = client.get("/connexion")
    page = client.submit(page, "/connexion", email="a@exemple.fr", password="…")
    assert "Bonjour" in client.page.text

A test cannot send a field that the form does not show, nor choose an option that it does not offer.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlencode, urljoin, urlsplit

import html5lib
from html5lib.constants import DataLossWarning
from httpx2 import Request, Response
from lxml.etree import _Comment, _Element

from tests.watch import WatchedClient

File = tuple[str, bytes, str]
Value = str | bool | list[str] | File | list[File]
Pair = tuple[str, str | File]

UNLABELLED = ("hidden", "submit", "button", "image", "reset")
INLINE = ("a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "time")
SAFE_SOURCE = re.compile(r"^(/(?!/)|data:image/)")
LEAK = re.compile(r"\bNone\b|\bUndefined\b|\{\{|\{%| object at 0x|Traceback \(most")


@lru_cache(32)
def parse(html: str, fragment: bool = False) -> tuple[_Element, list[str]]:
    """The tree that a browser would build, and what it would have had to repair. Kept: parsing is most of the cost."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("lxml"), namespaceHTMLElements=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataLossWarning)
        tree: Any = parser.parse(f"<!DOCTYPE html><title>x</title>{html}" if fragment else html)
    repairs = [f"HTML: {code} {details or ''} at {place}" for place, code, details in parser.errors]
    return tree.getroot(), repairs


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
    leak = LEAK.search(" ".join(words(part) for part in found(tree, "//body|//title")))
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
    tree, repairs = parse(html, fragment)
    checks = FRAGMENT_CHECKS if fragment else PAGE_CHECKS
    return repairs + [sentence for check in checks for sentence in check(tree)]


def policy_problems(headers: Mapping[str, str]) -> list[str]:
    """What is wrong with the headers that come with HTML."""
    policy = headers.get("content-security-policy", "")
    wrong = [] if "default-src 'none'" in policy else [f"no Content-Security-Policy that is strict: « {policy} »"]
    if "unsafe-" in policy:
        wrong.append(f"the policy allows what is unsafe: « {policy} »")
    if "charset=utf-8" not in headers.get("content-type", "").lower():
        wrong.append("the page does not say its charset")
    return wrong


@dataclass(frozen=True)
class Page:
    """A fetched page, to be read as a person reads it."""

    url: str
    status: int
    tree: _Element

    @property
    def text(self) -> str:
        return words(found(self.tree, "//body")[0])

    @property
    def main(self) -> str:
        """The text of the page's own part, without header and footer."""
        return words(found(self.tree, "//main")[0])

    @property
    def title(self) -> str:
        return words(found(self.tree, "//title")[0])

    @property
    def h1(self) -> str:
        return words(found(self.tree, "//h1")[0])

    @property
    def links(self) -> dict[str, str]:
        """What is written on each link → its address; of two links with the same words, the first."""
        return {words(link): link.get("href") or "" for link in reversed(found(self.tree, "//a[@href]"))}

    @property
    def actions(self) -> list[str]:
        return [form.get("action") or "" for form in found(self.tree, "//form")]

    def form(self, wanted: int | str = 0) -> _Element:
        """A form of the page's main part by its rank, or of the whole page by its action."""
        forms = found(self.tree, "//main//form" if isinstance(wanted, int) else "//form")
        if isinstance(wanted, str):
            forms = [form for form in forms if form.get("action") == wanted] or [
                form for form in forms if (form.get("action") or "").endswith(wanted)
            ]
        assert forms, f"no form {wanted!r} on {self.url}; there are {self.actions}"
        return forms[wanted if isinstance(wanted, int) else 0]


def page_of(response: Response) -> Page:
    """The page that a response holds."""
    assert is_html(response), (
        f"{response.url} gave no page but {response.headers.get('content-type')}: {response.text[:200]}"
    )
    return Page(str(response.url), response.status_code, parse(response.text)[0])


def is_html(response: Response) -> bool:
    return str(response.headers.get("content-type", "")).startswith("text/html")


def control_pairs(control: _Element, value: Value | None) -> list[Pair]:
    """What one control sends, given what the person does with it (None: leaves it as it is)."""
    name, kind = control.get("name") or "", control.get("type") or "text"
    if control.tag == "select":
        return select_pairs(control, name, value)
    if control.tag == "textarea":
        return [
            (
                name,
                str(value)
                if value is not None
                else "".join(str(part) for part in control.itertext()).removeprefix("\n"),
            )
        ]
    if kind in ("checkbox", "radio"):
        own = control.get("value") or "on"
        ticked = control.get("checked") is not None if value is None else value is True or own == value
        return [(name, own)] if ticked or (isinstance(value, list) and own in value) else []
    if kind == "file":
        given: list[Any] = value if isinstance(value, list) else [value] if isinstance(value, tuple) else []
        return [(name, file) for file in given] or [(name, ("", b"", "application/octet-stream"))]
    return [(name, str(value) if value is not None else control.get("value") or "")]


def select_pairs(control: _Element, name: str, value: Value | None) -> list[Pair]:
    options = {option.get("value") or "": option for option in found(control, ".//option")}
    if value is not None:
        assert str(value) in options, f"« {value} » is not offered for {name}; there are {list(options)}"
        return [(name, str(value))]
    chosen = [key for key, option in options.items() if option.get("selected") is not None] or list(options)[:1]
    return [(name, key) for key in chosen]


def check_fields(controls: list[_Element], fields: Mapping[str, Value]) -> None:
    """Refuses what a person could not do on this form."""
    names = {control.get("name") for control in controls}
    for name, value in fields.items():
        assert name in names, f"the form shows no field {name}; it has {sorted(str(n) for n in names)}"
        boxes = [
            control
            for control in controls
            if control.get("name") == name and control.get("type") in ("checkbox", "radio")
        ]
        offered = {box.get("value") or "on" for box in boxes}
        wanted = value if isinstance(value, list) else [] if isinstance(value, bool) else [value]
        assert not boxes or set(wanted) <= offered, (
            f"« {value} » is not offered for {name}; there are {sorted(offered)}"
        )


def filled(form: _Element, fields: Mapping[str, Value], button: str | None = None) -> list[Pair]:
    """The pairs that a browser sends for a form, after the person's changes and a press on one of its buttons."""
    presses = './/button[not(@type) or @type="submit"]|.//input[@type="submit"]'
    buttons = [b for b in found(form, presses) if button in (None, words(b), b.get("value"))]
    assert buttons, f"no button {button!r} in {named(form)}"
    controls = [
        control
        for control in found(form, ".//input|.//select|.//textarea")
        if control.get("name")
        and control.get("disabled") is None
        and control.get("type") not in ("submit", "button", "reset", "image")
    ]
    check_fields(controls, fields)
    pairs = [pair for control in controls for pair in control_pairs(control, fields.get(control.get("name") or ""))]
    name = buttons[0].get("name")
    return [*pairs, (name, buttons[0].get("value") or "")] if name else pairs


def multipart(pairs: list[Pair]) -> tuple[bytes, str]:
    """Body and content type as browsers write them: an empty file field is a part with an empty file name."""
    boundary, parts = "----mpsFormBoundary7MA4YWxkTrZu0gW", b""
    for name, value in pairs:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, str):
            parts += f"{head}\r\n\r\n{value}\r\n".encode()
        else:
            quoted = value[0].replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
            parts += f'{head}; filename="{quoted}"\r\nContent-Type: {value[2]}\r\n\r\n'.encode() + value[1] + b"\r\n"
    return parts + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class CheckedClient(WatchedClient):
    """A watched client whose every HTML answer, redirects included, passes `problems` and `policy_problems`."""

    last: Response | None = None

    @property
    def page(self) -> Page:
        """The page that the last request gave."""
        assert self.last is not None, "no page was fetched yet"
        return page_of(self.last)

    def send(self, request: Request, *, stream: bool = False, **options: Any) -> Response:
        response = super().send(request, stream=stream, **options)
        if not stream and request.method != "HEAD":
            for one in (*response.history, response):
                self.check(one)
        return response

    def check(self, response: Response) -> None:
        fragment = response.request.headers.get("hx-request") == "true"
        self.last = self.last if fragment else response
        if not is_html(response):
            return
        wrong = problems(response.text, fragment) + policy_problems(response.headers)
        assert not wrong, f"{response.request.method} {response.url} ({response.status_code}): " + "; ".join(wrong)

    def submit(
        self,
        page: Response | Page,
        form: int | str = 0,
        /,
        *,
        button: str | None = None,
        follow: bool = True,
        **fields: Value,
    ) -> Response:
        """Fills a form of the page and sends it as a browser does.

        `form`: its rank in the main part, or its action. Fields: text, True/False or a list for boxes,
        (name, bytes, type) for files. A field whose name is a Python word goes through `**{"…": …}`.
        """
        seen = page if isinstance(page, Page) else page_of(page)
        element = seen.form(form)
        pairs, url = filled(element, fields, button), urljoin(seen.url, element.get("action") or "")
        if (element.get("method") or "get").lower() == "get":
            return self.get(
                f"{url.split('?')[0]}?{urlencode([(name, str(value)) for name, value in pairs])}",
                follow_redirects=follow,
            )
        if element.get("enctype") == "multipart/form-data":
            body, kind = multipart(pairs)
        else:
            body, kind = (
                urlencode([(n, v if isinstance(v, str) else v[0]) for n, v in pairs]).encode(),
                "application/x-www-form-urlencoded",
            )
        address = urlsplit(seen.url)
        origin = f"{address.scheme}://{address.netloc}"
        headers = {"content-type": kind, "origin": origin, "sec-fetch-site": "same-origin", "referer": seen.url}
        return self.post(url, content=body, headers=headers, follow_redirects=follow)

    def click(self, page: Response | Page, label: str) -> Response:
        """Follows the link on which `label` is written."""
        seen = page if isinstance(page, Page) else page_of(page)
        assert label in seen.links, f"no link « {label} » on {seen.url}; there are {list(seen.links)}"
        return self.get(urljoin(seen.url, seen.links[label]))
