"""A person at a real browser. Each page this person meets is checked: axe, no sideways scrolling on a phone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page

from api.settings import ROOT

PHONE = (390, 844)
DESK = (1280, 900)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
AXE = ROOT / "build" / "static" / "axe.min.js"
RUN_AXE = """async (rules) => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.map(v => v.id + " (" + v.help + "): " + v.nodes.map(n => n.html.slice(0, 200)).join(" | "));
}"""
SHOWN = """() => Object.fromEntries(
  [...document.querySelectorAll("main [name]")].map(control => [control.name, [control.type, control.value]])
)"""
WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > wide + 1)
    .map(e => e.outerHTML.slice(0, 120));
}"""


@dataclass
class Walker:
    """One person, one browser context; `wrong` gathers what the page's scripts and policy complained of."""

    page: Page
    site: str
    scripts: bool = True
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)
        self.check()

    def follow(self, words: str) -> None:
        """Click the link that says these words."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=words, exact=True).first.click()
        self.check()

    def press(self, words: str, first: bool = False) -> None:
        """Click the button that says these words, or the first of several."""
        buttons = self.page.get_by_role("button", name=words, exact=True)
        with self.page.expect_navigation():
            (buttons.first if first else buttons).click()
        self.check()

    def unfold(self, words: str) -> None:
        self.page.locator("summary", has_text=re.compile(f"^{re.escape(words)}$")).click()

    def unfold_all(self) -> None:
        for fold in self.page.locator("main details").all():
            if fold.get_attribute("open") is None:
                fold.locator("> summary").click()

    def type(self, **fields: str) -> None:
        """Field's name → what is typed."""
        for name, value in fields.items():
            self.page.locator(f'[name="{name}"]').fill(value)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Fill any form: text, choices, boxes, radio buttons; what is right already is left as it is."""
        shown: dict[str, tuple[str, str]] = self.page.evaluate(SHOWN)
        for name, value in values.items():
            assert name in shown, f"the form shows no field {name}"
            kind, present = shown[name]
            if kind in ("checkbox", "radio") or present != value:
                fill_one(self.page.locator(f'[name="{name}"]'), kind, value)

    def send_file(self, label: str, name: str, content: bytes, button: str) -> None:
        self.page.get_by_label(label, exact=True).set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )
        self.press(button)

    def download(self, words: str) -> bytes:
        with self.page.expect_download() as waited:
            self.page.get_by_role("link", name=words, exact=True).first.click()
        return waited.value.path().read_bytes()

    @property
    def text(self) -> str:
        """What the page's own part says, spaces made single."""
        return " ".join(self.page.locator("main").inner_text().split())

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.site).partition("?")[0]

    def says(self, *sentences: str) -> None:
        for sentence in sentences:
            assert sentence in self.text, f"« {sentence} » is not on {self.page.url}: {self.text}"

    def reload_until(self, gone: str) -> None:
        """As the page asks: reload until the answers that are awaited have come."""
        for _ in range(60):
            if gone not in self.text:
                self.check()
                return
            self.page.wait_for_timeout(250)
            self.page.reload()
        raise AssertionError(f"« {gone} » stays on {self.page.url}")

    def check(self) -> None:
        """No rule of axe is broken, and nothing scrolls sideways at 390 pixels."""
        assert not self.wrong, f"{self.page.url}: {self.wrong}"
        if self.scripts:
            found = self.page.evaluate(RUN_AXE, RULES)
            assert not found, f"{self.page.url}: " + "\n".join(found)
        size = self.page.viewport_size
        assert size is not None
        self.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        wider = self.page.evaluate(WIDER)
        self.page.set_viewport_size(size)
        assert not wider, f"{self.page.url} scrolls sideways on a phone: {wider}"


def fill_one(controls: Locator, kind: str, value: Any) -> None:
    if kind in ("checkbox", "radio") and not isinstance(value, bool):
        for wanted in value if isinstance(value, list) else [value]:
            controls.and_(controls.page.locator(f'[value="{wanted}"]')).check()
    elif kind == "checkbox":
        controls.set_checked(value)
    elif kind == "select-one":
        controls.select_option(str(value))
    else:
        controls.fill(str(value))


def walker(browser: Browser, site: str, *, phone: bool = False, scripts: bool = True) -> Walker:
    """Someone new, who comes with an empty browser."""
    width, height = PHONE if phone else DESK
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=phone, locale="fr-FR", java_script_enabled=scripts
    )
    context.set_default_timeout(10_000)
    if scripts:
        context.add_init_script(path=AXE)
    person = Walker(context.new_page(), site, scripts)

    def complain(message: ConsoleMessage) -> None:
        # A page of error (404, 422) is also a line of the console: that one is not a fault of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            person.wrong.append(message.text)

    def crash(error: Error) -> None:
        person.wrong.append(str(error))

    person.page.on("console", complain)
    person.page.on("pageerror", crash)
    return person
