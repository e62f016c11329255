"""« Mode d'emploi » (arrêté of 22 March 2019, article 6): written for whoever signed with a tool of their own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER, SIGNED_IN, Who
from api.context import Context, Ctx
from api.db import Db, reading
from api.downloads import attachment
from api.how_to_verify import how_to
from api.pages.signing import PATH
from api.render import page
from api.signing import Find, tool_name
from procurement.contract import find_contract
from procurement.errors import NotFound
from procurement.signers import ELSEWHERE, find_signer, party_of

router = APIRouter(include_in_schema=False)


@router.get(PATH + "/mode-emploi", dependencies=[Depends(SIGNED_IN)])
def own_page(request: Request, db: Db, ctx: Ctx, who: Who, ref: str) -> Response:
    signer = find_signer(db, ref, who)
    paper = how_to(signer, ctx.settings.public_url)
    return page(request, "signing/how_to_verify.html", signer=signer, contract=signer.act.contract, paper=paper)


@router.post(PATH + "/mode-emploi", dependencies=[Depends(SIGNED_IN)])
def name_tool(db: Db, who: Who, ref: str, tool: Annotated[str, Form()] = "") -> Response:
    find_signer(db, ref, who).tool = tool_name(tool)
    return RedirectResponse(f"{PATH.format(ref=ref)}/mode-emploi?ok=enregistre", 303)


@router.get(PATH + "/mode-emploi.pdf", dependencies=[Depends(SIGNED_IN)])
def own_paper(ctx: Ctx, who: Who, ref: str) -> Response:
    return _paper(ctx, lambda db: find_signer(db, ref, who))


@router.get("/contrats/{ref}/modes-emploi/{sref}.pdf", dependencies=[Depends(BUYER)])
def paper(ctx: Ctx, who: Who, ref: str, sref: str) -> Response:
    """The same for the buyer's people, beside the signed act."""
    return _paper(ctx, lambda db: party_of(db, find_contract(db, ref, who), sref))


def _paper(ctx: Context, find: Find) -> Response:
    """Only of a signature made elsewhere: for the service's own tools nothing is owed."""
    with reading(ctx.database) as db:
        signer, now = find(db), database.now(db)
        if signer.way not in ELSEWHERE:
            raise NotFound
        found = how_to(signer, ctx.settings.public_url)
        name = f"mode-emploi-{signer.act.contract.number}-{signer.siret}.pdf"
    return attachment(isolate.run("api.how_to_verify_pdf:render", found, now), name, "application/pdf")
