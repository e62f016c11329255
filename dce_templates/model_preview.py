"""What a buyer's own Word model makes of a document: the RC of the shipped example."""

from collections.abc import Iterable
from datetime import datetime
from importlib import resources

from dce_templates.build import build
from dce_templates.dossier import load_dossier
from dce_templates.law import Figure


def sample_rc(model: bytes, figures: Iterable[Figure], now: datetime) -> bytes:
    """A .docx. Raises WordError where the model cannot serve."""
    text = resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8")
    made = build(load_dossier(text), figures, (), ["docx"], now=now, kinds=["rc"], checked=False, model=model)
    return made.files[0].content
