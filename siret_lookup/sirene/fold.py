"""Names as the index knows them: words without accents or case, marks for the filters, neighbours by one typo."""

import unicodedata
from collections.abc import Iterator
from functools import cache

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


def count_mark(words: int) -> str:
    """The length of a name: all words of a search and its length together mean the whole name, in any order."""
    return f"{COUNT}{words}"


def filter_mark(department: str = "", division: str = "") -> str:
    """One word for a department, a division of the NAF (two digits), or both at once."""
    return f"{FILTER}{department}n{division}".lower()


@cache
def filter_marks(department: str, division: str) -> str:
    """The three words of an establishment, or fewer where something is not known."""
    marks = ((department, ""), ("", division), (department, division))
    return " ".join(dict.fromkeys(filter_mark(*mark) for mark in marks if any(mark)))


def neighbours(word: str) -> Iterator[str]:
    """Every word at one typo: a letter missing, added, changed, or two swapped. May repeat, may give the word back."""
    for i in range(len(word)):
        yield word[:i] + word[i + 1 :]
        yield word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]
        for letter in _ALPHABET:
            yield word[:i] + letter + word[i + 1 :]
            yield word[:i] + letter + word[i:]
    for letter in _ALPHABET:
        yield word + letter
