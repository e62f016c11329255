"""A company, then the buyer, signs the act: a signed file dropped, at a distance, or with its certificate here."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from api import db as database
from api.auth import SIGNED_IN, Who
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.remote import csc
from api.remote_signing import Given, remote_credentials, sign_remotely
from api.render import page
from api.signing import (
    STATES,
    Find,
    NotTaken,
    circuit_of,
    finish_in_page,
    prepare_in_page,
    take_file,
)
from api.simple_signing import why_not
from procurement.contract import paris_day
from procurement.errors import Invalid, NotFound, Refused, Unavailable
from procurement.people import Person
from procurement.powers import power_for
from procurement.signers import BUYER, Signer, awaited_of, find_signer, mine
from procurement.signing import may_sign, reconsider, refuse
from procurement.ways import advice

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PATH = "/signatures/{ref}"


class Chain(BaseModel):
    """Certificates in Base64 DER, the signer's first."""

    chain: list[str] = Field(min_length=1, max_length=10)


class Value(BaseModel):
    """The raw signature in Base64."""

    value: str = Field(min_length=1, max_length=4000)


def _find(ref: str, who: Person) -> Find:
    return lambda db: find_signer(db, ref, who)


def context_of(
    db: Session, ctx: Context, signer: Signer, who: Person, report: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    act, refused = signer.act, why_not(db, ctx, signer)
    contract = act.contract
    return {
        "signer": signer,
        "act": act,
        "contract": contract,
        "consultation": contract.consultation,
        "buyer": contract.organisation,
        "sha256": act.sha256,
        "providers": [(p.key, p.name) for p in csc.providers(ctx)],
        "simple_refused": refused,
        "advice": advice(signer, not refused, paris_day(database.now(db))),
        "report": report,
        "values": {},
        **circuit_of(db, act),
        **_buyers_side(db, signer, who),
    }


def token_of(ctx: Context, signer: Signer) -> Response:
    """The token kept beside the act. Raises NotFound where this party signed otherwise."""
    if signer.token_key is None:
        raise NotFound
    return attachment(ctx.storage.get(signer.token_key), signer.token_name, "application/octet-stream")


def _buyers_side(db: Session, signer: Signer, who: Person) -> dict[str, Any]:
    """For the buyer's own signature: until when it waits, and by which power this officer signs."""
    found: dict[str, Any] = {"wait_until": None, "power": None, "no_power": ""}
    if signer.role != BUYER:
        return found
    act, now = signer.act, database.now(db)
    if act.sign_after and now < act.sign_after:
        found["wait_until"] = act.first_day
    try:
        found["power"] = power_for(db, act.contract.organisation_id, who, act.amount, paris_day(now))
    except Refused as error:
        found["no_power"] = error.sentence
    return found


def _again(
    ctx: Context,
    find: Find,
    who: Person,
    error: Exception,
    template: str = "signing/signer.html",
    field: str = "file",
    **more: Any,
) -> PageInvalid:
    """The page again: the sentence beside its field, and the verdict where there is one."""
    cause = error.error if isinstance(error, NotTaken) else error
    sentence = getattr(error, "sentence", "")
    fields = cause.fields if isinstance(cause, Invalid) else {field: sentence}
    report = error.report if isinstance(error, NotTaken) else None
    with reading(ctx.database) as db:
        return PageInvalid(Invalid(fields), template, context_of(db, ctx, find(db), who, report) | more)


@router.get("/signatures", dependencies=[Depends(SIGNED_IN)])
def to_sign(request: Request, db: Db, ctx: Ctx, who: Who) -> Response:
    signers = mine(db, who)
    ready = awaited_of(db, who)
    providers = [(p.key, p.name) for p in csc.providers(ctx)]
    return page(
        request, "signing/list.html", signers=signers, ready=len(ready), signer_states=STATES, providers=providers
    )


@router.get(PATH, dependencies=[Depends(SIGNED_IN)])
def signer_page(request: Request, db: Db, ctx: Ctx, who: Who, ref: str) -> Response:
    return page(request, "signing/signer.html", **context_of(db, ctx, find_signer(db, ref, who), who))


@router.get(PATH + "/acte-engagement.pdf", dependencies=[Depends(SIGNED_IN)])
@router.get(PATH + "/dc4.pdf", dependencies=[Depends(SIGNED_IN)])
@router.get(PATH + "/avenant.pdf", dependencies=[Depends(SIGNED_IN)])
def act_file(ctx: Ctx, who: Who, ref: str) -> Response:
    """The very bytes to sign, with the signatures of those who signed before; the last version once all have."""
    with reading(ctx.database) as db:
        act = find_signer(db, ref, who).act
        key, name = act.key, f"{act.file_stem}.pdf"
    return attachment(ctx.storage.get(key), name, "application/pdf")


@router.get(PATH + "/jeton", dependencies=[Depends(SIGNED_IN)])
def own_token(ctx: Ctx, who: Who, ref: str) -> Response:
    with reading(ctx.database) as db:
        signer = find_signer(db, ref, who)
    return token_of(ctx, signer)


@router.post(PATH + "/fichier", dependencies=[Depends(SIGNED_IN)])
async def drop(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """Way A: signed elsewhere, the file dropped here."""
    find = _find(ref, who)
    await take_file(request, ctx, find, who, partial(_again, ctx, find, who))
    return _done(ref)


@router.get(PATH + "/distance", dependencies=[Depends(SIGNED_IN)])
def choose_credential(request: Request, ctx: Ctx, who: Who, ref: str, service: str = "") -> Response:
    """Way B, first step: the certificates that the chosen provider holds."""
    find = _find(ref, who)
    with reading(ctx.database) as db:
        may_sign(db, find(db), who, database.now(db))
    try:
        provider, held = remote_credentials(ctx, service)
    except (Invalid, Refused, Unavailable) as error:
        raise _again(ctx, find, who, error, field="service") from None
    with reading(ctx.database) as db:
        context = context_of(db, ctx, find(db), who)
    return page(request, "signing/remote.html", **context, provider=provider, credentials=options(held), errors={})


@router.post(PATH + "/distance", dependencies=[Depends(SIGNED_IN)])
def sign_at_a_distance(
    request: Request, ctx: Ctx, who: Who, ref: str, service: Text = "", credential: Text = "", pin: Text = "",
    otp: Text = "",
) -> Response:  # fmt: skip
    """Way B, second step: one PIN, the signature made by the provider on this very act."""
    find = _find(ref, who)
    try:
        provider, held = remote_credentials(ctx, service)
    except (Invalid, Refused, Unavailable) as error:
        raise _again(ctx, find, who, error, field="service") from None
    try:
        sandbox: bool = request.app.state.sandbox
        sign_remotely(ctx, find, who, Given(service, credential, pin, otp), sandbox=sandbox)
    except (NotTaken, Invalid, Refused, Unavailable, WorkFailed) as error:
        more = {"provider": provider, "credentials": options(held), "values": {"credential": credential}}
        raise _again(ctx, find, who, error, "signing/remote.html", "pin", **more) from None
    return _done(ref)


def options(held: tuple[csc.Credential, ...]) -> list[tuple[str, str, str]]:
    """Value, label, hint of each certificate."""
    found = []
    for each in held:
        certificate = x509.load_der_x509_certificate(each.certificates[0])
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        firms = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        label = ", ".join(str(part.value) for part in (*names[:1], *firms[:1])) or each.id
        until = certificate.not_valid_after_utc.strftime("%d/%m/%Y")
        found.append((each.id, label, f"Valable jusqu’au {until} ; identifiant « {each.id} »"))
    return found


@router.post(PATH + "/preparer", dependencies=[Depends(SIGNED_IN)])
def prepare(ctx: Ctx, who: Who, ref: str, asked: Chain) -> Response:
    """Way C, first half, asked by the page: what to sign, for the certificate it opened."""
    try:
        return JSONResponse(prepare_in_page(ctx, _find(ref, who), who, asked.chain))
    except (Refused, WorkFailed) as error:
        return JSONResponse({"sentence": error.sentence}, 422)


@router.post(PATH + "/terminer", dependencies=[Depends(SIGNED_IN)])
def finish(request: Request, ctx: Ctx, who: Who, ref: str, asked: Value) -> Response:
    """Way C, second half: the raw signature that the page made."""
    sandbox: bool = request.app.state.sandbox
    try:
        finish_in_page(ctx, _find(ref, who), who, asked.value, sandbox=sandbox)
    except (NotTaken, Refused, WorkFailed) as error:
        return JSONResponse({"sentence": error.sentence}, 422)
    return JSONResponse({"next": f"{PATH.format(ref=ref)}?ok=signe"})


@router.post(PATH + "/refuser", dependencies=[Depends(SIGNED_IN)])
def say_no(request: Request, db: Db, ctx: Ctx, who: Who, ref: str, reason: Text = "") -> Response:
    signer = find_signer(db, ref, who)
    try:
        refuse(db, signer, reason, who, database.now(db))
    except Invalid as error:
        raise PageInvalid(error, "signing/signer.html", context_of(db, ctx, signer, who)) from None
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=motif", 303)


@router.post(PATH + "/revenir", dependencies=[Depends(SIGNED_IN)])
def think_again(db: Db, who: Who, ref: str) -> Response:
    reconsider(db, find_signer(db, ref, who), who, database.now(db))
    return RedirectResponse(PATH.format(ref=ref), 303)


def _done(ref: str) -> Response:
    return RedirectResponse(f"{PATH.format(ref=ref)}?ok=signe", 303)
