"""Amounts in letters, as a contract writes them: traditional hyphens, cents only where there are some."""

from decimal import Decimal

_SMALL = (
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize",
    "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
)  # fmt: skip
_TENS = ("", "", "vingt", "trente", "quarante", "cinquante", "soixante")
_LARGE = ((10**9, "milliard"), (10**6, "million"))


def number_in_letters(number: int, last: bool = True) -> str:
    """0 ≤ `number` < 10¹². `last`: nothing follows that keeps « cent » and « vingt » singular."""
    for size, word in _LARGE:
        if number >= size:
            count, rest = divmod(number, size)
            many = f"{number_in_letters(count)} {word}{'s' if count > 1 else ''}"
            return f"{many} {number_in_letters(rest, last)}" if rest else many
    if number >= 1000:
        count, rest = divmod(number, 1000)
        many = "mille" if count == 1 else f"{number_in_letters(count, last=False)} mille"
        return f"{many} {number_in_letters(rest, last)}" if rest else many
    if number >= 100:
        count, rest = divmod(number, 100)
        many = "cent" if count == 1 else f"{_SMALL[count]} cent"
        return f"{many} {_under_hundred(rest, last)}" if rest else many + ("s" if count > 1 and last else "")
    return _under_hundred(number, last)


def _under_hundred(number: int, last: bool) -> str:
    if number < 20:
        return _SMALL[number]
    if number >= 80:
        rest = number - 80
        return f"quatre-vingt-{_SMALL[rest]}" if rest else "quatre-vingts" if last else "quatre-vingt"
    tens, unit = divmod(number, 10)
    if tens == 7:
        tens, unit = 6, unit + 10
    joined = " et " if unit in (1, 11) else "-"
    return _TENS[tens] + (joined + _SMALL[unit] if unit else "")


def euros_in_letters(amount: Decimal) -> str:
    """« quatre-vingt-quatre mille euros et dix centimes », « deux millions d’euros »."""
    cents = int(amount * 100)
    whole, rest = divmod(cents, 100)
    words = number_in_letters(whole)
    of = " d’" if words.endswith(("million", "millions", "milliard", "milliards")) else " "
    said = f"{words}{of}euro{'s' if whole > 1 else ''}"
    return f"{said} et {number_in_letters(rest)} centime{'s' if rest > 1 else ''}" if rest else said
