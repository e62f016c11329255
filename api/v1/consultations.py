"""/api/v1/consultations: drafts, publication, the public feed, the award."""

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from api import db as database
from api.auth import OFFICER, PUBLIC, Visitor, Who
from api.awarding import award_to
from api.context import Ctx
from api.db import Db, reading, transaction
from api.publishing import publish_draft
from api.v1.answers import PROBLEMS, Keep, Key, once
from procurement.consultation import (
    Consultation,
    describe,
    draft,
    find,
    find_for,
    public_state,
    published,
)
from procurement.errors import Invalid, NotFound
from procurement.events import lock, record
from procurement.people import Organisation, Person, Role

router = APIRouter(prefix="/api/v1/consultations", tags=["consultations"], responses=PROBLEMS)
PAGE = 50


class File(BaseModel):
    """One published document."""

    name: str
    media_type: str
    size: int
    sha256: str
    url: str


class ConsultationOut(BaseModel):
    """A consultation, with the files of the version in force; `dossier` is shown to its buyer only."""

    ref: str
    number: str
    object: str
    state: str
    buyer: dict[str, str]
    deadline: datetime | None
    published_at: datetime | None
    dce_version: int
    modified_at: datetime | None
    offers_received_here: bool
    offers_received_at: str
    files: list[File]
    dossier: dict[str, Any] | None = None


class Page(BaseModel):
    """Newest first; ask again with `before=next` until `next` is null."""

    results: list[ConsultationOut]
    next: int | None


class Dossier(BaseModel):
    """The dossier (docs/dossier.schema.json), complete or not; `organisation` where the account has several buyers."""

    model_config = ConfigDict(extra="forbid")

    dossier: dict[str, Any]
    organisation: str | None = None


class Choice(BaseModel):
    """The winner's candidacy, the amount HT in euros as a string, the reasons of the choice."""

    model_config = ConfigDict(extra="forbid")

    candidacy: str
    amount_ht: str
    motive: str


def shown(consultation: Consultation, *, whole: bool = False) -> ConsultationOut:
    """What the caller may read."""
    return ConsultationOut(
        ref=consultation.ref,
        number=consultation.number,
        object=consultation.object,
        state=consultation.state if whole else public_state(consultation),
        buyer={"name": consultation.organisation.name, "siret": consultation.organisation.siret},
        deadline=consultation.deadline,
        published_at=consultation.published_at,
        dce_version=consultation.dce_version,
        modified_at=consultation.modified_at,
        offers_received_here=consultation.offers_here,
        offers_received_at=consultation.offers_elsewhere or "mps",
        files=[
            File(
                name=f.name,
                media_type=f.media_type,
                size=f.size,
                sha256=f.sha256,
                url=f"/consultations/{consultation.ref}/dce/{f.id}/{quote(f.name)}",
            )
            for f in consultation.current_files
        ],
        dossier=consultation.dossier if whole else None,
    )


@router.get("", dependencies=[Depends(PUBLIC)])
def consultations(
    db: Db,
    q: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Page:
    """The public list."""
    found = published(db, q, before, PAGE)
    return Page(results=[shown(c) for c in found], next=found[-1].id if len(found) == PAGE else None)


@router.get("/{ref}", dependencies=[Depends(PUBLIC)])
def consultation(db: Db, who: Visitor, ref: str) -> ConsultationOut:
    """One consultation: whole for its officers, as published for everyone."""
    found = find(db, ref)
    mine = who is not None and who.has(Role.OFFICER, found.organisation_id)
    if found.published_at is None and not mine:
        raise NotFound
    return shown(found, whole=mine)


def _buyer(db: Db, who: Person, ref: str | None) -> Organisation:
    query = select(Organisation).where(Organisation.id.in_(who.organisations(Role.OFFICER)))
    buyers = list(db.scalars(query.where(Organisation.ref == ref) if ref else query.limit(2)))
    if len(buyers) != 1:
        raise Invalid({"organisation": "Nommez l’organisation acheteuse : sa référence."})
    return buyers[0]


def _storable(dossier: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL stores no NUL character, and a number is what a draft needs to exist."""
    text = json.dumps(dossier)
    if "\\u0000" in text or len(text) > 500_000:
        raise Invalid({"dossier": "Ce dossier contient un caractère interdit, ou dépasse 500 000 caractères."})
    if not str(dossier.get("reference") or "").strip() or len(str(dossier["reference"])) > 40:
        raise Invalid({"dossier.reference": "Donnez un numéro de 40 caractères au plus."})
    deadline = dossier.get("deadline")
    if deadline is not None and not _is_instant(deadline):
        sentence = "Écrivez la date limite avec son fuseau, par exemple 2027-01-15T12:00:00+01:00."
        raise Invalid({"dossier.deadline": sentence})
    return dossier


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@router.post("", status_code=201, response_model=ConsultationOut, dependencies=[Depends(OFFICER)])
def create(ctx: Ctx, who: Who, body: Dossier, key: Key = None) -> Response:
    """A new draft."""

    def act(keep: Keep) -> tuple[int, dict[str, Any]]:
        with transaction(ctx.database) as db:
            made = draft(db, _buyer(db, who, body.organisation), _storable(body.dossier), who, database.now(db))
            answered = shown(made, whole=True).model_dump(mode="json")
            keep(db, 201, answered)
            return 201, answered

    return once(ctx, who, key, "POST /consultations", body.model_dump_json().encode(), act)


@router.patch("/{ref}", dependencies=[Depends(OFFICER)])
def change(ctx: Ctx, who: Who, ref: str, body: Dossier) -> ConsultationOut:
    """Replace top-level keys of a draft's dossier; null removes one."""
    with transaction(ctx.database) as db:
        found = find_for(db, ref, who)
        lock(db, found)
        merged = {k: v for k, v in (found.dossier | body.dossier).items() if v is not None}
        describe(db, found, _storable(merged))
        record(db, found, "consultation.changed", found.ref, who.email, database.now(db), keys=sorted(body.dossier))
        return shown(found, whole=True)


@router.post("/{ref}/publish", dependencies=[Depends(OFFICER)])
def publish(ctx: Ctx, who: Who, ref: str) -> ConsultationOut:
    """Publish: checks, documents, then one transaction. 422 names every finding that blocks."""
    publish_draft(ctx, who, ref)
    with reading(ctx.database) as db:
        return shown(find_for(db, ref, who), whole=True)


@router.post("/{ref}/award", status_code=201, dependencies=[Depends(OFFICER)])
def award(ctx: Ctx, who: Who, ref: str, body: Choice, key: Key = None) -> JSONResponse:
    """Name the winner where none is, then decide: 202 while its proofs are asked, 201 with the contract to sign."""

    def act(keep: Keep) -> tuple[int, dict[str, Any]]:
        contract = award_to(ctx, who, ref, body.candidacy, body.amount_ht, body.motive)
        if contract is None:
            return 202, {"state": "intended", "candidacy": body.candidacy}
        answered = {"state": "awarded", "candidacy": body.candidacy, "contract": contract}
        with transaction(ctx.database) as db:
            keep(db, 201, answered)
        return 201, answered

    return once(ctx, who, key, f"POST /consultations/{ref}/award", body.model_dump_json().encode(), act)
