"""Chorus Pro, four jobs: read what each portal announces, fetch it, send decisions back, read the buyer's switches.

Each is claim (short transaction, lease) → call (no transaction open) → record; what is interrupted is taken up again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.chorus import portal_of, switches_of
from api.context import Context
from api.invoices import FOLDER, examine, facts_of, keep_found, matched
from api.remote import chorus
from api.remote.chorus import Line, Shifted
from api.remote.piste import Portal, PortalRefused, TooLarge
from procurement.chorus import (
    OVERLAP,
    Announced,
    ChorusAccount,
    ChorusNotice,
    account_failed,
    account_of,
    announce,
    ask_again,
    claim_account,
    claim_notices,
    claim_structure,
    directory_of,
    keep_structure,
    notice_failed,
    notice_kept,
    postpone,
    structure_of,
    window_read,
)
from procurement.chorus_status import (
    ACTOR,
    answered,
    claim_status,
    status_late,
    status_refused,
    status_seen,
    status_told,
)
from procurement.errors import DomainError, Refused, Unavailable
from procurement.examining import unread
from procurement.invoice_copy import Arrival, InvoiceCopy
from procurement.invoicing.directory import Directory
from procurement.people import Organisation
from procurement.twins import stand_ins

GROUP = 10
# How often a list that moves is read again at once.
PASSES = 4
# What is not the buyer's yet: it comes back in the list when it is.
ON_ITS_WAY = frozenset({"DEPOSEE", "EN_COURS_ACHEMINEMENT"})
TWIN = "Le même fichier est déjà ici, sous un autre numéro du portail : à rejeter là-bas comme doublon."
TOO_LARGE = "Cette facture dépasse 120 Mo : Chorus Pro ne la donne pas par cette voie. Téléchargez-la sur le portail."
UNFORESEEN = (
    "Cette facture n’a pas pu être reçue ici, par une erreur de ce service : les autres le sont. Elle est redemandée "
    "plus tard ; si cela dure, téléchargez-la sur le portail et dites-le à qui tient ce service."
)
SECONDS = 120.0
log = structlog.get_logger("mps.chorus")


def _is_due(context: Context, *which: ColumnElement[bool] | Any) -> bool:
    """A read first, so that idle workers write nothing."""
    with database.reading(context.database) as db:
        now = database.now(db)
        return db.scalar(select(1).where(which[0] <= now, *which[1:]).limit(1)) is not None


# Reading what is announced.


def read_one(context: Context) -> bool:
    """One account whose time has come: one window of its list. True when one was tried."""
    if not _is_due(context, ChorusAccount.due_at):
        return False
    with database.transaction(context.database) as db:
        account = claim_account(db, database.now(db))
        if account is None:
            return False
        owner = account.organisation
        known = structure_of(db, owner.id)
    try:
        _read_window(context, account, owner, known.portal_id if known else None)
    except DomainError as error:
        log.warning("portal not read", organisation=owner.ref, problem=error.sentence)
        with database.transaction(context.database) as db:
            row = db.get_one(ChorusAccount, account.id)
            account_failed(row, error.sentence, getattr(error, "retry_after", 0), database.now(db))
    return True


def _read_window(context: Context, account: ChorusAccount, owner: Organisation, structure_id: int | None) -> None:
    portal = portal_of(context, account)
    if structure_id is None:
        structure_id = _keep_switches(context, portal, owner)
    since, end = account.read_until - OVERLAP, account.window_to or account.read_until
    for number in range(1, PASSES + 1):
        try:
            for lines in chorus.received(portal, structure_id, since, end):
                _record(context, account.id, lines)
        except Shifted:
            if number == PASSES:
                raise
        else:
            break
    with database.transaction(context.database) as db:
        window_read(db.get_one(ChorusAccount, account.id, with_for_update=True), end, database.now(db))


def _record(context: Context, account_id: int, lines: Sequence[Line]) -> None:
    here = [line for line in lines if line.status not in ON_ITS_WAY]
    found = [Announced(line.portal_id, line.number, line.supplier, line.status, line.at) for line in here]
    with database.transaction(context.database) as db:
        account = db.get_one(ChorusAccount, account_id, with_for_update=True)
        now = database.now(db)
        announce(db, account, found, now)
        told = {line.portal_id: (line.status, line.at) for line in here}
        status_seen(db, account.organisation_id, told, now)


# Fetching.


@dataclass(frozen=True)
class _Job:
    """Announced invoices of one account, out of any transaction: number → its notice."""

    portal: Portal
    owner: Organisation
    notices: Mapping[str, ChorusNotice]
    directory: Directory


def fetch_some(context: Context) -> bool:
    """A few announced invoices of one account: downloaded, examined, kept. True when some were tried."""
    running = select(ChorusAccount.id).where(ChorusAccount.stopped_at.is_(None))
    if not _is_due(context, ChorusNotice.due_at, ChorusNotice.account_id.in_(running)):
        return False
    with database.transaction(context.database) as db:
        rows = claim_notices(db, GROUP, database.now(db))
        if not rows:
            return False
        account, owner = rows[0].account, rows[0].account.organisation
        directory = directory_of(db, owner.id)
    left = {row.portal_id: row for row in rows}
    try:
        job = _Job(portal_of(context, account), owner, dict(left), directory)
        for number in _fetched(context, job, list(left)):
            left.pop(number, None)
    except Unavailable as error:
        log.warning("invoices not fetched", organisation=owner.ref, problem=error.sentence)
        with database.transaction(context.database) as db:
            now = database.now(db)
            postpone([db.get_one(ChorusNotice, row.id) for row in left.values()], error.retry_after, now)
            db.get_one(ChorusAccount, account.id).problem = error.sentence[:500]
    return True


def _fetched(context: Context, job: _Job, numbers: Sequence[str]) -> Iterator[str]:
    """Each number once it is recorded, kept or not. A group that is refused, or fails, is asked for one by one."""
    left = list(numbers)
    try:
        for asked, archive in chorus.download_all(job.portal, numbers):
            found = _unpacked(archive, asked)
            for number in asked:
                if number in found or len(asked) == 1:
                    _take(context, job, number, found.get(number))
                    left.remove(number)
                    yield number
    except Unavailable:  # the portal is not there, for any of them
        raise
    except Exception as error:
        if len(numbers) == 1:
            _fail(context, job, numbers[0], _said(job, numbers[0], error))
            yield numbers[0]
            return
    for number in left:
        yield from _fetched(context, job, [number])


def _said(job: _Job, number: str, error: Exception) -> str:
    """The error's own sentence; what nobody foresaw is logged, and counts as an attempt like the rest."""
    if isinstance(error, DomainError):
        return error.sentence
    log.error("invoice not kept", organisation=job.owner.ref, number=number, kind=type(error).__name__, exc_info=error)
    return UNFORESEEN


def _unpacked(archive: bytes, numbers: Sequence[str]) -> dict[str, Any]:
    """Nothing where the archive is too large or does not read: the invoice is then asked for as a PDF."""
    if not archive:
        return {}
    try:
        found: dict[str, Any] = isolate.run(
            "procurement.invoicing.archive:unpack", archive, list(numbers), seconds=SECONDS
        )
    except (isolate.WorkFailed, Unavailable):
        return {}
    return found


def _take(context: Context, job: _Job, number: str, file: Any) -> None:
    """One invoice: its electronic file, else the portal's PDF; kept even where it does not read."""
    chosen = file if file is not None and file.reads else _as_pdf(job.portal, number) or file
    if chosen is None:
        raise Refused(TOO_LARGE)
    notice = job.notices[number]
    status, at = _notified(job.portal, notice)
    arrival = Arrival("chorus", ACTOR, number, status, at)
    found = _examined(chosen.content, notice.number, job.directory)
    facts = facts_of(chosen.name, chosen.content, found)
    with database.reading(context.database) as db:
        copies = [copy.sha256 for copy in stand_ins(db, job.owner.id, facts)]
    found["match"] = matched(context, job.owner.id, [found["invoice"]], leave_out=copies)[0]
    key = context.storage.put(FOLDER, chosen.content)
    with database.transaction(context.database) as db:
        owner = db.get_one(Organisation, job.owner.id)
        (copy,) = keep_found(db, owner, arrival, [(facts, key, found)])
        twin = copy.portal_id != number
        notice_kept(db.get_one(ChorusNotice, notice.id), copy.id, TWIN if twin else "")
    if copy.key != key:
        context.storage.delete(key)


def _as_pdf(portal: Portal, number: str) -> Any:
    """The portal's PDF, or None where even that is too large."""
    try:
        archive = chorus.download(portal, [number], "PDF")
    except TooLarge:
        return None
    return _unpacked(archive, [number]).get(number)


def _examined(content: bytes, number: str, directory: Directory) -> dict[str, Any]:
    """What cannot be read, or makes its reader fail, is kept with the sentence: the portal has it, a person decides."""
    problem = ""
    for _ in range(2):  # a worker that died may have died of another's file
        try:
            return examine(content, directory)
        except isolate.WorkFailed as error:
            problem = error.sentence
            break
        except Unavailable as error:
            problem = error.sentence
    return unread(problem, number, pdf=b"%PDF-" in content[:1024])


def _notified(portal: Portal, notice: ChorusNotice) -> tuple[str, datetime]:
    """The present status, and the instant of the portal's notification: where the delay starts (R2192-15)."""
    if notice.status == "MISE_A_DISPOSITION":
        return notice.status, notice.status_at
    steps = [at for status, at in chorus.history(portal, notice.portal_id) if status == "MISE_A_DISPOSITION"]
    return notice.status, steps[-1] if steps else notice.status_at


def _fail(context: Context, job: _Job, number: str, sentence: str) -> None:
    with database.transaction(context.database) as db:
        notice_failed(db.get_one(ChorusNotice, job.notices[number].id), sentence, 0, database.now(db))


# Sending decisions back.


def tell_one(context: Context) -> bool:
    """One decision told to the portal. True when one was tried."""
    running = select(ChorusAccount.organisation_id).where(ChorusAccount.stopped_at.is_(None))
    if not _is_due(context, InvoiceCopy.portal_due_at, InvoiceCopy.organisation_id.in_(running)):
        return False
    with database.transaction(context.database) as db:
        copy = claim_status(db, database.now(db))
        if copy is None:
            return False
        account = db.scalars(select(ChorusAccount).filter_by(organisation_id=copy.organisation_id)).one()
        _ = account.organisation
    wanted, outcome = copy.portal_wanted, ""
    try:
        outcome = _told(portal_of(context, account), copy)
    except Unavailable as error:
        with database.transaction(context.database) as db:
            row = answered(db, copy.id)
            status_late(row, error.sentence, error.retry_after, database.now(db))
        return True
    with database.transaction(context.database) as db:
        row = answered(db, copy.id)
        if outcome:
            status_refused(db, row, wanted, outcome, database.now(db))
        else:
            status_told(db, row, wanted, database.now(db))
    return True


def _told(portal: Portal, copy: InvoiceCopy) -> str:
    """ "" once the portal has the status, else its refusal. After a call without answer, it is looked at first."""
    number, wanted = copy.portal_id or "", copy.portal_wanted
    if copy.portal_attempts > 1 and _present(portal, number) == wanted:
        return ""
    try:
        chorus.tell(portal, number, wanted, copy.motive)
    except PortalRefused as refused:
        return "" if _present(portal, number) == wanted else refused.sentence
    return ""


def _present(portal: Portal, number: str) -> str:
    try:
        steps = chorus.history(portal, number)
    except PortalRefused:
        return ""
    return steps[-1][0] if steps else ""


# The buyer's switches.


def read_structure(context: Context) -> bool:
    """Once a day, what the portal asks of invoices sent to one buyer. True when one was tried."""
    if not _is_due(context, ChorusAccount.structure_due_at, ChorusAccount.stopped_at.is_(None)):
        return False
    with database.transaction(context.database) as db:
        account = claim_structure(db, database.now(db))
        if account is None:
            return False
        owner = account.organisation
    try:
        _keep_switches(context, portal_of(context, account), owner)
    except (Unavailable, Refused) as error:
        log.warning("structure not read", organisation=owner.ref, problem=error.sentence)
        with database.transaction(context.database) as db:
            db.get_one(ChorusAccount, account.id).problem = error.sentence[:500]
    return True


def _keep_switches(context: Context, portal: Portal, owner: Organisation) -> int:
    told = switches_of(portal, owner.siret)
    with database.transaction(context.database) as db:
        keep_structure(db, owner.id, told, database.now(db))
    return told.portal_id


def catch_up(context: Context, organisation_id: int) -> int:
    """Read this buyer's account now, to the end; how many invoices came in.

    Raises Refused where there is no account, Unavailable where the portal did not answer.
    """
    with database.transaction(context.database) as db:
        account = account_of(db, organisation_id)
        if account is None or account.stopped_at is not None:
            raise Refused("Cet acheteur n’a pas de compte Chorus Pro en service : son administrateur le donne.")
        now = database.now(db)
        before, account.due_at, account.problem = _kept_by(db, account.id), now, ""
        ask_again(db, account, now)
    while read_one(context) or fetch_some(context):
        pass
    with database.reading(context.database) as db:
        account = db.get_one(ChorusAccount, account.id)
        if account.problem:
            raise Unavailable(account.problem)
        return _kept_by(db, account.id) - before


def _kept_by(db: Session, account_id: int) -> int:
    kept = (ChorusNotice.account_id == account_id, ChorusNotice.copy_id.is_not(None))
    return db.scalar(select(func.count()).select_from(ChorusNotice).where(*kept)) or 0
