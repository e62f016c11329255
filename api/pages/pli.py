"""One candidate's pli, its files unsealed as they are sent, its pieces, and the ZIP of everything."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import OFFICER, Who
from api.board_view import header, pli
from api.bundle import Entry, bundle
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import streamed
from api.errors import PageInvalid
from api.pages.opening import BASE, log_looks
from api.pages.pli_prices import priced
from api.render import page
from api.unsealing import clear_chunks
from procurement.candidacy import Candidacy, CandidacyFile, find_received, received
from procurement.consultation import Consultation, find_for
from procurement.errors import Invalid, NotFound
from procurement.events import lock
from procurement.looks import looked
from procurement.people import Person
from procurement.piece_requests import PieceRequest
from procurement.pieces import Piece, ask_again, ask_with_motive, pieces_of

router = APIRouter(include_in_schema=False)
TEMPLATE = "opening/pli.html"
Text = Annotated[str, Form()]
GIVEN = PieceRequest.document_key.is_not(None)
FOLDERS = {"candidacy": "candidature", "offer": "offre"}


@router.get(f"{BASE}/plis/{{cref}}", dependencies=[Depends(OFFICER)])
def pli_page(request: Request, ctx: Ctx, who: Who, ref: str, cref: str) -> Response:
    return page(request, TEMPLATE, **_shown(ctx, who, ref, cref))


def _shown(ctx: Context, who: Person, ref: str, cref: str) -> dict[str, Any]:
    """What the page shows; looking is logged."""
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        candidacy = find_received(db, consultation, cref)
        looked(db, candidacy, who.email, "Page du candidat", database.now(db))
        same = sum(1 for other in received(db, consultation) if other.siret == candidacy.siret)
        return {
            "consultation": header(consultation),
            "pli": pli(db, candidacy, pieces_of(db, candidacy), same),
            "priced": {f.ref for f in candidacy.files if priced(consultation, f)},
        }


@router.post(f"{BASE}/plis/{{cref}}/demander", dependencies=[Depends(OFFICER)])
def ask_more(
    ctx: Ctx, who: Who, ref: str, cref: str, key: Text = "", motive: Text = "", everyone: Text = ""
) -> Response:
    """Ask what is off by default, or was left out, with a motive that is kept: for this candidate or for all."""
    try:
        with transaction(ctx.database) as db:
            consultation = find_for(db, ref, who)
            lock(db, consultation)
            one = find_received(db, consultation, cref)
            asked = received(db, consultation) if everyone else [one]
            ask_with_motive(db, asked, key, motive, who, database.now(db))
    except Invalid as error:
        typed = {"key": key, "motive": motive, "everyone": everyone}
        raise PageInvalid(error, TEMPLATE, _shown(ctx, who, ref, cref) | {"values": typed}) from None
    return RedirectResponse(f"/acheteur/consultations/{ref}/plis/{cref}?ok=enregistre", 303)


@router.get(f"{BASE}/plis/{{cref}}/fichiers/{{file}}", dependencies=[Depends(OFFICER)])
def file_download(ctx: Ctx, who: Who, ref: str, cref: str, file: str) -> Response:
    with transaction(ctx.database) as db:
        consultation, now = find_for(db, ref, who), database.now(db)
        candidacy = find_received(db, consultation, cref)
        found = next((f for f in candidacy.files if f.ref == file), None)
        if found is None:
            raise NotFound
        looked(db, candidacy, who.email, f"Fichier : {found.name}"[:200], now)
    return streamed(_primed(clear_chunks(ctx, consultation, found.key, now)), found.name, "application/octet-stream")


def _primed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece at once: what is broken is said on a page, not by a download that stops."""
    return itertools.chain([next(chunks, b"")], chunks)


def _piece(db: Session, candidacy: Candidacy, ref: str) -> Piece:
    piece = db.scalar(select(Piece).where(Piece.candidacy_id == candidacy.id, Piece.ref == ref))
    if piece is None:
        raise NotFound
    return piece


@router.get(f"{BASE}/plis/{{cref}}/pieces/{{piece}}", dependencies=[Depends(OFFICER)])
def piece_download(ctx: Ctx, who: Who, ref: str, cref: str, piece: str) -> Response:
    with transaction(ctx.database) as db:
        candidacy = find_received(db, find_for(db, ref, who), cref)
        found = _piece(db, candidacy, piece)
        if found.document_key is None:
            raise NotFound
        looked(db, candidacy, who.email, f"Document : {found.source}"[:200], database.now(db))
        key, name, kind = found.document_key, found.document_name, found.document_type
    return streamed(_primed(iter(ctx.storage.chunks(key))), name, kind or "application/pdf")


@router.post(f"{BASE}/plis/{{cref}}/pieces/{{piece}}", dependencies=[Depends(OFFICER)])
def piece_again(db: Db, who: Who, ref: str, cref: str, piece: str) -> Response:
    """Ask a settled piece anew; a second click finds it already waiting."""
    consultation = find_for(db, ref, who)
    lock(db, consultation)
    found = _piece(db, find_received(db, consultation, cref), piece)
    db.refresh(found)
    if found.state == "settled":
        ask_again(db, found, who.email, database.now(db))
    return RedirectResponse(f"/acheteur/consultations/{ref}/plis/{cref}?ok=enregistre", 303)


@router.get(f"{BASE}/plis.zip", dependencies=[Depends(OFFICER)])
def everything(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        consultation, now = find_for(db, ref, who), database.now(db)
        candidacies = received(db, consultation)
        ids = [candidacy.id for candidacy in candidacies]
        loaded = select(Candidacy).where(Candidacy.id.in_(ids)).options(selectinload(Candidacy.files))
        db.scalars(loaded.execution_options(populate_existing=True)).all()
        pieces = list(db.scalars(select(Piece).where(Piece.candidacy_id.in_(ids)).order_by(Piece.id)))
        given = list(db.scalars(select(PieceRequest).where(PieceRequest.candidacy_id.in_(ids), GIVEN)))
        about = {
            "consultation": consultation.number, "object": consultation.object, "ref": consultation.ref,
            "opened_at": str(consultation.opened_at), "made_at": now.isoformat(), "made_by": who.email,
        }  # fmt: skip
    log_looks(ctx, ids, who, "ZIP de tous les plis")
    entries = _entries(ctx, consultation, candidacies, pieces, given, now)
    return streamed(bundle(entries, about, now), f"{consultation.number}-plis.zip", "application/zip")


def _entries(
    ctx: Context,
    consultation: Consultation,
    candidacies: Sequence[Candidacy],
    pieces: Sequence[Piece],
    given: Sequence[PieceRequest],
    now: datetime,
) -> Iterator[Entry]:
    for number, candidacy in enumerate(candidacies, 1):
        folder = f"{number:02d}-{candidacy.siret}-{candidacy.ref}"
        own = [piece for piece in pieces if piece.candidacy_id == candidacy.id]
        yield _json_entry(f"{folder}/reponse.json", _answer(candidacy))
        yield _json_entry(f"{folder}/pieces.json", [_told(piece) for piece in own])
        if candidacy.receipt_key:
            said = {"origin": "récépissé", "announced_sha256": candidacy.receipt_sha256}
            yield _stored(ctx, f"{folder}/recepisse.pdf", candidacy.receipt_key, said)
        for rank, file in enumerate(candidacy.files, 1):
            yield _sealed(ctx, consultation, folder, rank, file, now)
        for piece in own:
            if piece.document_key:
                said = {"origin": piece.source, "announced_sha256": piece.document_sha256}
                yield _stored(ctx, f"{folder}/pieces/{piece.document_name}", piece.document_key, said)
        for row in given:
            if row.candidacy_id == candidacy.id and row.document_key:
                origin = f"fourni par l’entreprise le {row.given_at}, non vérifié auprès de l’organisme"
                said = {"origin": origin, "announced_sha256": row.document_sha256}
                yield _stored(ctx, f"{folder}/fournies/{row.key}-{row.document_name}", row.document_key, said)


def _sealed(
    ctx: Context, consultation: Consultation, folder: str, rank: int, file: CandidacyFile, now: datetime
) -> Entry:
    said = {"origin": "déposé par l’entreprise", "announced_sha256": file.sha256}
    path = f"{folder}/{FOLDERS[file.kind]}/{rank:02d}-{file.name}"
    return Entry(path, file.size, said, lambda: clear_chunks(ctx, consultation, file.key, now))


def _stored(ctx: Context, path: str, key: str, said: dict[str, Any]) -> Entry:
    return Entry(path, 0, said, lambda: ctx.storage.chunks(key))


def _json_entry(path: str, value: object) -> Entry:
    content = json.dumps(value, ensure_ascii=False, indent=2).encode()
    read: Iterable[bytes] = [content]
    return Entry(path, len(content), {"origin": "mps"}, lambda: read)


def _answer(candidacy: Candidacy) -> dict[str, Any]:
    return {
        "submitted_at": str(candidacy.submitted_at),
        "snapshot_sha256": candidacy.snapshot_sha256,
        "amount": candidacy.opened_amount,
        "snapshot": candidacy.snapshot,
    }


def _told(piece: Piece) -> dict[str, Any]:
    """Provenance of one answer: source, time, sha256 of the reply."""
    columns = ("key", "outcome", "source", "code", "request_id", "reply_sha256", "document_sha256", "facts")
    dates = ("fetched_at", "valid_until", "valid_strictly_until")
    return {name: getattr(piece, name) for name in columns} | {
        name: str(getattr(piece, name)) if getattr(piece, name) else None for name in dates
    }
