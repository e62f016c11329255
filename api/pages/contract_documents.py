"""Every paper of a contract: listed, added, downloaded one by one or in one ZIP."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api.auth import BUYER, Who
from api.bundle import Entry, bundle
from api.context import Context, Ctx
from api.contract_record import EVERYONE, About, Step, Typed, carry_out, frame
from api.db import Db, reading
from api.downloads import attachment, streamed
from api.render import page
from procurement.contract import Contract, find_contract
from procurement.execution.assignments import Assignability, certificates_of
from procurement.execution.documents import KINDS, Paper, find_paper, papers_of
from procurement.people import Person

router = APIRouter(include_in_schema=False)
PAGE = "contracts/documents.html"
BASE = "/contrats/{ref}/documents"


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    return frame(contract, who) | {
        "papers": papers_of(db, contract),
        "certificates": certificates_of(db, contract),
        "kinds": list(KINDS.items()),
        "kinds_by_key": KINDS,
    }


@router.get(BASE, dependencies=[Depends(BUYER)])
def documents_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, PAGE, **_context(db, find_contract(db, ref, who), who))


def _add(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    kind = typed.text("kind", 20)
    if kind not in KINDS:
        typed.wrong["kind"] = "Dites ce qu’est ce document."
    typed.hold()
    return About(kind, contract.ref)


@router.post(BASE, dependencies=[Depends(BUYER)])
async def add(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    step = Step(EVERYONE, _add, PAGE, _context, paper_needed="Choisissez un fichier qui n’est pas vide.")
    await carry_out(request, ctx, who, ref, step)
    return RedirectResponse(f"/contrats/{ref}/documents?ok=fichier", 303)


@router.get(BASE + "/{pref}/fichier", dependencies=[Depends(BUYER)])
def read_paper(ctx: Ctx, who: Who, ref: str, pref: str) -> Response:
    with reading(ctx.database) as db:
        found = find_paper(db, find_contract(db, ref, who), pref)
    return attachment(ctx.storage.get(found.key), found.name, found.media_type)


@router.get("/contrats/{ref}/documents.zip", dependencies=[Depends(BUYER)])
def everything(ctx: Ctx, who: Who, ref: str) -> Response:
    """The act, every paper and every certificate, with a manifest of their sha256."""
    with reading(ctx.database) as db:
        contract, now = find_contract(db, ref, who), database.now(db)
        papers, certificates = papers_of(db, contract), certificates_of(db, contract)
        about = {
            "contract": contract.number, "object": contract.consultation.object, "ref": contract.ref,
            "made_at": now.isoformat(), "made_by": who.email,
        }  # fmt: skip
    act = ("acte-engagement.pdf", contract.act.key, {"kind": "act"})
    files = [act, *_papers(papers), *_certificates(certificates)]
    return streamed(bundle(_entries(ctx, files), about, now), f"{contract.number}-documents.zip", "application/zip")


def _papers(papers: Iterable[Paper]) -> Iterable[tuple[str, str, dict[str, str]]]:
    for number, paper in enumerate(papers, 1):
        yield f"{paper.kind}/{number:03d}-{paper.name}", paper.key, {"kind": paper.kind, "about": paper.subject}


def _certificates(certificates: Iterable[Assignability]) -> Iterable[tuple[str, str, dict[str, str]]]:
    for number, each in enumerate(certificates, 1):
        yield f"assignability/{number:03d}-{each.siret}.pdf", each.key, {"kind": "assignability", "state": each.state}


def _entries(ctx: Context, files: Iterable[tuple[str, str, dict[str, str]]]) -> Iterable[Entry]:
    """Read one at a time, when its turn comes; none is over the cap of an upload."""
    for path, key, said in files:
        content = ctx.storage.get(key)
        yield Entry(path, len(content), said, lambda content=content: [content])  # type: ignore[misc]
