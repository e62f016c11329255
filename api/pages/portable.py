"""« Mon dossier de candidature »: DC1, DC2, DUME and ZIP for any platform, without any buyer. Nothing is kept here."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import SIGNED_IN, Who, brake
from api.context import Context, Ctx
from api.db import reading, transaction
from api.downloads import attachment
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.portable import ROWS, candidate_data, field_of, identity_of, said_of, to_answers, to_form, trouble
from api.remote.api_entreprise import network
from api.render import page
from api.uploads import MemorySink, receive
from dce_templates.candidate.candidate import Answers, AnswersError, Candidate, Identity, merged, missing
from procurement.errors import Invalid, Refused, Unavailable
from procurement.people import Person
from siret_lookup.identity import Identity as Found
from siret_lookup.outcome import Outcome
from siret_lookup.public_identity import public_identity
from siret_lookup.siret import Siret, SiretError, parse_siret

router = APIRouter(include_in_schema=False)
TEMPLATE = "portable/portable.html"
DUME_CAP = 4 << 20
TRIES, MINUTES = 30, 10
BROKEN = "Le dossier n’a pas pu être produit cette fois-ci. Votre saisie est ci-dessous : réessayez dans un instant."


class Raw(BaseModel):
    """Every field as it was typed."""

    model_config = ConfigDict(extra="allow")

    @property
    def values(self) -> dict[str, str]:
        return {name: value for name, value in (self.model_extra or {}).items() if isinstance(value, str)}


@router.get("/mon-dossier", dependencies=[Depends(SIGNED_IN)])
def form(request: Request, who: Who) -> Response:
    return page(request, TEMPLATE, **_context({"contact.name": who.name, "contact.email": who.email}))


def _context(values: Mapping[str, str], **more: Any) -> dict[str, Any]:
    opened = {name.rpartition(".")[0] for name, text in values.items() if text.strip()}
    blank = {"rows": ROWS, "opened": opened, "missing": None, "warnings": (), "found": None, "left": ()}
    return blank | {"values": dict(values)} | more


@router.post("/mon-dossier", dependencies=[Depends(SIGNED_IN)])
def make(request: Request, ctx: Ctx, who: Who, typed: Annotated[Raw, Form()]) -> Response:
    """The ZIP as an attachment; or, asked first, what is still missing."""
    values = typed.values
    _brake(ctx, who)
    number = _number(values)
    answers = _answers(values)
    found = _look_up(ctx, number)
    identity = identity_of(number.value, found)
    _expect_someone(found, identity, answers, values)
    if values.get("action") == "check":
        blanks = [(field_of(key, {}), label) for key, label in missing(Candidate(identity=identity, answers=answers))]
        said = [text for text in (trouble(found),) if text]
        return page(request, TEMPLATE, **_context(values, missing=blanks, warnings=said, found=identity))
    archive = _archive(ctx, identity, answers, values)
    return attachment(archive, f"dossier-candidat-{identity.siret}.zip", "application/zip")


def _brake(ctx: Context, who: Person) -> None:
    """The work is heavy: thirty times in ten minutes for one account."""
    with transaction(ctx.database) as db:
        brake(db, f"portable:{who.id}", TRIES, MINUTES)


def _again(values: Mapping[str, str], errors: dict[str, str]) -> PageInvalid:
    return PageInvalid(Invalid(errors), TEMPLATE, _context(values))


def _number(values: Mapping[str, str]) -> Siret:
    try:
        return parse_siret(values.get("siret", ""))
    except SiretError as error:
        raise _again(values, {"siret": error.sentence}) from None


def _answers(values: Mapping[str, str]) -> Answers:
    try:
        return merged(to_answers(values))
    except AnswersError as error:
        found = {field_of(path, values): text for path, text in error.errors.items()}
        said = {name if name in values else "form": said_of(name, text) for name, text in found.items()}
        raise _again(values, said) from None


def _look_up(ctx: Context, number: Siret) -> Found | None:
    """Open data only, with no transaction open. None where this install has no directory."""
    url = ctx.url("recherche_entreprises")
    with reading(ctx.database) as db:
        now = database.now(db)
    return public_identity(number, url, now, network(ctx)) if url else None


def _expect_someone(found: Found | None, identity: Identity, answers: Answers, values: Mapping[str, str]) -> None:
    """A file about nobody is not made; a company whose values are masked may leave blanks."""
    if identity.name or answers.identity.name or (found and found.outcome is Outcome.OBTAINED):
        return
    if found is None or found.outcome is Outcome.UNAVAILABLE:
        raise _again(values, {"identity.name": "L’annuaire des entreprises ne répond pas : écrivez le nom ici."})
    sentence = "Ce SIRET n’est pas dans les données ouvertes. Vérifiez-le ; s’il est juste, écrivez le nom plus bas."
    raise _again(values, {"siret": sentence})


def _archive(ctx: Context, identity: Identity, answers: Answers, values: Mapping[str, str]) -> bytes:
    """Made in a worker process, with no transaction open; a failure loses nothing of what was typed."""
    with reading(ctx.database) as db:
        now = database.now(db)
    try:
        made = isolate.run(
            "dce_templates.candidate.portable:archive_from", candidate_data(identity, answers), now, seconds=40
        )
    except WorkFailed as error:
        raise _again(values, {"form": error.sentence if error.kind == "PdfError" else BROKEN}) from None
    except Unavailable:
        raise _again(values, {"form": BROKEN}) from None
    return bytes(made)


@router.post("/mon-dossier/dume", dependencies=[Depends(SIGNED_IN)])
async def take_up(request: Request, ctx: Ctx, who: Who) -> Response:
    """A DUME fills the form; the file is read in a worker process and not kept."""
    await run_in_threadpool(_brake, ctx, who)
    sink = MemorySink()
    try:
        await receive(request, sink, DUME_CAP)
        return await run_in_threadpool(_filled, request, sink.content)
    except (Invalid, Refused, WorkFailed, Unavailable) as error:
        fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
        raise PageInvalid(Invalid(fields), TEMPLATE, _context({})) from None


def _filled(request: Request, content: bytes) -> Response:
    siret, said, unknown = isolate.run("dce_templates.candidate.read_dume:read_plain", content)
    values, left = to_form(said)
    return page(request, TEMPLATE, **_context({"siret": siret, **values}, left=[*left, *unknown], found=None))
