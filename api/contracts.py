"""What the award and the contract need from the leaves: documents and verdicts, made in worker processes."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from api import isolate
from dce_templates.catalogue import Clause, taken_by
from dce_templates.dossier import Holder, parse_dossier
from procurement.candidacy import Candidacy
from procurement.errors import Invalid, Refused
from procurement.rules import rule_table
from procurement.spreadsheet import figure
from signature.trust import Trust

SIGNED_CAP = 20_000_000
# Years that somebody may mean.
MEANT = range(1900, 3000)
# A file that takes longer than this to read is told to be a trap.
SECONDS = 10.0


def read_euros(text: str, field: str = "amount") -> Decimal:
    """« 12 345,60 », « 12345.6 € » → Decimal. Raises Invalid on anything else."""
    cleaned = "".join(text.split()).replace("\u202f", "").removesuffix("€").replace(",", ".")
    value = figure(cleaned)
    if value is None:
        raise Invalid({field: "Écrivez un montant en euros, par exemple 12 345,60."})
    return value


def holder_of(candidacy: Candidacy, amount: Decimal) -> Holder:
    """The holder's part of the acte d’engagement, from what was deposited (corrections stand over open data)."""
    address = candidacy.corrections.get("address") or candidacy.identity.get("address")
    return Holder(
        name=_line(candidacy.name, 300),
        siret=candidacy.siret,
        amount=amount,
        address=_line(address),
        email=candidacy.contact_email,
        role=_line(candidacy.answers.get("capacity")),
    )


def _line(value: object, size: int = 500) -> str:
    """One printable line of what someone typed."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value or "")).split())[:size]


def verify_signature(
    content: bytes,
    trust: Trust,
    now: datetime,
    not_before: datetime | None = None,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Our verdict on these very bytes, in the shape of `mps sign verify`. Raises WorkFailed, Unavailable.

    `files`: what a detached signature may cover, by name.
    """
    moment = not_before.isoformat() if not_before else None
    shape: dict[str, Any] = isolate.run(
        "signature.verify:shape", content, trust, now.isoformat(), moment, files, seconds=SECONDS
    )
    return shape


def check_additions(unsigned: bytes, signed: bytes) -> None:
    """Raises Refused where something else than a signature was added to the document that was handed out."""
    problem: str = isolate.run("signature.additions:redrawn", unsigned, signed)
    if problem:
        raise Refused(problem, "R2182-3")


def read_date(text: str, field: str) -> date:
    """« 2026-12-01 » as browsers send it, or « 01/12/2026 ». Raises Invalid, also for years that nobody means."""
    for form in ("%Y-%m-%d", "%d/%m/%Y") if text.isascii() else ():
        try:
            day = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if day.year in MEANT:
            return day
    raise Invalid({field: "Écrivez une date, par exemple 01/12/2026."})


def build_acte(
    data: dict[str, Any], holder: Holder, now: datetime, clauses: Mapping[str, Clause], public_url: str
) -> tuple[bytes, str]:
    """(PDF, sha256) of the acte d’engagement with its holder, ready to sign. Raises WorkFailed, Unavailable.

    It bears the address of the public page of this service that verifies signatures.
    """
    dossier = parse_dossier(data)
    built = isolate.run(
        "dce_templates.build:build",
        dossier,
        rule_table().figures,
        (),
        ("pdf",),
        holder,
        now=now,
        kinds=("ae",),
        checked=False,
        clauses=taken_by(dossier, clauses),
        check_at=f"{public_url.rstrip('/')}/verifier",
        seconds=60,
    )
    content: bytes = built.files[0].content
    return content, hashlib.sha256(content).hexdigest()
