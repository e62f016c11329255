"""French spacing in the words of our templates: no line ends before « ; », « : », « ? », « ! », « » », « % » or « € ».

An extension of Jinja2 that reads tokens: the text between tags, and the sentences written inside expressions. Tags,
scripts and code stay as they are, and so does whatever a person typed: it is put in later.
"""

import re
from collections.abc import Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_NARROW = re.compile(r" (?=[;!?](?:\W|$))|(?<=\d) (?=\d{3}\b)")
_WIDE = re.compile(r" (?=[:»%€](?:\W|$))|(?<=«) ")
_OPENS = re.compile(r"<(?=[a-zA-Z/!])(/?\w*)")
# Elements whose words are not prose.
_VERBATIM = frozenset({"script", "style", "code", "pre", "textarea"})


def spaced(text: str) -> str:
    """A sentence whose high signs hold to the word before: U+202F before « ; ! ? » and in numbers, else U+00A0."""
    return _WIDE.sub("\u00a0", _NARROW.sub("\u202f", text))


class FrenchSpaces(Extension):
    """Rewrites the words of a template as it is read; the values that it is given are never touched."""

    def filter_stream(self, stream: TokenStream) -> TokenStream:
        return TokenStream(self._tokens(stream), stream.name, stream.filename)

    def _tokens(self, stream: TokenStream) -> Iterator[Token]:
        text, before = _Text(), ""
        for token in stream:
            if token.type == "data":
                yield Token(token.lineno, token.type, text.read(token.value))
            elif token.type == "string" and not text.tag and before not in ("eq", "ne"):
                yield Token(token.lineno, token.type, spaced(token.value))
            else:
                yield token
            before = token.type


class _Text:
    """Where a template is being read: in words, in a tag that an expression cuts in two, or in an element of code."""

    def __init__(self) -> None:
        self.tag, self.verbatim = "", ""

    def read(self, text: str) -> str:
        """The same text, its words spaced."""
        made = ""
        while text:
            if self.tag:
                part, text = self._rest_of_tag(text)
            elif self.verbatim:
                part, text = self._verbatim(text)
            else:
                part, text = self._words(text)
            made += part
        return made

    def _words(self, text: str) -> tuple[str, str]:
        opens = _OPENS.search(text)
        if opens is None:
            return spaced(text), ""
        self.tag = opens[1].lower() or "!"
        return spaced(text[: opens.start()]) + opens[0], text[opens.end() :]

    def _rest_of_tag(self, text: str) -> tuple[str, str]:
        inside, closes, rest = text.partition(">")
        if closes:
            self.verbatim = self.tag if self.tag in _VERBATIM else ""
            self.tag = ""
        return inside + closes, rest

    def _verbatim(self, text: str) -> tuple[str, str]:
        end = text.lower().find(f"</{self.verbatim}")
        if end < 0:
            return text, ""
        self.verbatim = ""
        return text[:end], text[end:]
