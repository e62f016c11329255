"""The one client of the tests: whatever HTML a test fetches is checked, and forms are filled as a person fills them.

    client = CheckedClient(app)
    page = client.get("/connexion")
    page = client.submit(page, "/connexion", email="a@exemple.fr", password="…")
    assert "Bonjour" in client.page.text

A test cannot send a field that the form does not show, nor choose an option that it does not offer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from httpx2 import Request, Response
from lxml.etree import _Element

from tests.html import found, named, parse, policy_problems, problems, words
from tests.watch import WatchedClient

File = tuple[str, bytes, str]
Value = str | bool | list[str] | File | list[File]
Pair = tuple[str, str | File]


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
        kept = "".join(str(part) for part in control.itertext())
        return [(name, str(value) if value is not None else kept)]
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
