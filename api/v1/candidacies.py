"""/api/v1: a candidacy from one SIRET to its receipt, as the account that holds the token."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api import db as database
from api.applying import Found, identity_for, target_of
from api.auth import SIGNED_IN, Who
from api.candidacy_view import checked_by_buyer
from api.context import Ctx
from api.db import Db, reading, transaction
from api.v1.answers import PROBLEMS, Keep, Key, once
from procurement.candidacy import Candidacy, answer, find_own, find_own_locked, open_candidacy, submit
from procurement.consultation import find_public
from procurement.errors import Invalid, Refused
from siret_lookup.siret import SiretError, parse_siret

router = APIRouter(prefix="/api/v1", tags=["candidacies"], responses=PROBLEMS)


class Number(BaseModel):
    """The SIRET that answers."""

    model_config = ConfigDict(extra="forbid")

    siret: str = Field(max_length=100)


class CandidacyOut(BaseModel):
    """The account's own candidacy. `checked_by_buyer`: what nobody asks the company for."""

    ref: str
    consultation: str
    siret: str
    state: str
    identity: dict[str, Any]
    corrections: dict[str, Any]
    answers: dict[str, Any]
    files: list[dict[str, Any]]
    submitted_at: datetime | None
    checked_by_buyer: list[dict[str, str]]


class Answers(BaseModel):
    """What nobody else knows, corrections that stand beside the official values, and why.

    `answers.insurance_until`: the last day of the insurance, « 2026-12-31 ».
    """

    model_config = ConfigDict(extra="forbid")

    answers: dict[str, str] = {}
    corrections: dict[str, str] = {}
    reasons: dict[str, str] = {}


class Deposit(BaseModel):
    """`attested`: the declaration on honour (R2143-3)."""

    model_config = ConfigDict(extra="forbid")

    attested: bool


class Receipt(BaseModel):
    """What was received; the PDF follows at `receipt_url` once the worker has made it."""

    ref: str
    state: str
    submitted_at: datetime
    snapshot_sha256: str
    offer_received_here: bool
    files: list[dict[str, Any]]
    receipt_url: str


def shown(candidacy: Candidacy) -> dict[str, Any]:
    return CandidacyOut(
        ref=candidacy.ref,
        consultation=candidacy.consultation.ref,
        siret=candidacy.siret,
        state=candidacy.state,
        identity=candidacy.identity,
        corrections=candidacy.corrections,
        answers=candidacy.answers,
        files=_files(candidacy),
        submitted_at=candidacy.submitted_at,
        checked_by_buyer=checked_by_buyer(candidacy),
    ).model_dump(mode="json")


def _files(candidacy: Candidacy) -> list[dict[str, Any]]:
    return [{"kind": f.kind, "name": f.name, "size": f.size, "sha256": f.sha256} for f in candidacy.files]


@router.post(
    "/consultations/{ref}/candidacies",
    status_code=201,
    response_model=CandidacyOut,
    responses={200: {"description": "Déjà ouverte par ce compte", "model": CandidacyOut}},
    dependencies=[Depends(SIGNED_IN)],
)
def open_one(ctx: Ctx, who: Who, ref: str, body: Number, key: Key = None) -> Response:
    """Open with the SIRET alone: open data only. The same SIRET by the same account: 200 and the same reference."""

    def act(keep: Keep) -> tuple[int, dict[str, Any]]:
        with reading(ctx.database) as db:
            target, now = target_of(db, ref), database.now(db)
        if not who.verified:
            raise Refused("Confirmez d’abord votre adresse électronique.")
        try:
            number = parse_siret(body.siret)
        except SiretError as error:
            raise Invalid({"siret": error.sentence}) from None
        found: Found = identity_for(ctx, target, number, now)
        if found.identity is None:
            raise Invalid({"siret": found.problem})
        with transaction(ctx.database) as db:
            consultation = find_public(db, ref)
            opened, new = open_candidacy(db, consultation, found.siret, found.identity, who, database.now(db))
            status, answered = 201 if new else 200, shown(opened)
            keep(db, status, answered)
            return status, answered

    return once(ctx, who, key, f"POST /consultations/{ref}/candidacies", body.model_dump_json().encode(), act)


@router.get("/candidacies/{ref}", response_model=CandidacyOut, dependencies=[Depends(SIGNED_IN)])
def read(db: Db, who: Who, ref: str) -> Response:
    return JSONResponse(shown(find_own(db, ref, who)))


@router.put("/candidacies/{ref}/answers", response_model=CandidacyOut, dependencies=[Depends(SIGNED_IN)])
def put_answers(ctx: Ctx, who: Who, ref: str, body: Answers) -> Response:
    with transaction(ctx.database) as db:
        candidacy = find_own_locked(db, ref, who)
        answer(candidacy, body.answers, body.corrections, database.now(db), body.reasons)
        return JSONResponse(shown(candidacy))


@router.post("/candidacies/{ref}/submit", response_model=Receipt, dependencies=[Depends(SIGNED_IN)])
def deposit(ctx: Ctx, who: Who, ref: str, body: Deposit) -> Response:
    """Deposit; a second call on a deposited candidacy is refused (409) and changes nothing."""
    with transaction(ctx.database) as db:
        candidacy = find_own_locked(db, ref, who)
        submit(db, candidacy, body.attested, database.now(db))
        return JSONResponse(_receipt(candidacy))


def _receipt(candidacy: Candidacy) -> dict[str, Any]:
    return Receipt.model_validate(
        {
            "ref": candidacy.ref,
            "state": candidacy.state,
            "submitted_at": candidacy.submitted_at,
            "snapshot_sha256": candidacy.snapshot_sha256,
            "offer_received_here": candidacy.offer_received,
            "files": _files(candidacy),
            "receipt_url": f"/candidatures/{candidacy.ref}/recu",
        }
    ).model_dump(mode="json")
