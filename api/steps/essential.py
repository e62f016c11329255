"""Publishes the essential data of one contract: made from its rows, checked in a worker process, then frozen.

What does not pass our schema, our XSD and every rule of the State's consolidation is held back, with its reasons.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.context import Context
from api.steps.daily import turn_of_day
from dce_templates.dossier import DossierError
from procurement.contract import Contract, paris_day
from procurement.publication.deadlines import due_on, warn
from procurement.publication.decp import to_text
from procurement.publication.essential import (
    FULL,
    LEASE,
    Essential,
    Finding,
    append_act,
    essential_of,
    hold,
    publish_record,
)
from procurement.publication.mapping import Appending, await_changes, due, mark_changes, plan, to_append
from procurement.publication.push import ask_push

CHECK = "procurement.publication.check:check_record"
SECONDS = 30.0


@dataclass(frozen=True)
class _Job:
    """What one contract would publish: the text to check, and what to keep of it."""

    contract: int
    today: date
    form: str
    text: str
    whole: str
    acts: tuple[Appending, ...]
    fresh: bool
    findings: tuple[Finding, ...]


def publish_one(context: Context) -> bool:
    """Claim, check, publish or hold back. True when a contract was handled."""
    job = _claim(context)
    if job is None:
        return False
    findings = job.findings
    if not findings and job.form == FULL:
        try:
            found = isolate.run(CHECK, job.whole, job.today, seconds=SECONDS)
        except isolate.WorkFailed as error:
            found = [("CONTROLE", error.sentence)]
        findings = tuple(Finding(rule, message) for rule, message in found)
    _keep(context, job, findings)
    return True


def _claim(context: Context) -> _Job | None:
    """A read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        if due(db, database.now(db)) is None:
            return None
    with database.transaction(context.database) as db:
        now = database.now(db)
        number = due(db, now)
        if number is None:
            return None
        contract = db.get_one(Contract, number, with_for_update={"of": Contract})
        essential = essential_of(db, contract)
        essential.try_at = now + LEASE
        try:
            essential.due_on = due_on(contract, essential)
            return _job(db, contract, essential, paris_day(now))
        except DossierError as error:
            return _Job(number, paris_day(now), FULL, "", "", (), True, (Finding("DOSSIER", str(error)),))


def _job(db: Session, contract: Contract, essential: Essential, today: date) -> _Job:
    if essential.state == "published":
        acts = tuple(to_append(db, contract, essential, today))
        whole = essential.with_acts((act.kind, act.made) for act in acts)
        return _Job(contract.id, today, FULL, essential.record, to_text(whole), acts, False, ())
    made = plan(db, contract, essential, today)
    text = to_text(made.record) if made.record else ""
    return _Job(contract.id, today, made.form, text, text, (), True, tuple(made.findings))


def _keep(context: Context, job: _Job, findings: tuple[Finding, ...]) -> None:
    with database.transaction(context.database) as db:
        now = database.now(db)
        essential = essential_of(db, db.get_one(Contract, job.contract))
        if findings:
            hold(db, essential, findings, now)
            return
        publish_record(db, essential, job.form, job.text, now)
        for act in job.acts:
            append_act(db, essential, act.kind, act.number, to_text(act.made), now)
        if job.acts:
            mark_changes(db, essential.contract, now)
        if job.fresh:
            await_changes(db, essential.contract)
        if job.form == FULL:
            ask_push(db, essential.contract.organisation_id, now)


def warn_once(context: Context) -> bool:
    """Once a day: officers are told of what must be published soon, and of what is late."""
    if turn_of_day(context, "essential") is None:
        return False
    with database.transaction(context.database) as db:
        now = database.now(db)
        return warn(db, paris_day(now), now) > 0
