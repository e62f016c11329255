"""The board of an opened consultation as its officer reads it: plain values with provenance, words, and warnings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.candidacy_view import answered, belonging_words, file_row, identity_rows
from api.facts_view import pairs, tables
from api.steps.pieces import result_of
from procurement.candidacy import Candidacy, CandidacyFile
from procurement.consultation import Consultation
from procurement.looks import Look, looks
from procurement.piece_requests import PieceRequest, requests_of
from procurement.pieces import GIVE_UP_AFTER, ON_MOTIVE, WINNER, Piece
from siret_lookup.bodacc import words as bodacc_words
from siret_lookup.bodacc.piece import from_facts
from siret_lookup.bodacc.state import Proceedings, State
from siret_lookup.catalogue import BODACC, PIECES, Beside
from siret_lookup.outcome import Outcome, PieceResult
from siret_lookup.source import Source
from siret_lookup.words import buyer_sentence, label

TONES = {
    Outcome.OBTAINED: "success",
    Outcome.UNAVAILABLE: "waiting",
    Outcome.REFUSED_BY_AUTHORITY: "warning",
    Outcome.NOT_AUTHORISED: "warning",
}
ASKED = "Demandée, réponse attendue"
GIVEN_UP = f" Après {GIVE_UP_AFTER} essais, demandez la pièce au candidat ou relancez."
# The board's columns: title → the pieces it sums up.
GROUPS: Mapping[str, Callable[[Source | Beside], bool]] = {
    "Identité et registres": lambda source: source.kind == "identity" and source.key not in WINNER,
    "Capacités": lambda source: source.kind == "capacity",
    "Preuves fiscales et sociales": lambda source: source.key in WINNER,
}
QUIET = frozenset({Outcome.OBTAINED, Outcome.NOT_APPLICABLE})


def header(consultation: Consultation) -> dict[str, Any]:
    return {
        "ref": consultation.ref,
        "number": consultation.number,
        "object": consultation.object,
        "deadline": consultation.deadline,
        "opened_at": consultation.opened_at,
        "offers_here": consultation.offers_here,
        "offers_elsewhere": consultation.offers_elsewhere,
    }


def board(db: Session, everyone: Sequence[Candidacy], shown: Sequence[Candidacy]) -> dict[str, Any]:
    """Rows of the shown ones; `everyone` counts for the warnings. Two queries whatever the number of rows."""
    ids = [candidacy.id for candidacy in shown]
    pieces: dict[int, dict[str, Piece]] = defaultdict(dict)
    for piece in db.scalars(select(Piece).where(Piece.candidacy_id.in_(ids))):
        pieces[piece.candidacy_id][piece.key] = piece
    files: dict[int, int] = Counter(
        db.scalars(
            select(CandidacyFile.candidacy_id).where(CandidacyFile.candidacy_id.in_(ids), CandidacyFile.kind == "offer")
        )
    )
    same = Counter(candidacy.siret for candidacy in everyone)
    return {
        "groups": list(GROUPS),
        "rows": [_row(c, pieces[c.id], files[c.id], same[c.siret]) for c in shown],
        "waiting": any(p.state == "waiting" for row in pieces.values() for p in row.values()),
        "to_ask": [(key, PIECES[key].title) for key in ON_MOTIVE],
    }


def _row(candidacy: Candidacy, pieces: Mapping[str, Piece], offers: int, same: int) -> Any:
    return {
        "ref": candidacy.ref,
        "name": candidacy.name,
        "siret": candidacy.siret,
        "submitted_at": candidacy.submitted_at,
        "belonging": candidacy.belonging,
        "belonging_words": belonging_words(candidacy),
        "amount": candidacy.opened_amount,
        "amount_sealed": candidacy.offer_amount is not None,
        "offers": offers,
        "warnings": warnings(candidacy, same),
        "cells": [(title, summed(p for p in pieces.values() if of(PIECES[p.key]))) for title, of in GROUPS.items()],
    }


def summed(pieces: Iterable[Piece]) -> list[dict[str, str]]:
    """One badge per label, with how many; what is not simply obtained is named."""
    badges: dict[str, dict[str, Any]] = {}
    for piece in pieces:
        shown = cell(piece)
        badge = badges.setdefault(shown["label"], {"tone": shown["tone"], "titles": [], "quiet": True})
        badge["titles"].append(PIECES[piece.key].title)
        badge["quiet"] = badge["quiet"] and piece.outcome in QUIET and shown["tone"] != "warning"
    return [
        {
            "text": f"{label} : {len(badge['titles'])}",
            "tone": badge["tone"],
            "note": "" if badge["quiet"] else ", ".join(badge["titles"]),
        }
        for label, badge in sorted(badges.items(), key=lambda item: item[1]["quiet"])
    ]


def warnings(candidacy: Candidacy, same: int) -> list[str]:
    """What the officer must know before judging; none of these is a ground for rejection by itself."""
    snapshot = candidacy.snapshot or {}
    found = []
    if same > 1:
        found.append(f"{same} dépôts portent ce SIRET, faits par des comptes différents : demandez lequel vaut.")
    if candidacy.identity.get("origin") == "typed":
        found.append("Identité saisie par l’entreprise : le répertoire Sirene ne l’a pas donnée.")
    if snapshot.get("dce_version", 0) < candidacy.consultation.dce_version:
        found.append("Déposée sur une version antérieure du dossier.")
    if candidacy.offer_amount is not None and candidacy.opened_amount is None:
        found.append("Le montant scellé ne s’ouvre pas : il est abîmé.")
    return found


def cell(piece: Piece | None) -> dict[str, str]:
    """Label and tone of one piece."""
    if piece is None:
        return {"label": "Non demandée", "tone": "neutral"}
    result = result_of(piece)
    if result is None:
        return {"label": ASKED, "tone": "waiting"}
    found = proceedings_of(piece)
    if found is not None:
        quiet = found.state is State.NONE and not found.to_read
        return {"label": bodacc_words.label(found), "tone": "success" if quiet else "warning"}
    return {"label": label(result), "tone": TONES.get(result.outcome, "neutral")}


def proceedings_of(piece: Piece) -> Proceedings | None:
    """What the BODACC told, where this piece is its answer."""
    if piece.key != BODACC.key or piece.outcome != Outcome.OBTAINED or piece.fetched_at is None:
        return None
    try:
        return from_facts(piece.candidacy.siret[:9], piece.facts, piece.fetched_at)
    except ValueError:  # written by an older version: the usual words stand
        return None


def piece_row(piece: Piece) -> dict[str, Any]:
    """One piece in full: words for the buyer, provenance, facts."""
    result = result_of(piece)
    sentence = buyer_sentence(result, piece.attempts) if result else "La demande part dans un instant."
    found = proceedings_of(piece)
    sentence = bodacc_words.buyer_sentence(found) if found else sentence
    if result and result.outcome.waiting and piece.state == "settled":
        sentence += GIVEN_UP
    return cell(piece) | {
        "ref": piece.ref,
        "title": PIECES[piece.key].title,
        "provider": PIECES[piece.key].provider,
        "sentence": sentence,
        "settled": piece.state == "settled",
        "fetched_at": piece.fetched_at,
        "reply_sha256": piece.reply_sha256,
        "request_id": piece.request_id,
        "document": piece.document_name if piece.document_key else "",
        "document_sha256": piece.document_sha256,
        "valid_until": piece.valid_until,
        "valid_strictly_until": piece.valid_strictly_until,
        "facts": pairs(piece.facts),
        "tables": tables(piece.facts),
        "motive": piece.motive,
        "reused": bool(piece.reused_from),
        "contest": piece.candidacy.contests.get(piece.key),
    }


def pli(db: Session, candidacy: Candidacy, pieces: Sequence[Piece], same: int) -> dict[str, Any]:
    """One candidate's page."""
    return {
        "ref": candidacy.ref,
        "name": candidacy.name,
        "siret": candidacy.siret,
        "submitted_at": candidacy.submitted_at,
        "snapshot_sha256": candidacy.snapshot_sha256,
        "contact": candidacy.contact_email,
        "belonging": candidacy.belonging,
        "belonging_words": belonging_words(candidacy),
        "warnings": warnings(candidacy, same),
        "identity": identity_rows(candidacy),
        "answers": answered(candidacy),
        "files": [file_row(f) | {"kind": f.kind} for f in candidacy.files],
        "amount": candidacy.opened_amount,
        "offer_received": candidacy.offer_received,
        "pieces": [piece_row(p) for p in pieces if p.outcome != Outcome.NOT_APPLICABLE],
        "left_out": [piece_row(p) for p in pieces if p.outcome == Outcome.NOT_APPLICABLE],
        "given": [_given(row) for row in requests_of(db, candidacy)],
        "contests": _contests(candidacy, pieces),
        "to_ask": _to_ask(pieces),
        "looks": [(look.at, look.by, look.what) for look in looks(db, candidacy)],
    }


def _given(row: PieceRequest) -> dict[str, Any]:
    """What the company gave itself, or is awaited: beside the authority's answer, never in its place."""
    shown = {"ref": row.ref, "title": row.title, "due_on": row.due_on, "given_at": row.given_at}
    if row.given_at is None:
        return shown
    outcome, source = Outcome.GIVEN_BY_CANDIDATE, PIECES[row.key]
    result = PieceResult(row.key, outcome, source.title, source.provider, row.given_at)
    told = {"label": label(result), "sentence": buyer_sentence(result), "by": row.given_by}
    return shown | told | {"document": row.document_name, "sha256": row.document_sha256}


def _contests(candidacy: Candidacy, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """What the company contests of pieces that this page does not show in full."""
    shown = {p.key for p in pieces if p.outcome != Outcome.NOT_APPLICABLE}
    said = candidacy.contests.items()
    return [{"title": PIECES[key].title, **contest} for key, contest in said if key not in shown]


def _to_ask(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    """What may still be asked with a motive: off by default, or left out for this company."""
    asked = {p.key for p in pieces if p.outcome != Outcome.NOT_APPLICABLE}
    left_out = [p.key for p in pieces if p.outcome == Outcome.NOT_APPLICABLE]
    return [(key, PIECES[key].title) for key in dict.fromkeys((*ON_MOTIVE, *left_out)) if key not in asked]


def journal(
    db: Session, consultation: Consultation, before: int | None, size: int
) -> list[tuple[int, datetime, str, str, str]]:
    """(id, when, who, candidate, what), newest first."""
    query = (
        select(Look, Candidacy)
        .join(Candidacy, Candidacy.id == Look.candidacy_id)
        .where(Candidacy.consultation_id == consultation.id, Candidacy.state == "submitted")
        .order_by(Look.id.desc())
        .limit(size)
    )
    rows = db.execute(query.where(Look.id < before) if before else query)
    return [(look.id, look.at, look.by, candidacy.name, look.what) for look, candidacy in rows]
