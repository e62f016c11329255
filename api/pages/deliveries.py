"""Data that a contract owes: dropped by the holder, accepted, sent back or released by an officer, read by anyone."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER as STAFF
from api.auth import PUBLIC, SIGNED_IN, Who
from api.context import Context, Ctx
from api.db import Db, reading, transaction
from api.downloads import streamed
from api.errors import PageInvalid
from api.isolate import WorkFailed
from api.render import page
from api.storage import withdrawn_if_refused
from api.uploads import MemorySink, Received
from api.uploads import receive as receive_upload
from procurement import deliveries as data
from procurement.candidacy import find_own
from procurement.contract import Contract, contract_of, find_contract, paris_day
from procurement.errors import Invalid, NotFound
from procurement.library import clauses_for
from procurement.people import Person
from procurement.publication.dcat import Published, catalog

router = APIRouter(include_in_schema=False)
HOLDER = "/candidatures/{ref}/donnees"
BUYER = "/contrats/{ref}/donnees"
OPEN = "/donnees-ouvertes/{ref}"
CAP = 50 * 10**6
TYPES: Mapping[str, str] = {
    "csv": "text/csv", "json": "application/json", "geojson": "application/geo+json", "zip": "application/zip",
    "gpkg": "application/geopackage+sqlite3", "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "txt": "text/plain",
}  # fmt: skip
STATES: Mapping[str, tuple[str, str]] = {
    "expected": ("Attendue", "waiting"), "received": ("Reçue, à vérifier", "info"),
    "returned": ("À corriger", "warning"), "accepted": ("Acceptée, non publiée", "success"),
    "released": ("Publiée", "success"), "withdrawn": ("Retirée", "neutral"),
}  # fmt: skip
Text = Annotated[str, Form()]


def _of_holder(db: Session, ref: str, who: Person) -> Contract:
    contract = contract_of(db, find_own(db, ref, who))
    if contract is None:
        raise NotFound
    return contract


def _context(db: Session, contract: Contract) -> dict[str, Any]:
    today = paris_day(database.now(db))
    clauses = clauses_for(db, contract.consultation)
    rows = [
        (row, STATES[row.state], data.penalty(row, today, clauses), row.late(today))
        for row in data.deliveries_of(db, contract)
    ]
    return {"contract": contract, "consultation": contract.consultation, "rows": rows, "cap": CAP}


@router.get(HOLDER, dependencies=[Depends(SIGNED_IN)])
def holder_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "deliveries/holder.html", ref=ref, **_context(db, _of_holder(db, ref, who)))


@router.post(HOLDER + "/{row}", dependencies=[Depends(SIGNED_IN)])
async def drop(request: Request, ctx: Ctx, who: Who, ref: str, row: str) -> Response:
    """Authorise, stream, check in a worker process, store, record: no transaction is open meanwhile."""
    schema_id = await run_in_threadpool(_authorise, ctx, who, ref, row)
    sink = MemorySink()
    try:
        received = await receive_upload(request, sink, CAP)
        await run_in_threadpool(_keep, ctx, who, (ref, row), schema_id, received, sink.content)
    except Invalid as error:
        wrong = Invalid({f"file-{row}": next(iter(error.fields.values()))})
        raise await run_in_threadpool(_again, ctx, who, ref, wrong) from None
    return RedirectResponse(f"{HOLDER.format(ref=ref)}?ok=fichier", 303)


def _again(ctx: Context, who: Person, ref: str, wrong: Invalid) -> PageInvalid:
    with reading(ctx.database) as db:
        return PageInvalid(wrong, "deliveries/holder.html", {"ref": ref} | _context(db, _of_holder(db, ref, who)))


def _authorise(ctx: Context, who: Person, ref: str, row: str) -> str:
    """The schema of the data set that is dropped. Raises NotFound."""
    with reading(ctx.database) as db:
        return str(data.find_delivery(db, _of_holder(db, ref, who), row).terms.get("schema_id", ""))


def _keep(
    ctx: Context, who: Person, where: tuple[str, str], schema_id: str, received: Received, content: bytes
) -> None:
    extension = received.name.rpartition(".")[2].lower()
    if extension not in TYPES:
        raise Invalid({"file": f"Déposez un fichier {', '.join(TYPES)} : un tableau ou des données, non une image."})
    report = _checked(ctx, schema_id, received.name, content)
    key = ctx.storage.put("deliveries", content)
    document = data.Document(key, received.name, TYPES[extension], len(content), received.sha256)
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        found = data.find_delivery(db, _of_holder(db, where[0], who), where[1])
        data.receive(db, found, document, report, who.email, database.now(db))


def _checked(ctx: Context, schema_id: str, name: str, content: bytes) -> dict[str, Any]:
    """The report of the check; what is no text table is taken as it is, and said so."""
    if name.rpartition(".")[2].lower() not in ("csv", "json", "geojson", "txt"):
        return {"checked": False, "valid": True, "rows": 0, "findings": []}
    try:
        found: dict[str, Any] = isolate.run(
            "procurement.publication.tables:check_table", content, name, _schema(ctx, schema_id), seconds=30
        )
    except WorkFailed as error:
        return {"checked": False, "valid": False, "rows": 0, "findings": [error.sentence]}
    return found


def _schema(ctx: Context, schema_id: str) -> dict[str, Any] | None:
    """`MPS_SCHEMAS/etalab_schema-x@1.0.0.json`: the schemas' own files are not ours to carry."""
    folder = ctx.settings.schemas
    if folder is None or not schema_id:
        return None
    path = folder / f"{re.sub(r'[^A-Za-z0-9@.-]', '_', schema_id)}.json"
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@router.get(BUYER, dependencies=[Depends(STAFF)])
def buyer_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, "deliveries/buyer.html", **_context(db, find_contract(db, ref, who)))


@router.get(BUYER + "/{row}/fichier", dependencies=[Depends(STAFF)])
def read_file(ctx: Ctx, who: Who, ref: str, row: str) -> Response:
    with reading(ctx.database) as db:
        found = data.find_delivery(db, find_contract(db, ref, who), row)
        return _file(ctx, found)


def _file(ctx: Context, row: data.Delivery) -> Response:
    if row.file_key is None:
        raise NotFound
    return streamed(ctx.storage.chunks(row.file_key), row.file_name, row.file_type)


@router.post(BUYER + "/{row}/{what}", dependencies=[Depends(STAFF)])
def decide(db: Db, who: Who, ref: str, row: str, what: str, remark: Text = "", anonymised: Text = "") -> Response:
    contract = find_contract(db, ref, who)
    data.for_officer(contract, who)
    found, now = data.find_delivery(db, contract, row), database.now(db)
    verbs: Mapping[str, Callable[[], None]] = {
        "accepter": lambda: data.accept(db, found, who, now),
        "renvoyer": lambda: data.send_back(db, found, remark, who, now),
        "publier": lambda: data.release(db, found, anonymised, who, now),
        "retirer": lambda: data.withdraw(db, found, who, now),
    }
    if what not in verbs:
        raise NotFound
    try:
        verbs[what]()
    except Invalid as error:
        fields = Invalid({f"{name}-{row}": sentence for name, sentence in error.fields.items()})
        typed = {"values": {f"remark-{row}": remark, f"anonymised-{row}": anonymised}}
        raise PageInvalid(fields, "deliveries/buyer.html", _context(db, contract) | typed) from None
    return RedirectResponse(f"{BUYER.format(ref=ref)}?ok=enregistre", 303)


@router.get(OPEN, dependencies=[Depends(PUBLIC)])
def open_page(request: Request, db: Db, ref: str) -> Response:
    """The open data of one contract."""
    rows = data.released(db, ref)
    if not rows:
        raise NotFound
    return page(request, "deliveries/open.html", contract=rows[0].contract, rows=rows)


@router.get(OPEN + "/{row}/{name}", dependencies=[Depends(PUBLIC)])
def open_file(ctx: Ctx, ref: str, row: str, name: str) -> Response:
    """A file while it is released: withdrawn, it is gone at once."""
    with reading(ctx.database) as db:
        found = next((one for one in data.released(db, ref) if one.ref == row and one.file_name == name), None)
        if found is None:
            raise NotFound
        return _file(ctx, found)


@router.get("/catalog.jsonld", dependencies=[Depends(PUBLIC)])
def catalogue(ctx: Ctx, db: Db) -> Response:
    base = ctx.settings.public_url.rstrip("/")
    found = catalog(f"{base}/catalog.jsonld", "Données des marchés publics", _published(base, data.released(db)))
    return Response(json.dumps(found, ensure_ascii=False), media_type="application/ld+json")


def _published(base: str, rows: list[data.Delivery]) -> list[Published]:
    """One data set per contract and annex row, with the files of all its released deliveries."""
    groups: dict[tuple[int, str], list[data.Delivery]] = {}
    for row in rows:
        groups.setdefault((row.contract_id, row.dataset), []).append(row)
    found = []
    for same in groups.values():
        contract, page_url = same[0].contract, f"{base}{OPEN.format(ref=same[0].contract.ref)}"
        files = tuple(
            (f"{page_url}/{r.ref}/{r.file_name}", r.file_type, r.file_size, r.file_sha256 or "") for r in same
        )
        place = str(contract.consultation.dossier.get("place", {}).get("label", ""))
        modified = max(r.released_at for r in same if r.released_at)
        buyer = contract.organisation
        found.append(
            Published(
                f"{page_url}#{same[0].dataset}",
                same[-1].terms,
                contract.number,
                buyer.name,
                buyer.siret,
                place,
                modified,
                files,
            )
        )
    return found
