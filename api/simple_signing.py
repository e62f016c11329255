"""A simple signature: the code that was mailed, then the service's seal on the act, then what proves it, beside it.

No transaction is open while the act is sealed; the code is checked before, and used up when the signature is kept.
"""

import hashlib
import ipaddress
import json
import secrets
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.auth import brake
from api.context import Context
from api.contracts import check_additions
from api.db import reading, transaction
from api.raising import raised
from api.render import french_time
from api.seal import WORDS, key_of, seal_pdf
from api.signing import Find, act_of
from api.trusted import judged
from procurement.act import Act
from procurement.errors import Invalid, Refused, Unavailable
from procurement.people import Person
from procurement.signers import Signer
from procurement.signing import Version
from procurement.simple_signing import ask_code, code_of, keep_simple, may_sign_simply, try_code

NO_SEAL = "Ce service n’a pas de cachet : la signature simple n’y est pas possible."
NO_TIME = "Le service d’horodatage ne répond pas : rien n’est signé, votre code vaut toujours. Réessayez."
_hasher = PasswordHasher()


def read_words(act: Act) -> str:
    """What is ticked beside the code."""
    return f"J’ai lu l’{act.name} et je le signe au nom de l’entreprise."


def holds(code_hash: str, code: str) -> bool:
    try:
        return _hasher.verify(code_hash, code)
    except VerificationError:
        return False


def why_not(db: Session, ctx: Context, signer: Signer) -> str:
    """ "" where this contract may be signed by a code, else one sentence with its article."""
    try:
        may_sign_simply(db, signer)
    except Refused as error:
        return f"{error.sentence} ({error.article})" if error.article else error.sentence
    return "" if key_of(ctx) else NO_SEAL


def send_code(ctx: Context, find: Find, who: Person) -> None:
    """Mail six digits to the account's address. Raises Refused: not this contract, or too many asked."""
    _need_seal(ctx)
    code = f"{secrets.randbelow(10**6):06d}"
    code_hash = _hasher.hash(code)
    with transaction(ctx.database) as db:
        signer = find(db)
        brake(db, f"signing-code:{signer.ref}", 5, 60)
        brake(db, f"signing-code-of:{who.id}", 10, 60)
    with transaction(ctx.database) as db:
        ask_code(db, find(db), who, f"{code[:3]} {code[3:]}", code_hash, database.now(db))


def sign_simply(
    ctx: Context, find: Find, who: Person, code: str, read: bool, address: str, identity: dict[str, str] | None,
    *, sandbox: bool,
) -> None:  # fmt: skip
    """The code given back: the act leaves sealed, the evidence in its row. Raises Invalid, Refused, Unavailable."""
    _need_seal(ctx)
    if not read:
        raise Invalid({"read": "Lisez l’acte, puis cochez cette case."})
    with transaction(ctx.database) as db:
        wrong = try_code(db, find(db), who, code, holds, database.now(db))
    if wrong:
        raise Invalid({"code": wrong})
    act = act_of(ctx, find, who)
    with reading(ctx.database) as db:
        signer, now = find(db), database.now(db)
        evidence = _evidence(db, signer, who, act.content, address, identity, now)
        reason = f"Signature simple de {who.name}, {signer.company}, par code envoyé à {who.email} ; {WORDS}"
        what = f"{signer.act.file_stem}.pdf"
    sealed = seal_pdf(ctx, act.content, reason, what, now)
    if sealed.level == "B":
        raise Unavailable(NO_TIME, 60)
    check_additions(act.content, sealed.content)
    report, trust = judged(ctx, sealed.content, sandbox=sandbox, whole=True)
    evidence["sealed"] = {"sha256": sealed.sha256, "level": sealed.level, "reason": reason}
    lasting = raised(ctx, sealed.content, trust, now)
    key = ctx.storage.put("contracts", lasting.content)
    kept = Version(key, lasting.sha256, lasting.restamp_at)
    with transaction(ctx.database) as db:
        keep_simple(
            db, find(db), before=act.content, sealed=sealed.content, kept=kept, report=report,
            evidence=evidence, evidence_sha256=sha256_of(evidence), person=who, now=database.now(db),
        )  # fmt: skip


def _need_seal(ctx: Context) -> None:
    if key_of(ctx) is None:
        raise Refused(NO_SEAL)


def _evidence(
    db: Session, signer: Signer, who: Person, act: bytes, address: str, identity: dict[str, str] | None, now: datetime
) -> dict[str, Any]:
    row = code_of(db, signer)
    return {
        "kind": "Signature simple, par code envoyé par courriel",
        "contract": signer.act.contract.number,
        "act": signer.act.name,
        "company": {"siret": signer.siret, "name": signer.company},
        "person": {"name": who.name, "email": who.email},
        "proconnect": identity,
        "document": {"sha256": hashlib.sha256(act).hexdigest()},
        "read": read_words(signer.act),
        "code_sent_at": row.asked_at.isoformat() if row else None,
        "signed_at": now.isoformat(),
        "network": truncated(address),
    }


def truncated(address: str) -> str:
    """The network of an address, never the machine: 24 bits of IPv4, 48 of IPv6; "" of anything else."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))


def sha256_of(evidence: dict[str, Any]) -> str:
    """Of the evidence in JSON with sorted keys, as it is handed out: the register holds it."""
    return hashlib.sha256(evidence_file(evidence)).hexdigest()


def evidence_file(evidence: dict[str, Any]) -> bytes:
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True, indent=1).encode()


def code_state(db: Session, signer: Signer, who: Person, now: datetime) -> str:
    """Until when the code that was sent may be given back, in words; "" where there is none."""
    row = code_of(db, signer)
    act = signer.act.sha256
    alive = row is not None and row.account_id == who.id and row.alive(act, now)
    return french_time(row.expires_at) if row is not None and alive else ""


def drawn_act(ctx: Context, find: Find, who: Person) -> list[str]:
    """The act's first pages as pictures (PNG, Base64); none where they cannot be drawn."""
    try:
        pictures: list[str] = isolate.run("signature.pages:drawn", act_of(ctx, find, who).content, seconds=30)
    except (isolate.WorkFailed, Unavailable):
        return []
    return pictures
