"""A contract's order, certificate or report as PDF, made in a worker process."""

from dataclasses import asdict
from datetime import datetime

from api import paper
from api.contract_paper import ContractPaper

NARROW = 16  # signs of the widest word that any column holds


def render(said: ContractPaper, now: datetime) -> bytes:
    """A tagged PDF/UA-1. Raises PaperError."""
    return paper.render("contracts/paper.typ", paper.fit(asdict(said), NARROW), now)
