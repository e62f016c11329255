"""The letter to a head office as PDF, made in a worker process."""

from dataclasses import asdict
from datetime import datetime

from api import paper
from api.letters import Paper


def render(letter: Paper, now: datetime) -> bytes:
    """A tagged PDF/UA-1, one page, the address where the window of a French envelope is. Raises PaperError."""
    return paper.render("letters/letter.typ", asdict(letter), now)
