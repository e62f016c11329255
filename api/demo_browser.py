"""A person's browser for the demonstration: pages are fetched, forms are filled and sent, over HTTP alone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
from lxml import html

Value = str | bool | list[str] | tuple[str, bytes, str]
SECONDS = 60


class Stop(Exception):
    """The story cannot go on: one French sentence, and the exit code (1, or 3 where a service does not answer)."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


@dataclass(frozen=True)
class Page:
    """One answer; `tree` is the parsed page."""

    url: str
    status: int
    tree: Any

    @property
    def main(self) -> str:
        return _words(self.tree, "//main")

    @property
    def problem(self) -> str:
        """What the page says is wrong, with its article."""
        said = (_words(self.tree, where) for where in PROBLEMS)
        return " ".join(part for part in said if part)

    def link(self, text: str) -> str:
        """The address of the first link on which `text` is written."""
        for link in self.tree.xpath("//main//a[@href]"):
            if text in " ".join(link.text_content().split()):
                return str(link.get("href"))
        raise Stop(f"La page {self.url} n’a pas de lien « {text} ».")


PROBLEMS = (
    "//div[@id='errors']//ul",
    "//div[contains(@class,'problem')]/div[@class='lead']",
    "//p[contains(@class,'muted')][starts-with(normalize-space(), 'Règle appliquée')]",
)


def _words(tree: Any, path: str) -> str:
    return " ".join(" ".join(node.text_content().split()) for node in tree.xpath(path))


class Browser:
    """One person: cookies, and the address of the service."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        try:
            answer = self.session.request(method, urljoin(self.base, url), timeout=SECONDS, **options)
        except requests.RequestException:
            raise Stop("Le service de la démonstration ne répond plus.", 3) from None
        return answer

    def get(self, path: str, *, refused: bool = False) -> Page:
        """A page. `refused`: a refusal is what is expected; otherwise it ends the story."""
        return _read(self._send("GET", path), refused)

    def download(self, path: str) -> bytes:
        """A file's bytes."""
        answer = self._send("GET", path)
        if answer.status_code != 200:
            _read(answer, False)
        return answer.content

    def ready(self, path: str) -> bytes | None:
        """A file's bytes, or None while it is not ready (503)."""
        answer = self._send("GET", path)
        if answer.status_code == 503:
            return None
        if answer.status_code != 200:
            _read(answer, False)
        return answer.content

    def submit(self, page: Page, action: str, button: str = "", refused: bool = False, **fields: Value) -> Page:
        """Fill the form whose action ends so, press a button (by its value), follow."""
        return _read(self._press(page, action, button, fields), refused)

    def take(self, page: Page, action: str, button: str = "", **fields: Value) -> bytes:
        """The same where the answer is a file."""
        answer = self._press(page, action, button, fields)
        if answer.status_code != 200 or "html" in answer.headers.get("content-type", ""):
            raise Stop(_read(answer, answer.status_code >= 400).problem or f"La page {answer.url} n’a rien remis.")
        return answer.content

    def _press(self, page: Page, action: str, button: str, fields: Mapping[str, Value]) -> requests.Response:
        forms = [f for f in page.tree.xpath("//form") if (f.get("action") or "").endswith(action)]
        if not forms:
            raise Stop(f"La page {page.url} n’a pas de formulaire « {action} ». {page.problem}".strip())
        pairs = [*_filled(forms[0], fields), *_pressed(forms[0], button)]
        text = [(name, value) for name, value in pairs if isinstance(value, str)]
        files = [(name, value) for name, value in pairs if isinstance(value, tuple)]
        url = urljoin(page.url, forms[0].get("action"))
        headers = {"Origin": self.base}
        return self._send("POST", url, data=text, files=files or None, headers=headers)

    def sign_in(self, email: str, password: str) -> None:
        self.submit(self.get("/connexion"), "/connexion", email=email, password=password)


def _read(answer: requests.Response, refused: bool) -> Page:
    if "html" not in answer.headers.get("content-type", ""):
        raise Stop(f"L’adresse {answer.url} a répondu {answer.status_code}, sans page.")
    page = Page(answer.url, answer.status_code, html.document_fromstring(answer.content))
    if answer.status_code >= 400 and not refused:
        sentence = page.problem or f"La page {answer.url} a répondu {answer.status_code}."
        raise Stop(sentence, 3 if answer.status_code == 503 else 1)
    if answer.status_code < 400 and refused:
        raise Stop(f"La page {answer.url} devait refuser, et ne l’a pas fait.")
    return page


def _pressed(form: Any, value: str) -> Iterator[tuple[str, str]]:
    for button in form.xpath(".//button[@name]"):
        if value and button.get("value") == value:
            yield str(button.get("name")), value


def _filled(form: Any, fields: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """What a browser sends for the form, with these changes; a list fills the fields of one name, in their order."""
    rows: Counter[str] = Counter()
    for control in form.xpath(".//input[@name]|.//select[@name]|.//textarea[@name]"):
        name, kind = control.get("name"), control.get("type", "text")
        given = fields.get(name)
        if isinstance(given, list) and kind not in ("checkbox", "radio"):
            rows[name] += 1
            given = given[rows[name] - 1] if rows[name] <= len(given) else None
        if control.tag == "select":
            chosen = control.xpath("./option[@selected]|.//option[@selected]") or control.xpath(".//option")
            yield name, str(given) if given is not None else str(chosen[0].get("value") if chosen else "")
        elif kind in ("checkbox", "radio"):
            if _ticked(control, given):
                yield name, control.get("value") or "on"
        elif kind == "file":
            yield name, given if isinstance(given, tuple) else ("", b"", "application/octet-stream")
        else:
            own = control.text_content() if control.tag == "textarea" else control.get("value") or ""
            yield name, str(given) if given is not None else own


def _ticked(control: Any, given: Value | None) -> bool:
    if given is None:
        return control.get("checked") is not None
    own = control.get("value") or "on"
    return given is True or own == given or (isinstance(given, list) and own in given)
