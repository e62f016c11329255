"""The reports of a verification, as a worker process makes them: it loads what judges and what draws."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from api import paper
from api.verification import Verified
from signature.report_words import Examined, told
from signature.report_xml import validation_report
from signature.trust import Trust
from signature.verify import examine

log = logging.getLogger(__name__)


def render(examined: Sequence[Examined], trust: Trust, now: datetime, *, sealed: bool) -> bytes:
    """A tagged PDF/UA-1 and PDF/A-2a; `now` (aware) is the moment of the check, its only date. Raises PaperError.

    `sealed`: whether a seal will be put on these bytes, which the paper says.
    """
    return paper.render("verify/report.typ", paper.fit(asdict(told(examined, trust, now, sealed=sealed))), now)


def made(name: str, content: bytes, trust: Trust, now: datetime, beside: dict[str, bytes], *, sealed: bool) -> Verified:
    """The verdict on one file, in plain values, and both reports. Raises Unreadable."""
    report = examine(content, trust, now, None, beside)
    examined = [Examined.of(name, content, report, beside=beside)]
    try:
        pdf = render(examined, trust, now, sealed=sealed)
    except paper.PaperError as error:  # the verdict does not wait for it
        log.error("the report of a verification could not be drawn", exc_info=error)
        pdf = b""
    xml = validation_report([(name, report)], now) if report.signatures else b""
    return Verified(report.as_dict(), pdf, xml)
