"""Both nomenclatures of activity, and which is shown: NAF rev. 2 until the end of 2026, NAF 2025 from 1 January 2027.

Source: décret n° 2025-736 of 31 July 2025. After the switch the former code stays beside the new one.
"""

from collections.abc import Iterable
from datetime import date

REV2, NAF2025 = "NAFRev2", "NAF2025"
NAF2025_SINCE = date(2027, 1, 1)
NAMES = {REV2: "NAF rév. 2", NAF2025: "NAF 2025"}


def shown(activities: Iterable[tuple[str, str]], day: date) -> str | None:
    """« 62.01Z (NAF rév. 2) », from 2027 « 62.10Y (NAF 2025) – 62.01Z (NAF rév. 2) »; the only one known otherwise."""
    known = {nomenclature: code for code, nomenclature in activities}
    order = (NAF2025, REV2) if day >= NAF2025_SINCE else (REV2,)
    codes = [(known[n], n) for n in order if n in known] or [(code, n) for n, code in known.items()]
    return " – ".join(f"{code} ({NAMES.get(n, n)})" for code, n in codes) or None
