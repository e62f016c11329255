"""The officer opens after the deadline, reads the board and the journal. Every look is logged."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import vault
from api.auth import OFFICER, Who
from api.board_view import board, header, journal
from api.context import Context, Ctx
from api.cursor import Cursor
from api.db import Db, reading, transaction
from api.render import page
from procurement.candidacy import Candidacy, received, received_late
from procurement.consultation import Consultation, find_for
from procurement.errors import Refused, Unavailable
from procurement.events import lock
from procurement.looks import looked_at_all
from procurement.opening import open_plis
from procurement.people import Person

router = APIRouter(include_in_schema=False)
BASE = "/acheteur/consultations/{ref}"
SIZE = 20
SEALED = "Les plis restent scellés jusqu’à la date limite."


@router.get(f"{BASE}/ouvrir", dependencies=[Depends(OFFICER)])
def opening_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    """Before the deadline nothing is said, not even whether somebody answered."""
    consultation = find_for(db, ref, who)
    if consultation.opened_at is not None:
        return RedirectResponse(f"/acheteur/consultations/{ref}/plis", 303)
    if not consultation.closed(database.now(db)):
        raise Refused(SEALED, "R2132-9")
    if consultation.state != "published":
        raise Refused("Cette consultation n’a pas de plis à ouvrir.")
    return page(request, "opening/open.html", consultation=header(consultation))


@router.post(f"{BASE}/ouvrir", dependencies=[Depends(OFFICER)])
def open_all(ctx: Ctx, who: Who, ref: str) -> Response:
    """Open once: a second click finds the board."""
    with transaction(ctx.database) as db:
        consultation = find_for(db, ref, who)
        lock(db, consultation)
        if consultation.opened_at is None:
            now = database.now(db)
            for candidacy in open_plis(db, consultation, who, now):
                _unseal_amount(ctx, consultation, candidacy, now)
    return RedirectResponse(f"/acheteur/consultations/{ref}/plis?ok=ouvert", 303)


def _unseal_amount(ctx: Context, consultation: Consultation, candidacy: Candidacy, now: datetime) -> None:
    if candidacy.offer_amount is None:
        return
    try:
        clear = vault.open_bytes(ctx.secret, consultation, candidacy.offer_amount, now)
        candidacy.opened_amount = clear.decode()[:40]
    except vault.Broken:
        return  # said on the board; the other plis open
    except ValueError:
        sentence = "La clé de ce serveur a changé (MPS_SECRET_KEY) : les plis ne s’ouvrent pas. Rien n’a été modifié."
        raise Unavailable(sentence, 3600) from None


def log_looks(ctx: Context, candidacies: list[int], who: Person, what: str) -> None:
    """One line per candidate, in a transaction of its own."""
    with transaction(ctx.database) as db:
        looked_at_all(db, candidacies, who.email, what, database.now(db))


@router.get(f"{BASE}/plis", dependencies=[Depends(OFFICER)])
def plis_page(request: Request, ctx: Ctx, who: Who, ref: str, apres: Cursor = None) -> Response:
    with reading(ctx.database) as db:
        consultation = find_for(db, ref, who)
        everyone = received(db, consultation)
        shown, more = _slice(everyone, apres)
        late = received_late(db, consultation)
        context = {"consultation": header(consultation), "late": late, **board(db, everyone, shown)}
        ids = [candidacy.id for candidacy in shown]
    log_looks(ctx, ids, who, "Tableau des candidats")
    return page(request, "opening/board.html", **context, total=len(everyone), next=more)


def _slice(everyone: list[Candidacy], after: int | None) -> tuple[list[Candidacy], str | None]:
    """Twenty rows in order of arrival, from the one after `after`."""
    start = next((i + 1 for i, candidacy in enumerate(everyone) if candidacy.id == after), 0)
    shown = everyone[start : start + SIZE]
    return shown, f"?apres={shown[-1].id}" if len(everyone) > start + SIZE else None


@router.get(f"{BASE}/journal", dependencies=[Depends(OFFICER)])
def journal_page(request: Request, db: Db, who: Who, ref: str, avant: Cursor = None) -> Response:
    """Who looked at what; before the opening there is nothing to show, and that is what is said."""
    consultation = find_for(db, ref, who)
    _opened(consultation)
    rows = journal(db, consultation, avant, 51)
    more = f"/acheteur/consultations/{ref}/journal?avant={rows[49][0]}" if len(rows) > 50 else None
    return page(request, "opening/journal.html", consultation=header(consultation), rows=rows[:50], next=more)


def _opened(consultation: Consultation) -> None:
    if consultation.opened_at is None:
        raise Refused("Les plis sont scellés jusqu’à l’ouverture.", "R2132-9")
