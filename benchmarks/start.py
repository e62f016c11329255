"""`import api.app` in a fresh interpreter: at most 1.5 s, and against importing FastAPI and SQLAlchemy alone."""

import statistics
import subprocess
import sys
import time

LIMIT = 1.5


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def measure() -> list[tuple[str, str, float, str, bool, str]]:
    """Median of seven runs each, in turn."""
    bare, ours, nothing = [], [], []
    for _ in range(7):
        nothing.append(_seconds("pass"))
        bare.append(_seconds("import fastapi, sqlalchemy.orm, pydantic_settings, requests"))
        ours.append(_seconds("import api.app"))
    net = statistics.median(ours) - statistics.median(nothing)
    ratio = statistics.median(ours) / statistics.median(bare)
    return [("import api.app", "its four main libraries", ratio, f"≤ {LIMIT} s in all", net <= LIMIT, f"{net:.2f} s")]
