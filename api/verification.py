"""The two reports of a verification: PDF for people, XML (ETSI TS 119 102-2) for machines; drawn in worker processes.

The seal is a function of the caller: bytes of a PDF in, bytes of the same PDF sealed out.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from api import isolate
from signature.report_words import Examined
from signature.trust import Trust

Seal = Callable[[bytes], bytes]
SECONDS = 30.0


def report_pdf(examined: Sequence[Examined], trust: Trust, now: datetime, seal: Seal | None = None) -> bytes:
    """The report in French; without `seal` it says of itself that it is not sealed. Raises WorkFailed, Unavailable."""
    path = "api.verification_pdf:render"
    pdf: bytes = isolate.run(path, tuple(examined), trust, now, sealed=seal is not None, seconds=SECONDS)
    return seal(pdf) if seal is not None else pdf


def report_xml(examined: Sequence[Examined], now: datetime) -> bytes:
    """Every signature of the files that could be read. Raises WorkFailed where there is none, Unavailable."""
    files = [(each.name, each.report) for each in examined if each.report is not None]
    xml: bytes = isolate.run("signature.report_xml:validation_report", files, now, seconds=SECONDS)
    return xml
