"""`bin/bench [name]`: runs the benchmarks and prints their ratios as a table; exits 1 where a limit is passed.

`import=100000` runs that one on so many invoices rather than its usual few.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import dce, fanout, importing, invoice, matching, pages, queue, signature, sirene, siret, start


@dataclass(frozen=True)
class Row:
    """One measured ratio and its limit."""

    name: str
    peer: str
    ratio: float
    limit: str
    holds: bool
    detail: str


ALL: dict[str, Callable[..., list[tuple[str, str, float, str, bool, str]]]] = {
    "pages": pages.measure,
    "fanout": fanout.measure,
    "queue": queue.measure,
    "invoice": invoice.measure,
    "import": importing.measure,
    "matching": matching.measure,
    "start": start.measure,
    "siret": siret.measure,
    "sirene": sirene.measure,
    "dce": dce.measure,
    "signature": signature.measure,
}


def main(names: list[str]) -> int:
    asked = [name.partition("=") for name in names or ALL]
    unknown = [
        name for name, _, size in asked if name not in ALL or (size and (name != "import" or not size.isdigit()))
    ]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)} (there are: {', '.join(ALL)})", file=sys.stderr)
        return 2
    rows = [Row(*row) for name, _, size in asked for row in (ALL[name](int(size)) if size else ALL[name]())]
    print("| what | against | ratio | limit | holds | detail |\n|---|---|---|---|---|---|")
    for row in rows:
        held = "yes" if row.holds else "NO"
        print(f"| {row.name} | {row.peer} | {row.ratio:.2f} | {row.limit} | {held} | {row.detail} |")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
