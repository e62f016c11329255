"""The facts of an opened consultation for its records, which dce_templates/acts/minutes.py writes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.awarding import standstill_days
from api.review import has_adopted
from dce_templates.acts.minutes import Decision, Deposit, Minutes
from dce_templates.check_tools import eu_threshold
from dce_templates.dossier import Dossier, parse_dossier
from procurement.award import Award, award_of
from procurement.candidacy import Candidacy, CandidacyFile, received, received_late
from procurement.consultation import Consultation
from procurement.events import Event, register
from procurement.rules import rule_table
from procurement.spreadsheet import figure


@dataclass(frozen=True)
class _Told:
    """What the register tells: who opened, who was set aside and why, its last hash."""

    opened_by: str
    aside: Mapping[str, str]
    head: str


def minutes_of(db: Session, consultation: Consultation) -> tuple[Minutes, list[int]]:
    """The facts, and the candidacies they speak of. Raises Refused before the opening."""
    everyone = received(db, consultation)
    told, award = _told(register(db, consultation)), award_of(db, consultation)
    files = _files(db, [candidacy.id for candidacy in everyone])
    dossier = parse_dossier(consultation.dossier)
    decided = award is not None and award.decided_at is not None
    facts = Minutes(
        dossier=dossier,
        published_at=_known(consultation.published_at),
        dce_version=consultation.dce_version,
        deadline=_known(consultation.deadline),
        opened_at=_known(consultation.opened_at),
        opened_by=told.opened_by,
        offers_elsewhere="" if consultation.offers_here else consultation.offers_elsewhere,
        register_sha256=told.head,
        deposits=tuple(_deposit(c, files[c.id], told, award, decided) for c in everyone),
        late=tuple(received_late(db, consultation)),
        overrides=tuple((_article(o.rule), o.motive, o.by, o.at) for o in consultation.overrides),
        decision=_decision(award),
        abandoned=consultation.reason if consultation.state == "abandoned" else "",
        standstill_days=standstill_days(dossier, dossier.launched_on, wait=True) or None,
        threshold=_threshold(dossier) if has_adopted(consultation.organisation) else None,
    )
    return facts, [candidacy.id for candidacy in everyone]


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("an opened consultation was published, with a deadline")
    return moment


def _files(db: Session, ids: list[int]) -> Mapping[int, Counter[str]]:
    """How many files of each kind, by candidacy."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    query = select(CandidacyFile.candidacy_id, CandidacyFile.kind, func.count()).where(
        CandidacyFile.candidacy_id.in_(ids)
    )
    for candidacy, kind, count in db.execute(query.group_by(CandidacyFile.candidacy_id, CandidacyFile.kind)):
        found[candidacy][kind] = count
    return found


def _told(events: Iterable[Event]) -> _Told:
    opened_by, named, head = "", "", ""
    aside: dict[str, str] = {}
    for event in events:
        head = event.hash
        if event.kind == "consultation.intended":
            named = str(event.data.get("candidacy", ""))
            aside.pop(named, None)
        elif event.kind == "consultation.opened" and event.data.get("motive"):
            aside[named] = str(event.data["motive"])
        elif event.kind == "consultation.opened":
            opened_by = opened_by or event.actor
    return _Told(opened_by, aside, head)


def _deposit(candidacy: Candidacy, files: Counter[str], told: _Told, award: Award | None, decided: bool) -> Deposit:
    chosen = award is not None and award.candidacy_id == candidacy.id and candidacy.ref not in told.aside
    motive = told.aside.get(candidacy.ref, "")
    return Deposit(
        name=candidacy.name,
        siret=candidacy.siret,
        received_at=_known(candidacy.submitted_at),
        files=files.total(),
        offer_files=files["offer"],
        amount=_amount(candidacy.opened_amount),
        sealed=candidacy.offer_amount is not None,
        sha256=candidacy.snapshot_sha256 or "",
        standing=("winner" if decided else "intended") if chosen else "aside" if motive else "received",
        motive=motive,
    )


def _amount(text: str | None) -> Decimal | None:
    """What the candidate sealed; a text that is no amount is shown as unreadable."""
    found = figure(text or "")
    return found if found is not None and abs(found) < 10**12 else None


def _decision(award: Award | None) -> Decision | None:
    if award is None or award.decided_at is None or award.amount is None:
        return None
    return Decision(award.amount, award.motive, award.decided_at, award.decided_by)


def _article(rule: str) -> str:
    """The article of the rule that was passed over; its name where the table has it no more."""
    return next((row.origin.article for row in rule_table().rules if row.id == rule), rule)


def _threshold(dossier: Dossier) -> Decimal | None:
    figure = (
        rule_table()
        .in_force(dossier.launched_on)
        .figures.get(eu_threshold(dossier.buyer, dossier.kind, dossier.concedes))
    )
    return figure.value if figure else None
