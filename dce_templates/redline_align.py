"""Which block answers which, and which words changed: the reckoning of a redline, without any Word in it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Key = tuple[str, ...]
Pair = tuple[int | None, int | None]
Change = tuple[str, int, int, int, int]
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
# Beyond these sizes the comparison is coarser, so that a hostile file costs seconds, not hours.
_MANY_BLOCKS, _MANY_PAIRS, _MANY_WORDS = 3000, 40_000, 4_000_000
_ALIKE = {"p": 0.4, "tbl": 0.0}
_ROWS_ALIKE = 0.3


def align(old: Sequence[Key], new: Sequence[Key]) -> list[Pair]:
    """Pairs in reading order: (left, right), (left, None) for what went, (None, right) for what came.

    Where both end with a paragraph these two go together: the last end of paragraph of a body or cell cannot go.
    """
    pairs = list(_align(old, new))
    last = (len(old) - 1, len(new) - 1)
    if old and new and old[-1][0] == new[-1][0] == "p" and pairs[-1] != last:
        pairs = [*_align(old[:-1], new[:-1]), last]
    return pairs


def _align(old: Sequence[Key], new: Sequence[Key]) -> Iterator[Pair]:
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > _MANY_BLOCKS)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield from zip(range(a, b), range(c, d), strict=True)
        else:
            yield from ((_up(x, a), _up(y, c)) for x, y in _pair(old[a:b], new[c:d]))


def _up(index: int | None, by: int) -> int | None:
    return None if index is None else index + by


def _pair(old: Sequence[Key], new: Sequence[Key]) -> list[Pair]:
    """Alike blocks of a stretch that was rewritten, in order, with the greatest likeness in all."""
    if not old or not new or len(old) * len(new) > _MANY_PAIRS:
        return [*((i, None) for i in range(len(old))), *((None, j) for j in range(len(new)))]
    bags = [[Counter(_TOKEN.findall(" ".join(key[1:]))) for key in keys] for keys in (old, new)]
    score = [[_likeness(old[i], new[j], bags[0][i], bags[1][j]) for j in range(len(new))] for i in range(len(old))]
    best = _best(score)
    pairs: list[Pair] = []
    i, j = 0, 0
    while i < len(old) and j < len(new):
        if score[i][j] > 0 and best[i][j] == score[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return [*pairs, *((k, None) for k in range(i, len(old))), *((None, k) for k in range(j, len(new)))]


def _best(score: list[list[float]]) -> list[list[float]]:
    """best[i][j]: the greatest sum of likenesses from (i, j) on."""
    rows, columns = len(score), len(score[0])
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            together = score[i][j] + best[i + 1][j + 1] if score[i][j] > 0 else 0.0
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    return best


def _likeness(old: Key, new: Key, left: Counter[str], right: Counter[str]) -> float:
    """0 for blocks that must not go together, else more than 0."""
    if old[0] != new[0]:
        return 0.0
    total = left.total() + right.total()
    shared = 2 * (left & right).total() / total if total else 1.0
    return shared + 0.01 if shared >= _ALIKE.get(old[0], _ROWS_ALIKE) else 0.0


def word_changes(old: str, new: str) -> Iterator[Change]:
    """Opcodes over the characters of both texts, on whole words; a space alone between two changes is changed too."""
    left, right = _TOKEN.findall(old), _TOKEN.findall(new)
    codes = _opcodes(left, right)
    at_left, at_right = _places(left), _places(right)
    merged: list[list[int | str]] = []
    for index, (kind, a, b, c, d) in enumerate(codes):
        bridge = kind == "equal" and 0 < index < len(codes) - 1 and not "".join(left[a:b]).strip()
        name = "equal" if kind == "equal" and not bridge else "replace"
        if merged and merged[-1][0] == name:
            merged[-1][2], merged[-1][4] = at_left[b], at_right[d]
        else:
            merged.append([name, at_left[a], at_left[b], at_right[c], at_right[d]])
    for same, *spans in merged:
        a, b, c, d = (int(span) for span in spans)
        yield str(same), a, b, c, d


def _opcodes(left: list[str], right: list[str]) -> list[Change]:
    if len(left) * len(right) > _MANY_WORDS:
        return [("replace", 0, len(left), 0, len(right))]
    return list(SequenceMatcher(None, left, right, autojunk=False).get_opcodes())


def _places(tokens: list[str]) -> list[int]:
    places = [0]
    for token in tokens:
        places.append(places[-1] + len(token))
    return places
