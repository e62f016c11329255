"""The signing circuit of an act: who must sign, who has, who is blocking; each signature on the bytes before it.

The act is locked by its sha256; every signature is an increment on the version before (sequential PAdES), so that each
stays verifiable on its own (arrêté of 22 March 2019, article 7).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from procurement.act import Act, awaits_signature, fresh
from procurement.appeals import not_frozen
from procurement.consequences import follow
from procurement.contract import must_match, paris_day
from procurement.errors import Invalid, NotFound, Refused
from procurement.events import move, record
from procurement.mail import post
from procurement.people import Person, Role
from procurement.powers import power_for, powers_of
from procurement.signers import BUYER, Signer, circuit, is_party, signers_of
from procurement.signing_letters import ASKED, BUYERS_TURN, REMINDER

BETWEEN_REMINDERS = timedelta(days=1)


@dataclass(frozen=True)
class Company:
    """One company asked to sign, as the officer named it."""

    siret: str
    name: str
    email: str


def ask(db: Session, act: Act, companies: Sequence[Company], now: datetime, in_order: bool = False) -> list[Signer]:
    """The circuit of a new act: its companies as listed, then the buyer; all but the holder are told by mail.

    `in_order`: each signs after the one before, and is told when its turn comes.
    """
    contract = act.contract
    asked = []
    act.in_order = in_order
    for rank, company in enumerate(companies, 1):
        leader = company.siret == contract.holder_siret
        signer = Signer(
            act=act,
            rank=rank,
            siret=company.siret,
            company=company.name[:300],
            email=company.email.lower(),
            account_id=contract.candidacy.account_id if leader else None,
        )
        db.add(signer)
        db.flush()
        record(db, contract.consultation, "signer.asked", signer.ref, "service", now, siret=company.siret, rank=rank)
        if not leader and not in_order:
            _ask(db, signer, now)
        asked.append(signer)
    buyer = contract.organisation
    db.add(Signer(
        act=act, rank=len(asked) + 1, role=BUYER, siret=buyer.siret, company=buyer.name[:300], email=""
    ))  # fmt: skip
    db.flush()
    return asked


def may_sign(db: Session, signer: Signer, person: Person, now: datetime) -> None:
    """Raises Refused where this party cannot sign now: done already, refused, or an appeal is pending.

    The buyer signs last, once the standstill is over (R2182-1), by a person who holds the power to.
    """
    act = signer.act
    awaits_signature(act)
    not_frozen(db, act.contract.consultation)
    if signer.role == BUYER:
        _buyers_turn(db, act, now)
        power_for(db, act.contract.organisation_id, person, act.amount, paris_day(now))
    else:
        _companys_turn(db, signer)
    if signer.state == "signed":
        raise Refused("Votre signature est déjà reçue.")
    if signer.state == "refused":
        raise Refused("Vous avez refusé de signer ; revenez d’abord sur ce refus.")


def _companys_turn(db: Session, signer: Signer) -> None:
    """In a fixed order, the one before has signed."""
    if signer.act.in_order:
        for other in signers_of(db, signer.act):
            if other.rank < signer.rank and other.state != "signed":
                raise Refused(f"Cet acte se signe dans l’ordre : c’est d’abord à {other.company}.")


def _buyers_turn(db: Session, act: Act, now: datetime) -> None:
    if any(company.state != "signed" for company in signers_of(db, act)):
        raise Refused("L’acheteur signe en dernier : une entreprise n’a pas encore signé.")
    _standstill_over(act, now)


def _standstill_over(act: Act, now: datetime) -> None:
    if act.sign_after is not None and now < act.sign_after:
        raise Refused(f"Délai avant signature : l’acheteur ne signe pas avant le {act.first_day:%d/%m/%Y}.", "R2182-1")


def check_report(report: Mapping[str, Any], signer: Signer, done: int) -> list[Mapping[str, Any]]:
    """The signatures that are new in a report (`done` were there before). Raises Refused unless all holds.

    Every signature must be good, the new ones no seal and of this very company where their certificate names one.
    Seals that were there before are the service's own, on simple signatures (procurement/simple_signing.py).
    """
    earlier, new = list(report["signatures"])[:done], list(report["signatures"])[done:]
    people = [s for s in earlier if "Seal" not in s["qualification"] or s["indication"] == "TOTAL-FAILED"]
    if people or new or not earlier:
        must_match({**report, "signatures": people + new})
    if not new:
        raise Refused("Ce fichier ne porte pas de signature nouvelle : signez la version téléchargée ici.", "R2182-3")
    for signature in new:
        named = str((signature.get("certificate") or {}).get("identifier") or "")
        if named.startswith("NTRFR-") and named.removeprefix("NTRFR-")[:9] != signer.siret[:9]:
            who = "l’acheteur" if signer.role == BUYER else signer.company
            raise Refused(f"Ce certificat est celui d’une autre entreprise ou organisation que {who}.", "R2182-3")
    return new


def last_version(signer: Signer, before: bytes) -> None:
    """Raises Refused where another signature came meanwhile."""
    if hashlib.sha256(before).hexdigest() != signer.act.sha256:
        raise Refused("Un autre signataire vient de signer : téléchargez la nouvelle version, puis signez-la.")


def same_version(signer: Signer, before: bytes, after: bytes) -> None:
    """Raises Refused unless `after` only adds to `before`, and `before` is still the last version."""
    act = signer.act
    last_version(signer, before)
    if after == before:
        raise Refused(f"C’est l’{act.name} tel que vous l’avez téléchargé : il n’est pas encore signé.", "R2182-3")
    if not after.startswith(before) and act.signed_sha256:
        raise Refused(
            "Ce n’est pas la dernière version de l’acte : un autre signataire vient de signer, ou le fichier a été "
            "modifié. Téléchargez l’acte à nouveau, puis signez-le sans l’ouvrir dans un autre logiciel.",
            "R2182-3",
        )
    if not after.startswith(before):
        raise Refused(
            f"Ce n’est pas l’{act.name} téléchargé ici qui est signé, mais un autre fichier (réenregistré, "
            "imprimé ou modifié). Téléchargez-le à nouveau et signez-le sans l’ouvrir dans un autre logiciel.",
            "R2182-3",
        )


@dataclass(frozen=True)
class Version:
    """A version of the act: where it is kept, its bytes' digest (hexadecimal), when it is to be stamped again."""

    key: str
    sha256: str
    restamp_at: datetime | None = None


def keep(
    db: Session,
    signer: Signer,
    *,
    way: str,
    before: bytes,
    received: bytes,
    kept: Version,
    report: dict[str, Any],
    person: Person,
    now: datetime,
) -> None:
    """Keep one signature. `report` is of `received`; `kept` may be raised (proofs and a document timestamp added).

    When the last party has signed, the act is signed and what follows from it is done.
    """
    act = signer.act
    fresh(db, act)
    db.refresh(signer)
    if not is_party(signer, person):
        raise NotFound
    may_sign(db, signer, person, now)
    same_version(signer, before, received)
    done = len((act.signature_report or {}).get("signatures", ()))
    new = check_report(report, signer, done)
    signer.person = ", ".join(str(s["signer"]) for s in new)[:300]
    mark_signed(db, signer, way, kept.sha256, f"account:{person.id}", now)
    act.signed_key, act.signed_sha256, act.signature_report = kept.key, kept.sha256, report
    act.restamp_at = kept.restamp_at
    complete(db, act, f"account:{person.id}", now)


def mark_signed(db: Session, signer: Signer, way: str, sha256: str, actor: str, now: datetime, **more: str) -> None:
    """One party has signed, this way; `sha256` is of the version it signed, or of the one it made."""
    told = {"way": way, "sha256": sha256, "signer": signer.person} | more
    move(db, signer.act.contract.consultation, signer, "signed", actor, now, **told)
    signer.way, signer.sha256, signer.signed_at = way, sha256, now


def complete(db: Session, act: Act, actor: str, now: datetime) -> None:
    """Once every party has signed, the act is signed, with what follows; the buyer is told when it is its turn."""
    parties = circuit(db, act)
    awaited = [signer for signer in parties if signer.state != "signed"]
    if awaited and awaited[0].role == BUYER:
        _tell_buyer(db, awaited[0], now)
    elif awaited and act.in_order:
        _ask(db, awaited[0], now)
    if awaited:
        return
    move(db, act.contract.consultation, act, "signed", actor, now, sha256=act.sha256)
    act.signed_at = now
    follow(db, act, actor, now, [signer.person for signer in parties])


def refuse(db: Session, signer: Signer, reason: str, person: Person, now: datetime) -> None:
    """The company says no, and why; the buyer's officers read it."""
    fresh(db, signer.act)
    if signer.role == BUYER:
        raise Refused("L’acheteur qui renonce déclare la consultation sans suite : il ne refuse pas de signer ici.")
    may_sign(db, signer, person, now)
    if not reason.strip():
        raise Invalid({"reason": "Dites pourquoi vous ne signez pas : une phrase suffit."})
    move(
        db,
        signer.act.contract.consultation,
        signer,
        "refused",
        f"account:{person.id}",
        now,
        reason=reason.strip()[:1000],
    )
    signer.reason = reason.strip()[:1000]


def reconsider(db: Session, signer: Signer, person: Person, now: datetime) -> None:
    """Back from a refusal."""
    fresh(db, signer.act)
    move(db, signer.act.contract.consultation, signer, "waiting", f"account:{person.id}", now)
    signer.reason = ""


def remind(db: Session, act: Act, person: Person, now: datetime) -> int:
    """A mail to each company that has not signed, once a day at most; how many were written."""
    fresh(db, act)
    awaits_signature(act)
    contract = act.contract
    late = [s for s in signers_of(db, act) if s.state == "waiting"]
    late = late[:1] if act.in_order else late
    due = [s for s in late if s.reminded_at is None or now - s.reminded_at >= BETWEEN_REMINDERS]
    if late and not due:
        raise Refused("Un rappel est parti il y a moins d’un jour.")
    for signer in due:
        _write(db, signer, signer.email, REMINDER, f"Rappel : signature du marché {contract.number}", now)
        signer.reminded_at = now
        record(db, contract.consultation, "signer.reminded", signer.ref, person.email, now)
    return len(due)


def sign_by_hand(db: Session, act: Act, person: Person, now: datetime) -> None:
    """The officer holds the paper original signed by all (R2182-3: electronic signature is a possibility)."""
    fresh(db, act)
    awaits_signature(act)
    not_frozen(db, act.contract.consultation)
    if not person.has(Role.OFFICER, act.contract.organisation_id):
        raise NotFound
    _standstill_over(act, now)
    parties = circuit(db, act)
    waiting = [s for s in parties if s.state != "signed"]
    if any(s.way not in ("", "hand") for s in parties):
        raise Refused(
            "Une entreprise a déjà signé par voie électronique : toutes les signatures d’un acte sont de même forme."
        )
    for signer in waiting:
        if signer.state == "refused":
            reconsider(db, signer, person, now)
        signer.person = signer.company
        mark_signed(db, signer, "hand", act.unsigned_sha256, person.email, now)
    complete(db, act, person.email, now)


def _ask(db: Session, signer: Signer, now: datetime) -> None:
    subject = f"Signature demandée : marché {signer.act.contract.number}"
    _write(db, signer, signer.email, ASKED[signer.act.kind], subject, now)


def _tell_buyer(db: Session, signer: Signer, now: datetime) -> None:
    """A mail to each person whose power covers this act: it is their turn."""
    contract = signer.act.contract
    day = paris_day(now)
    for power in powers_of(db, contract.organisation_id):
        if power.holds_on(day) and power.covers(signer.act.amount):
            _write(db, signer, power.user.email, BUYERS_TURN, f"À signer : marché {contract.number}", now)


def _write(db: Session, signer: Signer, to: str, body: str, subject: str, now: datetime) -> None:
    contract = signer.act.contract
    text = body.format(signer=signer, name=signer.act.name, contract=contract, consultation=contract.consultation)
    post(db, to=to, subject=subject, body=text, now=now, consultation_id=contract.consultation_id)
