"""Several acts signed at a distance with one PIN: the provider's authorisation covers these digests and no other."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import SIGNED_IN, Who
from api.context import Context, Ctx
from api.db import reading
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.pages.signing import options
from api.remote_signing import Given, remote_credentials, sign_several
from api.render import euros, page
from api.signing import Find
from procurement.errors import Invalid, Refused, Unavailable
from procurement.people import Person
from procurement.signers import Signer, awaited_of, find_signer

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
PATH = "/signatures/lot"
MOST = 20


@router.get(PATH, dependencies=[Depends(SIGNED_IN)])
def choose(request: Request, ctx: Ctx, who: Who, service: str = "") -> Response:
    """The acts that this person may sign now, and the certificates that the chosen provider holds."""
    return page(request, "signing/batch.html", **_context(ctx, who, service), values={}, errors={}, results=[])


@router.post(PATH, dependencies=[Depends(SIGNED_IN)])
def sign(
    request: Request, ctx: Ctx, who: Who, service: Text = "", credential: Text = "", pin: Text = "", otp: Text = "",
    acts: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """One PIN; each act is verified and kept on its own, and the page tells which is not."""
    chosen = acts or []
    values = {"credential": credential, "acts": chosen}
    try:
        if not chosen:
            raise Invalid({"acts": "Choisissez au moins un acte à signer."})
        finds = [_find(ref, who) for ref in chosen]
        given, sandbox = Given(service, credential, pin, otp), request.app.state.sandbox
        problems = sign_several(ctx, finds, who, given, sandbox=sandbox)
    except (Invalid, Refused, Unavailable, WorkFailed) as error:
        fields = error.fields if isinstance(error, Invalid) else {"pin": error.sentence}
        context = _context(ctx, who, service) | {"values": values, "results": []}
        raise PageInvalid(Invalid(fields), "signing/batch.html", context) from None
    if not any(problems):
        return RedirectResponse("/signatures?ok=signes", 303)
    results = _results(ctx, who, chosen, problems)
    context = _context(ctx, who, service) | {"values": {}, "results": results}
    return page(request, "signing/batch.html", status=422, errors={}, **context)


def _find(ref: str, who: Person) -> Find:
    return lambda db: find_signer(db, ref, who)


def _context(ctx: Context, who: Person, service: str) -> dict[str, Any]:
    with reading(ctx.database) as db:
        ready = [_act(signer) for signer in awaited_of(db, who)[:MOST]]
    try:
        provider, held = remote_credentials(ctx, service)
    except (Invalid, Refused, Unavailable) as error:
        return {"acts": ready, "provider": None, "credentials": [], "sentence": error.sentence}
    return {"acts": ready, "provider": provider, "credentials": options(held), "sentence": ""}


def _act(signer: Signer) -> tuple[str, str, str]:
    """Value, label, hint of one act."""
    act = signer.act
    label = f"{act.reference}, {act.contract.consultation.object}"
    return signer.ref, label, f"{euros(act.amount)} HT ; pour {signer.company} ; empreinte SHA-256 {act.sha256}"


def _results(ctx: Context, who: Person, refs: list[str], problems: list[Exception | None]) -> list[tuple[str, str]]:
    """(which act, what became of its signature)."""
    with reading(ctx.database) as db:
        acts = [find_signer(db, ref, who).act.reference for ref in refs]
    told = ["Signé." if p is None else getattr(p, "sentence", "Cet acte n’a pas pu être signé.") for p in problems]
    return list(zip(acts, told, strict=True))
