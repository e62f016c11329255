"""What the demonstration finds at its start: one consultation that receives answers, one that waits to be opened.

Past moments are arguments of the domain's verbs: the closed one was really published then, by the same verbs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

from sqlalchemy import func, select

from api import vault
from api.applying import official
from api.context import Context
from api.db import now, reading, transaction
from api.identities import look_up
from api.publishing import make_documents, publish_draft
from api.remote.api_entreprise import Buyer
from api.render import PARIS
from api.sandbox.companies import book
from api.sandbox.documents import certificate
from dce_templates.catalogue import catalogue
from dce_templates.dossier import load_dossier, parse_dossier
from procurement.candidacy import Candidacy, CandidacyFile, add_file, answer, open_candidacy, set_amount, submit
from procurement.consultation import Consultation, draft, publish
from procurement.errors import Unavailable
from procurement.library import record_uses
from procurement.people import Organisation, Person, find_user, person_of
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret

OPEN, CLOSED = "DEMO-002", "DEMO-001"
CLOSED_OBJECT = "Comptages de mobilité sur la voirie communale, campagne d’automne"


@dataclass(frozen=True)
class Entrant:
    """One answer: which company of api/sandbox/companies.yaml, its price HT, how long before the deadline."""

    company: str
    amount: str
    before: timedelta


ENTRANTS = (
    Entrant("MAÇONNERIE URSSAF REFUSE", "79500.00", timedelta(days=3)),
    Entrant("BOULANGERIE TOUT VA BIEN", "84000.00", timedelta(days=2)),
    Entrant("JEANNE DISCRÈTE", "91200.00", timedelta(hours=5)),
)


def siret_of(company: str) -> str:
    """The head office of a company of the sandbox, by its name."""
    return next(c for c in book().companies if c.name == company).head_office.siret


def example(town: Organisation, public_url: str, launched: datetime, deadline: datetime, **changes: Any) -> Any:
    """The shipped dossier as this town's, moved to these moments; plain JSON values."""
    text = resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8")
    data = load_dossier(text).model_dump(mode="json")
    data["buyer"] |= {"name": town.name, "siret": town.siret, "profile_url": public_url, "email": town.email}
    dates = {
        "launched_on": launched.astimezone(PARIS).date().isoformat(),
        "questions_deadline": (deadline - timedelta(days=9)).isoformat(),
        "deadline": deadline.isoformat(),
    }
    return data | dates | changes


def noon(instant: datetime, days: int) -> datetime:
    """Noon in Paris, so many days from `instant`."""
    local = instant.astimezone(PARIS) + timedelta(days=days)
    return local.replace(hour=12, minute=0, second=0, microsecond=0)


def plant(context: Context, town: Organisation, officer: str, accounts: Sequence[str]) -> None:
    """Both consultations, whatever part of them is missing. Raises DomainError, WorkFailed."""
    with reading(context.database) as db:
        states = {c.number: (c.ref, c.state) for c in db.scalars(_of(town))}
        waiting = db.scalar(select(func.count(Candidacy.id)).join(Consultation).where(Consultation.number == CLOSED))
        if states.get(OPEN, ("", "draft"))[1] != "draft" and waiting == len(ENTRANTS):
            return
        agent, current = person_of(find_user(db, officer)), now(db)
        people = [person_of(find_user(db, email)) for email in accounts]
    _receiving(context, town, agent, current)
    ref = _closed(context, town, agent, current)
    for entrant, person in zip(ENTRANTS, people, strict=True):
        _deposit(context, ref, entrant, person)


def _of(town: Organisation) -> Any:
    return select(Consultation).where(Consultation.organisation_id == town.id, Consultation.number.in_((OPEN, CLOSED)))


def _drafted(
    context: Context, town: Organisation, agent: Person, data: dict[str, Any], at: datetime
) -> tuple[str, str]:
    """(ref, state) of the consultation of this number, drafted where it is missing."""
    with transaction(context.database) as db:
        for found in db.scalars(_of(town)):
            if found.number == data["reference"]:
                return found.ref, found.state
        made = draft(db, db.get_one(Organisation, town.id), data, agent, at)
        return made.ref, made.state


def _receiving(context: Context, town: Organisation, agent: Person, current: datetime) -> None:
    """Published today, closing in 21 days."""
    data = example(town, context.settings.public_url, current, noon(current, 21), reference=OPEN)
    ref, state = _drafted(context, town, agent, data, current)
    if state == "draft":
        publish_draft(context, agent, ref)


def _closed(context: Context, town: Organisation, agent: Person, current: datetime) -> str:
    """Published twenty days ago, closed since yesterday noon, nothing opened."""
    start, deadline = current - timedelta(days=20), noon(current, -1)
    changes = {"reference": CLOSED, "object": CLOSED_OBJECT}
    data = example(town, context.settings.public_url, start, deadline, **changes)
    ref, state = _drafted(context, town, agent, data, start)
    if state != "draft":
        return ref
    files = make_documents(context, parse_dossier(data), ref, start, clauses=catalogue())
    recipient, identity = vault.new_key(context.secret, ref)
    with transaction(context.database) as db:
        consultation = db.scalars(select(Consultation).where(Consultation.ref == ref)).one()
        publish(db, consultation, files, recipient, identity, agent, start)
        record_uses(db, consultation, catalogue(), start)
    return ref


def _deposit(context: Context, ref: str, entrant: Entrant, account: Person) -> None:
    """One company's answer, as the pages make it: open identity first, then draft, sealed file and amount, deposit."""
    siret = siret_of(entrant.company)
    with reading(context.database) as db:
        consultation = db.scalars(select(Consultation).where(Consultation.ref == ref)).one()
        mine = select(Candidacy.id).where(Candidacy.consultation_id == consultation.id, Candidacy.siret == siret)
        if consultation.deadline is None or consultation.opened_at is not None or db.scalar(mine) is not None:
            return
        buyer, recipient = Buyer.of(consultation), consultation.seal_recipient or ""
        at = consultation.deadline - entrant.before
    identity = look_up(context, buyer, Siret(siret), at)
    if identity is None or identity.outcome is not Outcome.OBTAINED:
        raise Unavailable(f"L’identité de {entrant.company} n’a pas été obtenue du bac à sable.")
    file = sealed_offer(context, recipient, entrant, at)
    with transaction(context.database) as db:
        consultation = db.scalars(select(Consultation).where(Consultation.ref == ref)).one()
        candidacy, _ = open_candidacy(db, consultation, siret, official(identity), account, at)
        answer(candidacy, {"capacity": "Gérance", "insurance": "Assureur d’essai, n° 42"}, {}, at)
        set_amount(candidacy, vault.seal_bytes(recipient, entrant.amount.encode()))
        add_file(candidacy, file)
        submit(db, candidacy, True, at + timedelta(minutes=12))


def offer_pdf(company: str, amount: str) -> bytes:
    """A small offer to upload."""
    lines = [
        company,
        f"Prix global et forfaitaire : {amount} euros hors taxes",
        "Méthode, équipe et calendrier : essai",
    ]
    return certificate("Offre", lines)


def sealed_offer(context: Context, recipient: str, entrant: Entrant, at: datetime) -> CandidacyFile:
    """The offer's file, sealed before it is stored, as an upload is."""
    clear = offer_pdf(entrant.company, entrant.amount)
    key = context.storage.put("plis", vault.seal_bytes(recipient, clear))
    return CandidacyFile(
        kind="offer", name="offre.pdf", size=len(clear), sha256=hashlib.sha256(clear).hexdigest(), key=key,
        started_at=at, received_at=at,
    )  # fmt: skip
