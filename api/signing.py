"""Taking a signature on an act, whatever the way: the very bytes are verified, raised to B-LTA, then kept.

No transaction is open while a worker or a remote service is at work; the last version is checked again when kept.
"""

import base64
import hashlib
import re
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
from api.contracts import SIGNED_CAP, check_additions
from api.db import reading, transaction
from api.errors import PageInvalid
from api.raising import raised, raised_token, stamp_of
from api.trusted import judged
from api.uploads import receive_form, safe_name
from procurement.act import ENGAGEMENT, Act
from procurement.appeals import appeals_of, pending
from procurement.errors import Invalid, NotFound, Refused
from procurement.people import Person
from procurement.signers import WAYS, Signer, circuit, signers_of
from procurement.signing import Version, check_report, keep, may_sign, same_version
from procurement.signing_tokens import Token, check_token, keep_token, told_name
from signature.kinds import is_token
from signature.making.keys import as_der

Find = Callable[[Session], Signer]
Again = Callable[[Exception], PageInvalid]
# State of a signer → (words, tone).
STATES = {
    "waiting": ("Signature attendue", "waiting"),
    "signed": ("A signé", "success"),
    "refused": ("A refusé de signer", "danger"),
}
MOST_FILES = 5


class NotTaken(Exception):
    """The signature is not kept: why, and the verdict where there is one."""

    def __init__(self, error: Exception, report: Mapping[str, Any] | None) -> None:
        super().__init__(str(error))
        self.error, self.report = error, report
        self.sentence: str = getattr(error, "sentence", "Le fichier signé ne peut être examiné.")


@dataclass(frozen=True)
class ToSign:
    """The version to sign now, and the reason that a signature in the PDF states."""

    content: bytes
    key: str
    reason: str


def circuit_of(db: Session, act: Act) -> dict[str, Any]:
    """What a page shows of who signs: companies, words for their states and ways, appeals and the one that is on."""
    appeals = appeals_of(db, act.contract.consultation)
    return {
        "signers": circuit(db, act),
        "buyers_turn": all(s.state == "signed" for s in signers_of(db, act)),
        "signer_states": STATES,
        "ways": WAYS,
        "appeals": appeals,
        "appeal": pending(appeals),
    }


async def take_file(request: Request, ctx: Context, find: Find, who: Person, again: Again) -> None:
    """Way A: authorise, stream, verify the very bytes; what is refused is raised as `again` has it, nothing kept."""
    await run_in_threadpool(act_of, ctx, find, who)
    sandbox: bool = request.app.state.sandbox
    try:
        files, fields = await receive_form(request, SIGNED_CAP, MOST_FILES)
        tool = tool_name(fields.get("tool", ""))
        await run_in_threadpool(partial(_take_files, ctx, find, who, files, sandbox=sandbox, tool=tool))
    except (NotTaken, Invalid, Refused) as error:
        raise await run_in_threadpool(again, error) from None


def _take_files(
    ctx: Context, find: Find, who: Person, files: list[tuple[str, bytes]], *, sandbox: bool, tool: str
) -> None:
    """A signed PDF; or a token, with or without the act beside it, matched by digest whatever the names."""
    tokens = [(name, content) for name, content in files if is_token(content)]
    if not tokens:
        if len(files) != 1:
            raise Invalid({"file": "Déposez l’acte signé, ou le jeton de signature avec ou sans l’acte."})
        return take(ctx, find, who, files[0][1], "file", sandbox=sandbox, tool=tool)
    if len(tokens) > 1:
        raise Invalid({"file": "Déposez un seul jeton de signature à la fois."})
    act = act_of(ctx, find, who).content
    if any(content != act for _, content in files if not is_token(content)):
        raise Refused("Le document joint n’est pas l’acte téléchargé ici : téléchargez-le à nouveau.", "R2182-3")
    return take_token(ctx, find, who, act, *tokens[0], sandbox=sandbox, tool=tool)


def take_token(
    ctx: Context, find: Find, who: Person, act: bytes, name: str, token: bytes, *, sandbox: bool, tool: str
) -> None:
    """Verify a signature kept beside the act, raise it, keep it. Raises NotTaken with the verdict."""
    with reading(ctx.database) as db:
        signer = find(db)
        created = signer.act.created_at
    report, files = None, {told_name(signer.act): act}
    try:
        report, trust = judged(ctx, token, sandbox=sandbox, not_before=created, files=files, whole=True)
        check_token(report, signer)
    except (Refused, isolate.WorkFailed) as error:
        raise NotTaken(error, report) from None
    kept = raised_token(ctx, token, trust)
    if kept != token:
        # What is kept is what was judged: the raised one, unless adding to it broke it.
        better, _ = judged(ctx, kept, sandbox=sandbox, not_before=created, files=files)
        passed = all(signature["indication"] == "TOTAL-PASSED" for signature in better["signatures"])
        kept, report = (kept, better) if passed else (token, report)
    key = ctx.storage.put("tokens", kept)
    with transaction(ctx.database) as db:
        keep_token(db, find(db), act, Token(key, safe_name(name), report), who, database.now(db))
        find(db).tool = tool


def act_of(ctx: Context, find: Find, who: Person) -> ToSign:
    """The last version of the act, for a party that may sign now. Raises Refused, NotFound."""
    with reading(ctx.database) as db:
        signer = find(db)
        may_sign(db, signer, who, database.now(db))
        act = signer.act
        reason = "Signature du marché" if act.kind == ENGAGEMENT else f"Signature de l’{act.name}"
    return ToSign(ctx.storage.get(act.key), act.key, reason)


def version_of(ctx: Context, act: Act, sha256: str) -> bytes:
    """The act as it was when its digest was that: each version begins with the one before. Raises NotFound."""
    last = ctx.storage.get(act.key)
    if sha256 == act.unsigned_sha256:
        return ctx.storage.get(act.unsigned_key)
    for end in re.finditer(rb"%%EOF[\r\n]*", last):
        for length in range(end.start() + 5, end.end() + 1):
            if hashlib.sha256(last[:length]).hexdigest() == sha256:
                return last[:length]
    raise NotFound


def take(ctx: Context, find: Find, who: Person, received: bytes, way: str, *, sandbox: bool, tool: str = "") -> None:
    """Verify the very bytes that came in, keep them raised. Raises NotTaken with the verdict, nothing being kept."""
    before = act_of(ctx, find, who).content
    with reading(ctx.database) as db:
        signer, now = find(db), database.now(db)
        created = signer.act.created_at
        done = len((signer.act.signature_report or {}).get("signatures", ()))
    report = None
    try:
        same_version(signer, before, received)
        report, trust = judged(ctx, received, sandbox=sandbox, not_before=created, whole=True)
        check_report(report, signer, done)
        check_additions(before, received)
    except (Refused, isolate.WorkFailed) as error:
        raise NotTaken(error, report) from None
    lasting = raised(ctx, received, trust, now)
    key = ctx.storage.put("contracts", lasting.content)
    kept = Version(key, lasting.sha256, lasting.restamp_at)
    with transaction(ctx.database) as db:
        keep(
            db, find(db), way=way, before=before, received=received, kept=kept, report=report, person=who,
            now=database.now(db),
        )  # fmt: skip
        if tool:
            find(db).tool = tool


def tool_name(text: str) -> str:
    """One printable line of at most 200 characters, as a signer names its signing tool."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def prepare_in_page(ctx: Context, find: Find, who: Person, chain: list[str]) -> dict[str, str]:
    """Way C, first half: what the page must sign (Base64), for a chain in Base64 DER. Raises Refused, WorkFailed."""
    try:
        certificates = tuple(base64.b64decode(text, validate=True) for text in chain[:10])
    except ValueError as error:
        raise Refused("Le certificat envoyé par la page est illisible.") from error
    act = act_of(ctx, find, who)
    with reading(ctx.database) as db:
        moment = database.now(db).isoformat()
    prepared = isolate.run("signature.making.desk:prepared", act.content, certificates, moment, act.reason)
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
