"""A signature kept beside the act, as French habits have it: a token that signs a version of it, byte for byte."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from procurement.act import Act, fresh
from procurement.errors import NotFound, Refused
from procurement.people import Person
from procurement.signers import Signer, is_party
from procurement.signing import check_report, complete, last_version, mark_signed, may_sign


def told_name(act: Act) -> str:
    """The act's name, as a token is told of it."""
    return f"{act.stem}.pdf"


@dataclass(frozen=True)
class Token:
    """A signature kept beside the act: where, under which name, and the verdict on it."""

    key: str
    name: str
    report: dict[str, Any]


def check_token(report: Mapping[str, Any], signer: Signer) -> list[Mapping[str, Any]]:
    """The signatures of a token. Raises Refused unless each is good, of this company, and signs this very act."""
    name = told_name(signer.act)
    if any(_elsewhere(signature, name) for signature in report.get("signatures", ())):
        raise Refused(f"Ce jeton ne signe pas l’{signer.act.name} tel qu’il est téléchargé ici.", "R2182-3")
    return check_report(report, signer, 0)


def _elsewhere(signature: Mapping[str, Any], name: str) -> bool:
    missing = signature["sub_indication"] in ("HASH_FAILURE", "SIGNED_DATA_NOT_FOUND")
    return missing or name not in signature["covers"]


def keep_token(db: Session, signer: Signer, before: bytes, token: Token, person: Person, now: datetime) -> None:
    """Keep a signature that leaves the act as it is; `before` is still its last version."""
    fresh(db, signer.act)
    db.refresh(signer)
    if not is_party(signer, person):
        raise NotFound
    may_sign(db, signer, person, now)
    last_version(signer, before)
    signer.person = ", ".join(str(s["signer"]) for s in check_token(token.report, signer))[:300]
    signer.token_key, signer.token_name, signer.token_report = token.key, token.name[:200], token.report
    mark_signed(db, signer, "token", hashlib.sha256(before).hexdigest(), f"account:{person.id}", now)
    complete(db, signer.act, f"account:{person.id}", now)
