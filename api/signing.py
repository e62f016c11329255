"""Taking a signature on an act, whatever the way: the very bytes are verified, raised to B-LTA, then kept.

No transaction is open while a worker or a remote service is at work; the last version is checked again when kept.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api import db as database
from api import isolate
from api.context import Context
from api.contracts import SIGNED_CAP, check_additions, trust_of, verify_signature
from api.db import reading, transaction
from api.errors import PageInvalid
from api.remote import csc
from api.remote.api_entreprise import network
from api.seal import stamp_of
from api.uploads import MemorySink, receive
from procurement.appeals import appeals_of, pending
from procurement.contract import Contract
from procurement.errors import Invalid, Refused, Unavailable
from procurement.people import Person
from procurement.signing import WAYS, Signer, Version, check_report, keep, may_sign, same_version, signers_of
from signature.facts import Embedded
from signature.making.keys import as_der
from signature.trust import Trust

Find = Callable[[Session], Signer]
Again = Callable[[Exception], PageInvalid]
# State of a signer → (words, tone).
STATES = {
    "waiting": ("Signature attendue", "waiting"),
    "signed": ("A signé", "success"),
    "refused": ("A refusé de signer", "danger"),
}
REASON = "Signature du marché"


class NotTaken(Exception):
    """The signature is not kept: why, and the verdict where there is one."""

    def __init__(self, error: Exception, report: Mapping[str, Any] | None) -> None:
        super().__init__(str(error))
        self.error, self.report = error, report
        self.sentence: str = getattr(error, "sentence", "Le fichier signé ne peut être examiné.")


@dataclass(frozen=True)
class Act:
    """The version to sign now."""

    content: bytes
    key: str


def circuit_of(db: Session, contract: Contract) -> dict[str, Any]:
    """What a page shows of who signs: companies, words for their states and ways, appeals and the one that is on."""
    appeals = appeals_of(db, contract.consultation)
    return {
        "signers": signers_of(db, contract),
        "signer_states": STATES,
        "ways": WAYS,
        "appeals": appeals,
        "appeal": pending(appeals),
    }


async def take_file(request: Request, ctx: Context, find: Find, who: Person, again: Again) -> None:
    """Way A: authorise, stream, verify the very bytes; what is refused is raised as `again` has it, nothing kept."""
    await run_in_threadpool(act_of, ctx, find)
    sink = MemorySink()
    sandbox: bool = request.app.state.sandbox
    try:
        received = await receive(request, sink, SIGNED_CAP)
        tool = tool_name(received.fields.get("tool", ""))
        await run_in_threadpool(partial(take, ctx, find, who, sink.content, "file", sandbox=sandbox, tool=tool))
    except (NotTaken, Invalid, Refused) as error:
        raise await run_in_threadpool(again, error) from None


def act_of(ctx: Context, find: Find) -> Act:
    """The last version of the act, for a company that may sign now. Raises Refused, NotFound."""
    with reading(ctx.database) as db:
        signer = find(db)
        may_sign(db, signer)
        key = signer.contract.signed_key or signer.contract.unsigned_key
    return Act(ctx.storage.get(key), key)


def take(ctx: Context, find: Find, who: Person, received: bytes, way: str, *, sandbox: bool, tool: str = "") -> None:
    """Verify the very bytes that came in, keep them raised. Raises NotTaken with the verdict, nothing being kept."""
    before = act_of(ctx, find).content
    with reading(ctx.database) as db:
        signer, now = find(db), database.now(db)
        created = signer.contract.created_at
        done = len((signer.contract.signature_report or {}).get("signatures", ()))
    report = None
    trust = trust_of(ctx, sandbox, now)
    try:
        same_version(signer, before, received)
        report = verify_signature(received, trust, now, created)
        check_report(report, signer, done)
        check_additions(before, received)
    except (Refused, isolate.WorkFailed) as error:
        raise NotTaken(error, report) from None
    content, sha256 = raised(ctx, received, trust)
    key = ctx.storage.put("contracts", content)
    with transaction(ctx.database) as db:
        keep(
            db, find(db), way=way, before=before, received=received, kept=Version(key, sha256), report=report,
            person=who, now=database.now(db),
        )  # fmt: skip
        if tool:
            find(db).tool = tool


def tool_name(text: str) -> str:
    """One printable line of at most 200 characters, as a signer names its signing tool."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def raised(ctx: Context, received: bytes, trust: Trust) -> tuple[bytes, str]:
    """(the act, its sha256): at level B-LTA where proofs and a timestamp can be had, else as it came."""
    material = Embedded(trust.intermediates, trust.crls, trust.ocsps)
    stamp = stamp_of(ctx)
    if stamp is not None and material.revocation:
        try:
            signed = isolate.run("signature.making.desk:raised", received, material, stamp)
            return signed.content, signed.sha256
        except (Unavailable, isolate.WorkFailed):
            pass  # the signature is good all the same; it is only less durable
    return received, hashlib.sha256(received).hexdigest()


def remote_credentials(ctx: Context, key: str) -> tuple[csc.CscProvider, tuple[csc.Credential, ...]]:
    """A provider by its key, and what can sign there. Raises Invalid, Unavailable, Refused."""
    found = [p for p in csc.providers(ctx) if p.key == key]
    if not found:
        raise Invalid({"service": "Choisissez un des services de signature proposés."})
    return found[0], csc.credentials(found[0], network(ctx))


def sign_remotely(
    ctx: Context, find: Find, who: Person, provider: str, credential: str, pin: str, otp: str, *, sandbox: bool
) -> None:
    """Way B: the provider signs the hash with the person's key, once its PIN is given (CSC API). Raises NotTaken."""
    service, held = remote_credentials(ctx, provider)
    chosen = [c for c in held if c.id == credential]
    if not chosen:
        raise Invalid({"credential": "Choisissez un des certificats proposés."})
    if not pin:
        raise Invalid({"pin": "Tapez le code PIN de votre certificat."})
    act = act_of(ctx, find)
    with reading(ctx.database) as db:
        moment = database.now(db).isoformat()
    prepared = isolate.run("signature.making.desk:prepared", act.content, chosen[0].certificates, moment, REASON)
    digests = [prepared.digest]
    sad = csc.authorize(service, chosen[0].id, digests, pin, otp, network(ctx))
    (value,) = csc.sign_hashes(service, chosen[0], sad, digests, network(ctx))
    received = isolate.run("signature.making.pades:finish", prepared, value, stamp_of(ctx))
    take(ctx, find, who, received, "remote", sandbox=sandbox)


def prepare_in_page(ctx: Context, find: Find, chain: list[str]) -> dict[str, str]:
    """Way C, first half: what the page must sign (Base64), for a chain in Base64 DER. Raises Refused, WorkFailed."""
    try:
        certificates = tuple(base64.b64decode(text, validate=True) for text in chain[:10])
    except ValueError as error:
        raise Refused("Le certificat envoyé par la page est illisible.") from error
    act = act_of(ctx, find)
    with reading(ctx.database) as db:
        moment = database.now(db).isoformat()
    prepared = isolate.run("signature.making.desk:prepared", act.content, certificates, moment, REASON)
    key = ctx.storage.put("preparations", prepared.content)
    with transaction(ctx.database) as db:
        signer = find(db)
        signer.prepared_key = key
        signer.prepared = {
            "start": prepared.start,
            "end": prepared.end,
            "attributes": base64.b64encode(prepared.attributes.der).decode(),
            "chain": [base64.b64encode(each).decode() for each in certificates],
        }
    return {"to_sign": base64.b64encode(prepared.to_sign).decode()}


def finish_in_page(ctx: Context, find: Find, who: Person, value: str, *, sandbox: bool) -> None:
    """Way C, second half: the raw signature that the page made. Raises Refused, NotTaken."""
    with reading(ctx.database) as db:
        signer = find(db)
        key, held = signer.prepared_key, signer.prepared
    if key is None or held is None:
        raise Refused("La signature n’a pas été préparée, ou elle est déjà faite : recommencez.")
    chain = tuple(base64.b64decode(text) for text in held["chain"])
    try:
        raw = as_der(chain, base64.b64decode(value, validate=True))
    except ValueError as error:
        raise Refused("La signature envoyée par la page est illisible.") from error
    attributes = base64.b64decode(held["attributes"])
    content, places = ctx.storage.get(key), (held["start"], held["end"])
    received = isolate.run("signature.making.desk:finished", content, places, attributes, chain, raw, stamp_of(ctx))
    take(ctx, find, who, received, "certificate", sandbox=sandbox)
    with transaction(ctx.database) as db:
        signer = find(db)
        signer.prepared_key = signer.prepared = None
