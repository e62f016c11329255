"""The receipt as PDF, made in a worker process."""

from dataclasses import asdict
from datetime import datetime

from api import paper
from api.receipt import Receipt


def render(receipt: Receipt, now: datetime) -> bytes:
    """A tagged PDF/UA-1; `now` (aware) is the deposit's instant. Raises PaperError."""
    return paper.render("candidacies/receipt.typ", asdict(receipt), now)
