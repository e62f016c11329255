"""The sandbox's PISTE and Chorus Pro: token, received invoices, statuses, structures, deposits; states live here.

Anybody knows the application's secret and the technical accounts: `TECH_<SIRET>@bac-a-sable.example`, one per
structure. Beside the portal's own paths, `/bac-a-sable/…` lets tests and the demonstration play the supplier, spoil
answers and change limits. Deposits are read, and invoices made, in worker processes.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import isolate
from api.sandbox.chorus_desk import Clock, Desk, Json, Problem
from api.sandbox.chorus_methods import METHODS, Asked, deposit
from api.sandbox.companies import Fault
from api.sandbox.faults import Slow

# Public: what this portal takes.
CLIENT_ID, CLIENT_SECRET = "bac-a-sable-mps", "sandbox-secret-piste"
PASSWORD = "sandbox-compte-technique"  # noqa: S105
ACCOUNT = re.compile(r"TECH_(\d{14})@bac-a-sable\.example")
LIFE = timedelta(hours=1)
MOST_BODY = 170 << 20


def login_of(siret: str) -> str:
    """The technical account of a structure."""
    return f"TECH_{siret}@bac-a-sable.example"


@dataclass
class Breakage:
    """What goes wrong on one path, `times` more; `before`: what happens at the portal just before it answers."""

    path: str
    fault: Fault
    times: int
    before: Json | None = None
    skip: int = 0


@dataclass
class Counter:
    """The portal and its door: tokens, breakages, how often each path was called."""

    desk: Desk
    tokens: dict[str, datetime] = field(default_factory=dict)
    breakages: list[Breakage] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)


def create_app(clock: Clock) -> Starlette:
    """`POST /oauth/token`, `POST /cpro/{method}`, and the levers under `/bac-a-sable/`."""
    counter = Counter(Desk(clock))

    async def token(request: Request) -> Response:
        form = await request.form()
        given = {name: str(form.get(name, "")) for name in ("grant_type", "client_id", "client_secret", "scope")}
        return _count(counter, "token") or _new_token(counter, given)

    async def cpro(request: Request) -> Response:
        method = request.path_params["method"]
        content = await _body(request)
        return await run_in_threadpool(_answer, counter, method, request.headers, content)

    async def lever(request: Request) -> Response:
        asked = json.loads(await request.body() or b"{}")
        return JSONResponse(await run_in_threadpool(LEVERS[request.path_params["name"]], counter, asked))

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/cpro/{method:path}", cpro, methods=["POST"]),
            Route("/bac-a-sable/{name}", lever, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes:
    if int(request.headers.get("content-length", MOST_BODY + 1)) > MOST_BODY:
        return b"\0"
    return await request.body()


def _new_token(counter: Counter, given: Mapping[str, str]) -> Response:
    if given["grant_type"] != "client_credentials" or "openid" not in given["scope"].split():
        return JSONResponse({"error": "invalid_request"}, 400)
    if (given["client_id"], given["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
        return JSONResponse({"error": "invalid_client"}, 401)
    token = secrets.token_urlsafe(32)
    counter.tokens[token] = counter.desk.clock() + LIFE
    told = {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFE.total_seconds()), "scope": "openid"}
    return JSONResponse(told)


def _count(counter: Counter, path: str) -> Response | None:
    """Note the call; the broken answer where one is ordered for it."""
    counter.calls[path] = counter.calls.get(path, 0) + 1
    for breakage in counter.breakages:
        if breakage.path != path or not breakage.times:
            continue
        if breakage.skip:
            breakage.skip -= 1
            continue
        breakage.times -= 1
        if breakage.before:
            LEVERS[str(breakage.before["lever"])](counter, breakage.before)
        return _spoilt(breakage.fault)
    return None


def _spoilt(fault: Fault) -> Response | None:
    """None: the true answer follows."""
    if fault.is_answer and not fault.wait and fault.body == "whole":
        return None
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
    if fault.wait:
        slow = Slow({}, fault.status, headers=headers)
        slow.wait = fault.wait
        return slow
    if fault.empty:
        return Response(status_code=fault.status, headers=headers)
    body = {} if fault.status == 200 else {"libelle": fault.title or "Erreur technique"}
    return JSONResponse(body, fault.status, headers=headers)


def _answer(counter: Counter, method: str, headers: Mapping[str, str], content: bytes) -> Response:
    if content == b"\0":
        return Response(status_code=413)
    broken = _count(counter, method)
    if broken is not None:
        return broken
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if counter.tokens.get(given, datetime.min.replace(tzinfo=counter.desk.clock().tzinfo)) <= counter.desk.clock():
        return JSONResponse({"error": "invalid_token"}, 401)
    act = METHODS.get(method)
    if act is None:
        return JSONResponse({"libelle": "Ressource inconnue"}, 404)
    try:
        asked = json.loads(content)
        told = act(counter.desk, _structure(headers.get("cpro-account", "")), asked)
    except Problem as problem:
        return JSONResponse({"codeRetour": problem.code, "libelle": problem.words}, problem.status)
    except (ValueError, TypeError, AttributeError):
        return JSONResponse({"codeRetour": 20099, "libelle": "La requête ne se lit pas."}, 400)
    return JSONResponse({"codeRetour": 0, "libelle": "TRA_MSG_00.000"} | told)


def _structure(header: str) -> str:
    """The SIRET of the structure whose technical account calls."""
    try:
        login, _, password = base64.b64decode(header, validate=True).decode().partition(":")
    except ValueError:
        raise Problem(20097, "L'en-tête cpro-account ne se lit pas.") from None
    known = ACCOUNT.fullmatch(login)
    if known is None or password != PASSWORD:
        raise Problem(20098, "Le compte technique ou son mot de passe est refusé.")
    return known[1]


# Levers, for tests and the demonstration.


def _supplier_sends(counter: Counter, asked: Asked) -> Json:
    """An invented supplier makes an invoice and deposits it: what `chorus_papers.supplier_invoice` wants to know."""
    told = {"issued_on": counter.desk.clock().date().isoformat(), **asked}
    content, name, syntax = isolate.run("api.sandbox.chorus_papers:supplier_invoice", told, seconds=60.0)
    invoice = isolate.run("procurement.invoicing.parsing:read_invoice", content, seconds=60.0)
    flux = base64.b64encode(content).decode()
    sent = {"fichierFlux": flux, "nomFichier": name, "syntaxeFlux": syntax, "avecSignature": False}
    number = deposit(counter.desk, invoice.seller.sirets[0], sent)["numeroFluxDepot"]
    return {"flux": number, "errors": counter.desk.flows[number].errors, "idFacture": counter.desk.invoices[-1].id}


def _drop(counter: Counter, asked: Asked) -> Json:
    """Any bytes at a buyer's disposal, read by nobody: `buyer`, `number`, `content` (Base64), `name`."""
    made = counter.desk.add(
        str(asked["number"]), (str(asked.get("supplier", "00001001700010")), "Fournisseur"), str(asked["buyer"]),
        base64.b64decode(asked["content"]), str(asked.get("name", "facture.xml")),
    )  # fmt: skip
    return {"idFacture": made.id}


def _break(counter: Counter, asked: Asked) -> Json:
    """`path` (a method, or token), `times`, `skip` calls first, `fault` (companies.Fault), `before` (a lever)."""
    fault = Fault.model_validate(asked.get("fault") or {})
    counter.breakages.append(
        Breakage(str(asked["path"]), fault, int(asked.get("times", 1)), asked.get("before"), int(asked.get("skip", 0)))
    )
    return {}


def _limits(counter: Counter, asked: Asked) -> Json:
    counter.desk.download_cap = int(asked.get("download", counter.desk.download_cap))
    counter.desk.page_cap = int(asked.get("page", counter.desk.page_cap))
    return {}


def _turn(counter: Counter, asked: Asked) -> Json:
    """Somebody else changes a status: the supplier completes, the accountant pays."""
    for invoice in counter.desk.invoices:
        if invoice.id == asked["idFacture"]:
            counter.desk.turn(invoice, str(asked["statut"]))
    return {}


def _arrange(counter: Counter, asked: Asked) -> Json:
    """A structure's switches and services (`[code, name, active]`)."""
    structure = counter.desk.structure(str(asked["siret"]))
    structure.switches |= asked.get("switches", {})
    if "services" in asked:
        structure.services = [(code, name, active) for code, name, active in asked["services"]]
    return {"idStructureCPP": structure.id}


def _expire(counter: Counter, asked: Asked) -> Json:
    counter.tokens.clear()
    return {}


def _state(counter: Counter, asked: Asked) -> Json:
    listed = [
        {
            "idFacture": each.id, "numero": each.number, "statut": each.status, "motif": each.motive,
            "destinataire": each.buyer, "passages": [status for status, _ in each.history],
        }
        for each in counter.desk.invoices
        if asked.get("buyer") in (None, each.buyer)
    ]  # fmt: skip
    return {"factures": listed, "appels": dict(counter.calls)}


LEVERS: dict[str, Callable[[Counter, Asked], Json]] = {
    "fournisseur": _supplier_sends,
    "depose": _drop,
    "pannes": _break,
    "limites": _limits,
    "statut": _turn,
    "structure": _arrange,
    "jetons": _expire,
    "etat": _state,
}
