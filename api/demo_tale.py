"""How the demonstration is told: chapters, steps that tick, files kept in the folder."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from api.demo_browser import Stop

PATIENCE = 40.0
T = TypeVar("T")
# kind: chapter, doing, done, left (the countdown).
Show = Callable[[str, str], None]


@dataclass
class Step:
    """One thing done; `detail` is what the pages answered."""

    chapter: str
    title: str
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Kept:
    """A file for the reader: its path, what it is, its size in bytes and sha256."""

    name: str
    path: str
    what: str
    size: int
    sha256: str


@dataclass
class Tale:
    """What was done so far, and where it is shown."""

    folder: Path
    show: Show
    steps: list[Step] = field(default_factory=list)
    files: list[Kept] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    title: str = ""

    def chapter(self, title: str) -> None:
        self.title = title
        self.show("chapter", title)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show it, do it, tick it."""
        step, started = Step(self.title, title), time.monotonic()
        self.show("doing", title)
        yield step
        step.seconds = round(time.monotonic() - started, 2)
        self.steps.append(step)
        self.show("done", f"{title}|{step.detail}")

    def keep(self, name: str, content: bytes, what: str) -> None:
        """Write one file into the folder."""
        path = self.folder / name
        path.write_bytes(content)
        self.files.append(Kept(name, str(path), what, len(content), hashlib.sha256(content).hexdigest()))

    def count_down(self, seconds: float) -> None:
        """Wait, and say how long is left."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            self.show("left", f"{left:.0f} s")
            time.sleep(min(0.25, left))

    def as_dict(self) -> dict[str, Any]:
        return {
            "out": str(self.folder),
            "steps": [asdict(step) for step in self.steps],
            "files": [asdict(kept) for kept in self.files],
            "results": self.results,
        }


def wait_for(what: str, ask: Callable[[], T | None]) -> T:
    """Ask until there is an answer. Raises Stop (3) when it takes too long."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.4)
    raise Stop(f"{what} n’est pas venu en {PATIENCE:.0f} secondes.", 3)
