"""Names as the index knows them: words without accents or case, marks for the filters, neighbours by one typo."""

import unicodedata
from collections.abc import Sequence

COUNT, FILTER = "_c", "_f"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
# Bytes of ASCII text → lower case, and a space for what is neither letter nor digit.
_ASCII = bytes(code if chr(code).isalnum() else 32 for code in bytes(range(128)).lower()) + b" " * 128
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


def fold(text: str) -> str:
    """Lower-case words, accents and punctuation gone, one space between: « L’Œuf d’Été » gives `l oeuf d ete`."""
    if text.isascii():
        return " ".join(text.encode().translate(_ASCII).decode().split())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_LIGATURES)
    kept = (c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return " ".join("".join(kept).split())


def whole_mark(words: Sequence[str]) -> str:
    """One word for a name's length: all words of a search and its length together mean the whole name, in any order.

    For one word it is the word itself: the places of a common word are too many to look for those named so.
    """
    return f"{COUNT}{len(words)}" if len(words) > 1 else f"{COUNT}1{words[0]}"


def filter_mark(department: str = "", division: str = "") -> str:
    """One word for a department, a division of the NAF (two digits), or both at once."""
    return f"{FILTER}{department}n{division}".lower()


def neighbours(word: str) -> set[str]:
    """Every word at one typo: a letter missing, added, changed, or two swapped. May have the word itself."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return {
        *[start + end[1:] for start, end in cuts],
        *[start + end[1:2] + end[:1] + end[2:] for start, end in cuts],
        *[start + letter + end for start, end in cuts for letter in _ALPHABET],
        *[start + letter + end[1:] for start, end in cuts for letter in _ALPHABET],
    }
