"""A contract's order or certificate as PDF, made in a worker process."""

from dataclasses import asdict
from datetime import datetime

from api import paper
from api.contract_paper import ContractPaper


def render(said: ContractPaper, now: datetime) -> bytes:
    """A tagged PDF/UA-1. Raises PaperError."""
    return paper.render("contracts/paper.typ", asdict(said), now)
