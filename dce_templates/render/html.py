"""Blocks → an HTML fragment for the screen: escaped, headings from h2, nothing inline."""

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dce_templates.blocks import Document, drawn

MEDIA_TYPE = "text/html"


@cache
def _template() -> Template:
    env: Environment = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("dce_templates").joinpath("render", "preview.html.j2").read_text(encoding="utf-8")
    return env.from_string(source)


def render_html(document: Document) -> str:
    """One `<article>` to put in a page; the ids start with the kind of document."""
    return _template().render(doc=document, blocks=drawn(document.blocks))


_PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>{title}</title></head><body><main>
{body}</main></body></html>
"""


def render_page(document: Document) -> str:
    """A whole page around the fragment, for a file on its own."""
    body = re.sub(r"(</?h)([2-4])\b", lambda tag: f"{tag[1]}{int(tag[2]) - 1}", render_html(document))
    return _PAGE.format(title=document.title, body=body)
