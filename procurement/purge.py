"""What serves nothing any more is removed: counters, codes, sessions, kept answers, contests, drafts never deposited.

The register is never touched: the end of a draft is one more line of it.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, and_, cast, delete, func, or_, select
from sqlalchemy.orm import Session

from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import Consultation
from procurement.contests import forget
from procurement.counters import Counter
from procurement.events import Event, lock, record
from procurement.idempotency import PastAnswer
from procurement.looks import Look
from procurement.people import EmailCode, LoginSession
from procurement.pieces import Piece

# The longest window of a brake or of a quota is a day; the day before is kept for whoever looks.
COUNTERS_AFTER = timedelta(days=2)
# Who repeats a call does so within minutes; a week covers a queue that was stopped.
ANSWERS_AFTER = timedelta(days=7)
# No text sets it. Long enough for a company to show what it had prepared when it contests a missed deadline, no longer
# than that serves (RGPD, article 5(1)(e)); a deposit is never concerned (R2184-12).
DRAFTS_AFTER = timedelta(days=30)
# No text sets these either. A contest may name a person's convictions (RGPD, article 10): it serves while the answer is
# examined and the choice disputed, six months from the decision, or from its own day where it came later (proofs are
# renewed every six months); two years from the deadline where nothing was decided.
CONTESTS_AFTER = timedelta(days=183)
UNDECIDED_AFTER = timedelta(days=730)
_DECISIONS = ("consultation.awarded", "consultation.abandoned", "consultation.cancelled")
# Tables of a draft, children first; a deposit has more, and no deposit is purged.
_OF_DRAFT = (CandidacyFile, Look, Piece)


def purge_small(db: Session, now: datetime) -> int:
    """Remove what is only of the moment; returns how many rows."""
    old = (
        delete(Counter).where(Counter.window_start < now - COUNTERS_AFTER),
        delete(EmailCode).where(EmailCode.expires_at < now),
        delete(LoginSession).where(LoginSession.expires_at < now),
        delete(PastAnswer).where(PastAnswer.at < now - ANSWERS_AFTER),
    )
    return sum(db.connection().execute(statement).rowcount for statement in old)


def drafts_to_purge(db: Session, now: datetime) -> list[int]:
    """Keys of the drafts whose deadline is thirty days past; one begun later (R2143-2: late, kept closed) has thirty
    days from its own beginning.
    """
    before = now - DRAFTS_AFTER
    query = select(Candidacy.id).join(Candidacy.consultation).where(
        Candidacy.state == "draft", Consultation.deadline < before, Candidacy.created_at < before
    )  # fmt: skip
    return list(db.scalars(query.order_by(Candidacy.id)))


def purge_contests(db: Session, now: datetime) -> int:
    """Forget the contests that serve nothing any more, those of answers that nobody examines first; returns how many.

    The register keeps that there was one, never its reason.
    """
    decided = select(func.max(Event.at)).where(
        Event.consultation_id == Candidacy.consultation_id, Event.kind.in_(_DECISIONS)
    )
    unexamined = Candidacy.state.in_(("withdrawn", "replaced", "late"))
    over = or_(
        decided.scalar_subquery() < now - CONTESTS_AFTER,
        Consultation.deadline < now - UNDECIDED_AFTER,
        and_(unexamined, Consultation.deadline < now - DRAFTS_AFTER),
    )
    query = select(Candidacy).join(Candidacy.consultation).where(cast(Candidacy.contests, String) != "{}", over)
    count = 0
    for candidacy in db.scalars(query.order_by(Candidacy.id).with_for_update(of=Candidacy)):
        life = CONTESTS_AFTER if candidacy.state == "submitted" else DRAFTS_AFTER
        count += forget(candidacy, now - life)
    return count


def purge_draft(db: Session, key: int, now: datetime) -> list[str]:
    """Remove one draft; returns the storage keys that no row names any more, to be deleted after the commit.

    Nothing where it is gone, or was deposited meanwhile. A file that a deposit shares is kept.
    """
    candidacy = db.get(Candidacy, key)
    if candidacy is None:
        return []
    consultation = candidacy.consultation
    lock(db, consultation)
    if key not in drafts_to_purge(db, now):
        return []
    ref, keys = candidacy.ref, {file.key for file in candidacy.files}
    for table in _OF_DRAFT:
        db.execute(delete(table).where(table.candidacy_id == key))
    db.execute(delete(Candidacy).where(Candidacy.id == key))
    record(db, consultation, "candidacy.purged", ref, "worker", now, files=len(keys))
    return sorted(keys - set(db.scalars(select(CandidacyFile.key).where(CandidacyFile.key.in_(keys)))))
