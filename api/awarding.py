"""The award, for pages and API: the acte d’engagement is made before the decision that sends letters."""

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from api import db as database
from api.context import Context
from api.contracts import build_acte, holder_of, read_euros
from api.db import reading, transaction
from api.groups import Group
from dce_templates.dossier import Dossier, Member, parse_dossier
from procurement.award import award_of, check_decision, decide, name_intended
from procurement.consultation import Consultation, find_for
from procurement.contract import contract_of, paris_day, prepare
from procurement.errors import NotFound, Refused
from procurement.execution.parties import Party, write_parties
from procurement.library import clauses_for
from procurement.people import Person
from procurement.pieces import pieces_of
from procurement.publication.essential import essential_of
from procurement.rules import rule_table
from procurement.signing import Company, ask


def standstill_days(dossier: Dossier, day: date, *, wait: bool = False) -> int:
    """Days between the letters and the buyer's signature: for a formal procedure, or where the buyer so chooses; or 0.

    CCP R2182-1; an adapted procedure that leaves them closes the référé contractuel (CJA L551-15).
    """
    return standstill_figure(day) if dossier.formal or wait else 0


def standstill_figure(day: date) -> int:
    """The standstill in force that day, in days."""
    figure = rule_table().in_force(day).figures.get("standstill_days")
    return int(figure.value) if figure else 0


def to_award(db: Session, ref: str, who: Person) -> Consultation:
    """The officer's consultation, once opened; NotFound before."""
    consultation = find_for(db, ref, who)
    if consultation.opened_at is None:
        raise NotFound
    return consultation


def decide_with_acte(
    ctx: Context, who: Person, ref: str, price: Decimal, motive: str, seen: str = "", group: Group | None = None,
    wait: bool = False, certificate_required: bool = False,
) -> str:  # fmt: skip
    """Make and store the PDF to sign with no transaction open, then decide; returns the contract's ref.

    `seen`: the candidacy that the officer read as the intended one, where the caller says it. `wait`: leave the
    standstill before the buyer's signature, which formal procedures have anyhow (R2182-1). `certificate_required`: no
    signature by a code, whatever the amount.
    """
    with reading(ctx.database) as db:
        consultation = to_award(db, ref, who)
        chosen = check_decision(db, consultation, price, motive)
        dossier, holder, now = consultation.dossier, holder_of(chosen.candidacy, price), database.now(db)
        holder = group.led_by(holder) if group else holder
        days = standstill_days(parse_dossier(dossier), paris_day(now), wait=wait)
        named, clauses = chosen.candidacy.ref, clauses_for(db, consultation)
        if seen and seen != named:
            raise Refused("Un autre attributaire vient d’être désigné : relisez la page, puis décidez.")
    content, sha256 = build_acte(dossier, holder, now, clauses, ctx.settings.public_url)
    key = ctx.storage.put("contracts", content)
    with transaction(ctx.database) as db:
        consultation = to_award(db, ref, who)
        now = database.now(db)
        award = decide(db, consultation, named, price, motive, who, now, days)
        contract = prepare(db, award, key, sha256, now, days, certificate_required)
        write_parties(db, contract, [_party(member) for member in holder.members])
        essential_of(db, contract).grouping = group.grouping if group else ""
        leader = contract.candidacy
        holder_company = Company(leader.siret, leader.name, leader.contact_email)
        others = group.signing if group else ()
        ask(db, contract.act, [holder_company, *others], now, in_order=group is not None and group.in_order)
        return contract.ref


def _party(member: Member) -> Party:
    return Party(siret=member.siret, name=member.name, work=member.work, share_ht=member.share)


def award_to(ctx: Context, who: Person, ref: str, candidacy: str, amount: str, motive: str) -> str | None:
    """Name the intended winner where none is, then decide: the contract's ref, None while its proofs are asked."""
    price = read_euros(amount, "amount_ht")
    with transaction(ctx.database) as db:
        consultation = to_award(db, ref, who)
        if consultation.state == "opened":
            name_intended(db, consultation, candidacy, who, database.now(db))
        chosen = award_of(db, consultation)
        if chosen is None or chosen.candidacy.ref != candidacy:
            raise Refused("Un autre attributaire est pressenti : écartez-le d’abord.")
        if contract_of(db, chosen.candidacy) is None and any(
            p.state == "waiting" and p.attempts == 0 for p in pieces_of(db, chosen.candidacy)
        ):
            return None
    return decide_with_acte(ctx, who, ref, price, motive, candidacy)
