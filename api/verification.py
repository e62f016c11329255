"""A verdict with its two reports, PDF for people and XML (ETSI TS 119 102-2) for machines, made in a worker process.

The seal is a function of the caller: bytes of a PDF in, bytes of the same PDF sealed out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from api import isolate
from procurement.errors import Unavailable
from signature.trust import Trust

Seal = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Verified:
    """`shape` is the JSON of `mps sign verify`; a report that cannot be made is empty, as `xml` of the unsigned is."""

    shape: dict[str, Any]
    pdf: bytes
    xml: bytes


def verified(
    name: str, content: bytes, trust: Trust, now: datetime, beside: Mapping[str, bytes], seal: Seal | None = None
) -> Verified:
    """One file, with those that a detached signature may cover, as of `now` (aware). Raises WorkFailed, Unavailable.

    Without `seal` the PDF says of itself that it is not sealed.
    """
    given = name, content, trust, now, dict(beside)
    made: Verified = isolate.run("api.verification_pdf:made", *given, sealed=seal is not None)
    if seal is None or not made.pdf:
        return made
    try:
        return replace(made, pdf=seal(made.pdf))
    except (Unavailable, isolate.WorkFailed):
        unsealed: Verified = isolate.run("api.verification_pdf:made", *given, sealed=False)
        return unsealed
