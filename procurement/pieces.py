"""Pieces: what the buyer obtains for itself about a candidate. A waiting row is the job of the worker."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint, or_, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from procurement.base import Base, HasRef
from procurement.candidacy import Candidacy
from procurement.consultation import Consultation
from procurement.errors import Invalid, Refused
from procurement.events import move, record
from procurement.people import Person
from siret_lookup.catalogue import PIECES
from siret_lookup.routing import Profile, split

# Fetched for all after the opening; tax and social proofs for the intended winner only (R2144-4). Who is really asked
# depends on the company and the contract: siret_lookup.routing.
CAPACITY = (
    "insee_etablissement", "insee_unite_legale", "infogreffe_extrait", "rne_extrait", "association", "eori",
    "chiffres_affaires", "bodacc", "rne_actes_bilans", "qualibat", "qualifelec", "opqibi", "rge", "qualiopi",
    "fntp_carte",
)  # fmt: skip
WINNER = (
    "attestation_fiscale", "vigilance", "msa_conformite", "probtp_attestation", "probtp_conformite",
    "cibtp_attestation", "cnetp_attestation", "numero_tva",
)  # fmt: skip
# Never asked without the buyer's written motive (R2143-11 caps what may be asked).
ON_MOTIVE = tuple(key for key, source in PIECES.items() if source.motive)
GIVE_UP_AFTER = 8

MOVES: Mapping[str, frozenset[str]] = {"waiting": frozenset({"settled"}), "settled": frozenset({"waiting"})}


class Piece(HasRef, Base):
    """One piece of one candidacy (siret_lookup.PIECES[key]); outcome and facts with origin, time and sha256."""

    __tablename__ = "piece"
    __table_args__ = (UniqueConstraint("candidacy_id", "key"),)
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = MOVES

    candidacy_id: Mapped[int] = mapped_column(ForeignKey("candidacy.id"), index=True)
    key: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    outcome: Mapped[str | None] = mapped_column(String(30))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    code: Mapped[str] = mapped_column(String(20), default="")
    source: Mapped[str] = mapped_column(String(200), default="")
    request_id: Mapped[str] = mapped_column(String(100), default="")
    reply_sha256: Mapped[str | None] = mapped_column(String(64))
    document_key: Mapped[str | None] = mapped_column(String(200))
    document_name: Mapped[str] = mapped_column(String(200), default="")
    document_type: Mapped[str] = mapped_column(String(100), default="")
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    valid_until: Mapped[date | None] = mapped_column(Date)
    valid_strictly_until: Mapped[date | None] = mapped_column(Date)
    fetched_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    motive: Mapped[str] = mapped_column(String(1000), default="")
    reused_from: Mapped[str | None] = mapped_column(String(12))
    candidacy: Mapped[Candidacy] = relationship()


# Loaded with a piece: whose it is, up to the buyer.
WHOSE = (
    joinedload(Piece.candidacy, innerjoin=True)
    .joinedload(Candidacy.consultation, innerjoin=True)
    .joinedload(Consultation.organisation, innerjoin=True),
)
# What one answer fills, whole.
ANSWER = (
    "outcome", "facts", "code", "source", "request_id", "reply_sha256", "document_key", "document_name",
    "document_type", "document_sha256", "valid_until", "valid_strictly_until", "fetched_at",
)  # fmt: skip


def ask(
    db: Session,
    candidacy: Candidacy,
    keys: Iterable[str],
    actor: str,
    now: datetime,
    motive: str = "",
) -> list[Piece]:
    """Set pieces waiting, once each; one that makes no sense for this company is settled, « non demandée », with why.

    With a `motive` (kept, at least a sentence) they are asked whatever the company is, and again if left out before.
    """
    known = {p.key: p for p in pieces_of(db, candidacy)}
    wanted = list(dict.fromkeys(keys))
    asked, left_out = split(
        wanted, profile_of(candidacy.identity), candidacy.consultation.kind, wanted if motive else ()
    )
    fresh = [Piece(candidacy=candidacy, key=key, next_try_at=now, motive=motive) for key in asked if key not in known]
    aside = {key: Piece(candidacy=candidacy, key=key) for key in left_out if key not in known}
    db.add_all([*fresh, *aside.values()])
    db.flush()
    if fresh:
        record(
            db, candidacy.consultation, "pieces.asked", candidacy.ref, actor, now,
            keys=[p.key for p in fresh], **({"motive": motive} if motive else {}),
        )  # fmt: skip
    for key, piece in aside.items():
        facts = {"detail": left_out[key], "known_at": candidacy.identity.get("fetched_at")}
        keep_result(db, piece, {"outcome": "not_applicable", "facts": facts, "fetched_at": now}, None, now)
    again = [p for key, p in known.items() if motive and key in asked and p.outcome == "not_applicable"]
    for piece in again:
        ask_again(db, piece, actor, now)
        piece.motive = motive
    return [*fresh, *again]


def profile_of(identity: Mapping[str, Any]) -> Profile:
    """What routing may know of a company: its identity as Sirene gave it (api/applying.py), nothing where typed."""
    if identity.get("origin") != "fetched":
        return Profile()
    return Profile(
        naf=tuple(str(code) for code, _ in identity.get("naf", [])),
        legal_form=identity.get("legal_form_code"),
        legal_form_label=identity.get("legal_form"),
        workforce=identity.get("unit_workforce_code"),
        workforce_year=identity.get("unit_workforce_year"),
    )


def ask_with_motive(
    db: Session, candidacies: Iterable[Candidacy], key: str, motive: str, person: Person, now: datetime
) -> None:
    """Ask, for each of these alike, what is off by default or made no sense. Raises Invalid without a real motive."""
    if key not in (*CAPACITY, *WINNER, *ON_MOTIVE):
        raise Invalid({"key": "Choisissez une pièce de la liste."})
    if len(motive.strip()) < 10:
        raise Invalid({"motive": "Écrivez en une phrase en quoi le marché l’exige : le motif est conservé (R2143-11)."})
    for candidacy in candidacies:
        if key in WINNER and candidacy.consultation.state == "opened":
            raise Refused("Cette preuve ne se demande qu’à l’attributaire pressenti.", "R2144-4")
        ask(db, candidacy, [key], person.email, now, motive=motive.strip()[:1000])


def ask_again(db: Session, piece: Piece, actor: str, now: datetime) -> None:
    """An officer wants a settled piece anew."""
    move(db, piece.candidacy.consultation, piece, "waiting", actor, now, key=piece.key)
    piece.next_try_at, piece.attempts = now, 0


def claim_pieces(db: Session, now: datetime, lease: timedelta, most: int) -> list[Piece]:
    """The next waiting pieces that are due, leased: a dead worker's lease expires and another takes them.

    Each comes with its candidacy, consultation and buyer.
    """
    due = (
        select(Piece)
        .where(Piece.state == "waiting", Piece.next_try_at <= now)
        .order_by(Piece.next_try_at, Piece.id)
        .limit(most)
        .options(*WHOSE)
        .with_for_update(skip_locked=True, of=Piece)
    )
    pieces = list(db.scalars(due))
    for piece in pieces:
        piece.attempts += 1
        piece.next_try_at = now + lease
    return pieces


def hold_back(db: Session, piece: Piece, keys: Iterable[str], until: datetime, now: datetime) -> None:
    """Give a claimed piece back without a call, and with it all that its buyer has due under `keys`."""
    piece.attempts -= 1
    piece.next_try_at = until
    db.flush()
    theirs = select(Candidacy.id).join(Consultation).where(Consultation.organisation_id == _buyer_of(piece))
    # Never waits for what another worker is claiming: that one holds it back by itself.
    due = (
        select(Piece.id)
        .where(
            Piece.state == "waiting",
            Piece.next_try_at <= now,
            Piece.key.in_(list(keys)),
            Piece.candidacy_id.in_(theirs),
        )
        .with_for_update(skip_locked=True)
    )
    held = update(Piece).where(Piece.id.in_(due)).values(next_try_at=until)
    db.execute(held.execution_options(synchronize_session=False))


def release(db: Session, keys: Iterable[str], held_until: datetime, now: datetime) -> None:
    """What was held back until then may be tried now: its provider answers again."""
    held = update(Piece).where(Piece.state == "waiting", Piece.key.in_(list(keys)), Piece.next_try_at == held_until)
    db.execute(held.values(next_try_at=now).execution_options(synchronize_session=False))


def _buyer_of(piece: Piece) -> int:
    return piece.candidacy.consultation.organisation_id


def reuse(db: Session, pieces: Iterable[Piece], fresh: Mapping[str, timedelta], now: datetime) -> list[Piece]:
    """Settle claimed pieces with answers that the same buyer got for another consultation; gives the others.

    `fresh` says how long an answer of each kind of source serves. A piece that was answered before is asked anew.
    Never across buyers.
    """
    pieces = list(pieces)
    known = _known(db, [piece for piece in pieces if piece.fetched_at is None], now - max(fresh.values()))
    left = []
    for piece in pieces:
        answer = known.get(_same(piece)) if piece.fetched_at is None else None
        if answer is None or answer.fetched_at is None or answer.fetched_at <= now - fresh[PIECES[piece.key].kind]:
            left.append(piece)
            continue
        piece.attempts -= 1
        taken = {column: getattr(answer, column) for column in ANSWER}
        keep_result(db, piece, taken | {"reused_from": answer.reused_from or answer.ref}, None, now)
    return left


def _known(db: Session, pieces: Sequence[Piece], since: datetime) -> dict[tuple[int, str, str], Piece]:
    """The newest answer obtained since then of each of these, whichever consultation of its buyer it was for."""
    if not pieces:
        return {}
    query = (
        select(Piece)
        .join(Piece.candidacy)
        .join(Candidacy.consultation)
        .where(
            Consultation.organisation_id.in_({_buyer_of(piece) for piece in pieces}),
            or_(*(Candidacy.siret.startswith(siren) for siren in sorted({p.candidacy.siret[:9] for p in pieces}))),
            Piece.key.in_({piece.key for piece in pieces}),
            Piece.state == "settled",
            Piece.outcome == "obtained",
            Piece.fetched_at > since,
        )
        .order_by(Piece.fetched_at)
        .options(*WHOSE)
    )
    return {_same(answer): answer for answer in db.scalars(query)}


def _same(piece: Piece) -> tuple[int, str, str]:
    """What two pieces share when one answer serves both: the buyer, the source, the company or the establishment."""
    siret = piece.candidacy.siret
    return _buyer_of(piece), piece.key, siret[:9] if PIECES[piece.key].by == "siren" else siret


def keep_result(db: Session, piece: Piece, result: Mapping[str, Any], retry_at: datetime | None, now: datetime) -> None:
    """Record one answer. `unavailable` stays waiting until its retry time, eight tries, then a person asks again."""
    for column, value in result.items():
        setattr(piece, column, value)
    again = piece.outcome == "unavailable" and piece.attempts < GIVE_UP_AFTER
    piece.next_try_at = (retry_at or now + timedelta(minutes=2)) if again else None
    if not again:
        said = {"reused": piece.reused_from} if piece.reused_from else {}
        move(
            db, piece.candidacy.consultation, piece, "settled", "worker", now,
            key=piece.key, outcome=piece.outcome, reply=piece.reply_sha256, **said,
        )  # fmt: skip


def called_as(db: Session, organisation_id: int, request_id: str) -> list[Piece]:
    """The pieces that a call of this number (X-Request-ID) answered, for one buyer, once their plis are open."""
    query = (
        select(Piece)
        .join(Piece.candidacy)
        .join(Candidacy.consultation)
        .where(
            Piece.request_id == request_id,
            Consultation.organisation_id == organisation_id,
            Consultation.opened_at.is_not(None),
        )
        .order_by(Piece.id)
        .limit(50)
        .options(*WHOSE)
    )
    return list(db.scalars(query)) if request_id else []


def pieces_of(db: Session, candidacy: Candidacy) -> list[Piece]:
    return list(db.scalars(select(Piece).where(Piece.candidacy_id == candidacy.id).order_by(Piece.id)))
