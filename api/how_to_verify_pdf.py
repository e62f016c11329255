"""The « mode d'emploi » of a signature as PDF, made in a worker process."""

from dataclasses import asdict
from datetime import datetime

from api import paper
from api.how_to_verify import HowTo


def render(found: HowTo, now: datetime) -> bytes:
    """A tagged PDF/UA-1 dated `now` (aware). Raises PaperError."""
    return paper.render("signing/how_to_verify.typ", asdict(found), now)
