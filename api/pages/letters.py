"""« Courriers à poster »: the operator takes each letter out once, posts it, says when. No page shows a code."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import ADMINISTRATOR, Who
from api.context import Ctx
from api.cursor import Cursor
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.letters import paper_of
from api.render import PARIS, page
from procurement.errors import Invalid, NotFound
from procurement.letter import find_letter, mark_posted, may_take, take, waiting_letters
from procurement.people import Person, Role, operator

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
HERE, TEMPLATE = "/administration/courriers", "letters/letters.html"
SIZE = 50


def _only_operator(db: Session, who: Person) -> None:
    """Another buyer's administrator has no letter to see."""
    runs = operator(db)
    if runs is None or not who.has(Role.ADMINISTRATOR, runs.id):
        raise NotFound


@router.get(HERE, dependencies=[Depends(ADMINISTRATOR)])
def letters(request: Request, db: Db, who: Who, avant: Cursor = None) -> Response:
    _only_operator(db, who)
    return page(request, TEMPLATE, letters=waiting_letters(db, avant, SIZE), size=SIZE, now=database.now(db))


@router.post(f"{HERE}/{{ref}}/pdf", dependencies=[Depends(ADMINISTRATOR)])
def take_out(ctx: Ctx, who: Who, ref: str) -> Response:
    """The PDF, once: it is made with no transaction open, then its code is wiped, with who took it and when."""
    with reading(ctx.database) as db:
        _only_operator(db, who)
        found, now = find_letter(db, ref), database.now(db)
        may_take(found, who, now)
        words = paper_of(ctx, db, found, now)
    pdf: bytes = isolate.run("api.letter_pdf:render", words, now)
    with transaction(ctx.database) as db:
        take(find_letter(db, ref), who, database.now(db))
    return attachment(pdf, f"courrier-{ref}.pdf", "application/pdf")


@router.post(f"{HERE}/{{ref}}/poste", dependencies=[Depends(ADMINISTRATOR)])
def posted(request: Request, db: Db, who: Who, ref: str, posted_on: Text = "") -> Response:
    _only_operator(db, who)
    now = database.now(db)
    try:
        mark_posted(find_letter(db, ref), who, _instant(posted_on), now)
    except Invalid as error:
        again = Invalid({f"posted_on-{ref}": error.fields["posted_on"]})
        context: dict[str, object] = {"letters": waiting_letters(db, None, SIZE), "size": SIZE, "now": now}
        raise PageInvalid(again, TEMPLATE, context) from None
    return RedirectResponse(f"{HERE}?ok=enregistre", 303)


def _instant(text: str) -> datetime:
    """The start of that day in Paris."""
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=PARIS)
    except ValueError:
        raise Invalid({"posted_on": "Écrivez la date de l’envoi."}) from None
