"""Ten thousand SIRETs checked, right and wrong, as a file of suppliers would be: at most 0.2 s."""

import random
import statistics
import time

from siret_lookup.siret import SiretError, parse_siret

COUNT, LIMIT = 10_000, 0.2


def _numbers() -> list[str]:
    """Half with both keys right, half with one digit changed, typed with and without spaces."""
    chance = random.Random(3)
    numbers: list[str] = []
    while len(numbers) < COUNT:
        siren = _with_key(f"{chance.randrange(10**7, 10**8):08d}")
        siret = _with_key(siren + f"{chance.randrange(10**4):04d}")
        if len(numbers) % 2:
            siret = siret[:5] + str((int(siret[5]) + 1) % 10) + siret[6:]
        numbers.append(f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}" if chance.random() < 0.5 else siret)
    return numbers


def _with_key(digits: str) -> str:
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(digits)))
    return digits + str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def _valid(number: str) -> bool:
    try:
        parse_siret(number)
    except SiretError:
        return False
    return True


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Median of five runs."""
    numbers, seconds = _numbers(), []
    for _ in range(5):
        started = time.perf_counter()
        valid = sum(_valid(number) for number in numbers)
        seconds.append(time.perf_counter() - started)
        assert valid == COUNT / 2, valid
    took = statistics.median(seconds)
    return [(f"{COUNT} SIRET checks", f"{LIMIT} s", took / LIMIT, "≤ 1", took <= LIMIT, f"{took:.3f} s")]
