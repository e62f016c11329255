"""Anyone may have a signed PDF explained; nothing is kept."""

import base64
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import isolate
from api.auth import PUBLIC, brake
from api.context import Context, Ctx
from api.contracts import SIGNED_CAP
from api.db import transaction
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.render import page
from api.seal import WORDS, key_of, seal_pdf
from api.trusted import grounds
from api.uploads import receive_several
from api.verification import Seal, Verified, verified
from procurement.errors import Invalid, Refused, Unavailable
from signature.kinds import is_token

router = APIRouter(include_in_schema=False)
TRIES, MINUTES = 60, 10
MOST_FILES = 10


@router.get("/verifier", dependencies=[Depends(PUBLIC)])
def form(request: Request) -> Response:
    return page(request, "verify/verify.html", report=None, name="")


@router.post("/verifier/fichiers", dependencies=[Depends(PUBLIC)])
async def check(request: Request, ctx: Ctx) -> Response:
    """The verdict on one signed file. Sixty per machine in ten minutes: the work is heavy and the door is public."""
    machine = request.client.host if request.client else "?"
    await run_in_threadpool(_brake, ctx, machine)
    try:
        files = await receive_several(request, SIGNED_CAP, MOST_FILES)
        return await run_in_threadpool(_answer, request, ctx, _signature_first(files))
    except (Invalid, Refused, WorkFailed) as error:
        fields = error.fields if isinstance(error, Invalid) else {"file": error.sentence}
        raise PageInvalid(Invalid(fields), "verify/verify.html", {"report": None, "name": ""}) from None


def _signature_first(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """A token goes before the documents it signs, whichever field each was put in."""
    token = next((file for file in files if len(files) > 1 and is_token(file[1])), None)
    return files if token is None else [token, *(file for file in files if file is not token)]


def _brake(ctx: Context, machine: str) -> None:
    with transaction(ctx.database) as db:
        brake(db, f"verify-from:{machine}", TRIES, MINUTES)


def _answer(request: Request, ctx: Context, files: list[tuple[str, bytes]]) -> Response:
    (name, content), *others = files
    beside: dict[str, bytes] = {}
    for other, document in others:
        beside[f"{len(beside) + 1}/{other}" if other in beside else other] = document
    sandbox: bool = request.app.state.sandbox
    trust, now = grounds(ctx, content, sandbox=sandbox, files=beside)
    found = verified(name, content, trust, now, beside, _seal(ctx, now))
    pictures = _pictures(content, found.shape)
    downloads = _downloads(name, found)
    return page(request, "verify/verify.html", report=found.shape, name=name, pictures=pictures, downloads=downloads)


def _seal(ctx: Context, now: datetime) -> Seal | None:
    """The service's seal for the report that it wrote; None where it has none."""
    if key_of(ctx) is None:
        return None
    return lambda pdf: bytes(seal_pdf(ctx, pdf, f"Rapport de vérification ; {WORDS}", "rapport.pdf", now).content)


def _downloads(name: str, found: Verified) -> list[tuple[str, str, str]]:
    """(words of the link, name of the file, its bytes as a data: address): the reports travel inside the page.

    So nothing is kept of a visitor's file, no second sending is asked, and what is downloaded is the very verdict
    that is read (docs/decisions/0022).
    """
    stem = f"rapport-{PurePosixPath(name).stem}"
    offered = (
        ("Rapport en français (PDF)", f"{stem}.pdf", "application/pdf", found.pdf),
        ("Rapport ETSI TS 119 102-2 (XML)", f"{stem}.xml", "application/xml", found.xml),
    )
    return [(words, file, _address(kind, content)) for words, file, kind, content in offered if content]


def _address(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _pictures(content: bytes, report: dict[str, Any]) -> list[tuple[str, Any]]:
    """For each signature of a PDF that does not hold because of what was added later: its pages then and now."""
    found: list[tuple[str, Any]] = []
    for signature in report["signatures"]:
        signer, length = signature["signer"], signature["signed_length"]
        if signature["sub_indication"] != "FORMAT_FAILURE" or not 0 < length < len(content):
            continue
        try:
            found.append((signer, isolate.run("signature.pages:compared", content, length)))
        except (WorkFailed, Unavailable):
            found.append((signer, None))
    return found[:2]
