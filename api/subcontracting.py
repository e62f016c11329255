"""A subcontractor declared, by the holder or the buyer: form → DC4 written in a worker process → act to sign."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.applying import official
from api.context import Context
from api.contracts import read_euros
from api.db import reading, transaction
from api.errors import PageInvalid
from api.identities import look_up
from api.remote.api_entreprise import Buyer
from api.signing import circuit_of
from dce_templates.acts.subcontract import Subcontract as Document
from dce_templates.dossier import DossierError, parse_model
from procurement.act import DC4, open_act
from procurement.contract import SIGNED, Contract, paris_day
from procurement.errors import Invalid, Refused
from procurement.execution.parties import parties_of
from procurement.people import Person, clean_email
from procurement.rules import rule_table
from procurement.signers import is_party
from procurement.signing import Company, ask
from procurement.subcontract import (
    PRICE_CHANGES,
    Declared,
    Subcontract,
    check_declaration,
    declare,
    declared_for,
    engaged,
    find_subcontract,
    modification_of,
    next_number,
    open_to_modification,
    silent_on,
    subcontracts_of,
    vat_rate,
)
from siret_lookup.identity import Identity
from siret_lookup.outcome import Outcome
from siret_lookup.siret import Siret, SiretError, parse_siret

Find = Callable[[Session], Contract]


class Typed(BaseModel):
    """The form, as it was typed."""

    member: str = ""
    siret: str = ""
    name: str = ""
    email: str = ""
    work: str = ""
    amount_ht: str = ""
    vat: str = ""
    months: str = ""
    price_change: str = ""
    payment_terms: str = ""
    variation_terms: str = ""
    receivables: str = ""


VAT = {
    "normal": "Au taux du marché, facturée par le sous-traitant",
    "reverse": "Due par le titulaire (autoliquidation)",
}
# R2193-3: how the holder shows that nothing stands against direct payment.
RECEIVABLES = {
    "no_assignment": "Aucune créance de ce marché n’est cédée ni nantie",
    "single_copy": "L’exemplaire unique du marché est remis à l’acheteur",
    "certificate": "Le certificat de cessibilité est remis à l’acheteur",
    "release": "Une attestation ou mainlevée du bénéficiaire est remise à l’acheteur",
}
# State → (words, tone).
STATES = {
    "declared": ("Déclaré, réponse attendue", "waiting"),
    "accepted": ("Accepté", "success"),
    "refused": ("Refusé", "danger"),
    "withdrawn": ("Retiré", "neutral"),
    "ended": ("Terminé", "neutral"),
    "replaced": ("Modifié par un autre acte", "neutral"),
}
# Path in the document → field of the form.
FIELDS = {
    "subcontractor.siret": "siret", "subcontractor.name": "name", "subcontractor.email": "email", "work": "work",
    "maximum": "amount_ht", "duration_months": "months", "payment_terms": "payment_terms",
    "variation_terms": "variation_terms",
}  # fmt: skip
TERMS = "Paiement à trente jours à compter de la demande, sur service fait."


CHOICES: Mapping[str, Any] = {
    "price_changes": [(each, each) for each in PRICE_CHANGES],
    "vats": list(VAT.items()),
    "receivables": list(RECEIVABLES.items()),
}


def list_context(db: Session, contract: Contract, sirets: Collection[str] | None = None) -> dict[str, Any]:
    """What both sides see of a contract's subcontractors, and the empty form; `sirets`: of these members alone."""
    members = [(party.siret, party.name) for party in parties_of(db, contract) if party.ended_on is None]
    return {
        "members": members if len(members) > 1 else [],
        "member_names": dict(members),
        "contract": contract,
        "consultation": contract.consultation,
        "rows": [row for row in subcontracts_of(db, contract) if declared_for(contract, row, sirets)],
        "subcontract_states": STATES,
        "may_declare": contract.state in SIGNED,
        "left": contract.amount_now - engaged(db, contract) if sirets is None else None,
        **CHOICES,
        "values": Typed(payment_terms=TERMS, vat="normal").model_dump(),
    }


def row_context(db: Session, row: Subcontract, who: Person) -> dict[str, Any]:
    """One subcontract with its circuit, and the lines that this person signs."""
    circuit = circuit_of(db, row.act) if row.act else {"signers": [], "signer_states": {}, "ways": {}, "appeal": None}
    waits = row.act is not None and row.act.state == "awaiting_signature"
    names = {party.siret: party.name for party in parties_of(db, row.contract)}
    return circuit | {
        "row": row,
        "member": names.get(row.member_siret or row.contract.holder_siret, row.contract.holder_name),
        "contract": row.contract,
        "consultation": row.contract.consultation,
        "subcontract_states": STATES,
        "to_sign": [s for s in circuit["signers"] if waits and s.state == "waiting" and is_party(s, who)],
        "waits": waits,
        "silent_on": silent_on(db, row) if row.state == "declared" else None,
        "change": modification_of(db, row),
        "left": row.contract.amount_now - engaged(db, row.contract) + row.amount_ht,
        **CHOICES,
        "values": _as_typed(row),
    }


def _as_typed(row: Subcontract) -> dict[str, str]:
    """What a modification starts from: the act as it stands."""
    return Typed(
        siret=row.siret, name=row.name, email=row.email, work=row.work, member=row.member_siret,
        amount_ht=f"{row.amount_ht:.2f}".replace(".", ","),
        vat="reverse" if row.reverse_charge else "normal", months=str(row.months), price_change=row.price_change,
        payment_terms=TERMS,
    ).model_dump()  # fmt: skip


def dc4_of(row: Subcontract) -> tuple[str, str]:
    """Where the DC4 is as it is now, and the name under which it is handed out."""
    if row.act is None:
        return row.key, f"dc4-{row.contract.number}-{row.number}.pdf"
    return row.act.key, f"{row.act.file_stem}{'-signe' if row.act.signed_key else ''}.pdf"


def declared(
    ctx: Context, find: Find, typed: Typed, actor: str, listed: Callable[[Contract], Mapping[str, Any]]
) -> str:
    """`declare_subcontractor` from a page whose frame `listed` gives: what is wrong comes back with what was typed."""
    with reading(ctx.database) as db:
        find(db)
    try:
        return declare_subcontractor(ctx, find, typed.model_dump(), actor)
    except Invalid as error:
        with reading(ctx.database) as db:
            contract = find(db)
            context = list_context(db, contract) | dict(listed(contract)) | {"declares": True}
            raise PageInvalid(error, "subcontracts/list.html", context | {"values": typed.model_dump()}) from None


def modified(
    ctx: Context,
    find: Find,
    sref: str,
    typed: Typed,
    actor: str,
    framed: Callable[[Session, Subcontract], dict[str, Any]],
) -> str:
    """The same for a modification of the act `sref`, from its page, whose context `framed` gives."""
    with reading(ctx.database) as db:
        row = find_subcontract(db, find(db), sref)
        open_to_modification(db, row)
        said = typed.model_dump() | {"siret": row.siret, "name": row.name, "member": row.member_siret}
    try:
        return declare_subcontractor(ctx, find, said, actor, sref)
    except Invalid as error:
        with reading(ctx.database) as db:
            context = framed(db, find_subcontract(db, find(db), sref))
            raise PageInvalid(error, "subcontracts/subcontract.html", context | {"values": said}) from None


def declare_subcontractor(ctx: Context, find: Find, typed: Mapping[str, str], actor: str, modifies: str = "") -> str:
    """Check, write the DC4, keep it, ask for its signatures; returns the subcontract's ref. Raises Invalid, Refused.

    `modifies`: the ref of the act that this one replaces once it is accepted.
    """
    said, wrong = read_typed(typed)
    with reading(ctx.database) as db:
        contract, now = find(db), database.now(db)
        former = find_subcontract(db, contract, modifies) if modifies else None
        try:
            check_declaration(db, contract, said, former)
        except Invalid as error:
            wrong = {**error.fields, **wrong}
        if wrong:
            raise Invalid(wrong)
        number = next_number(db, contract)
        whose, replaces = _of_member(db, contract, said), former.number if former else None
        document = _document(contract, said, typed, number, now, whose=whose, replaces=replaces)
        buyer = Buyer.of(contract.consultation)
    document = _identified(document, look_up(ctx, buyer, Siret(said.siret), now))
    content, sha256 = _written(document, now)
    key = ctx.storage.put("contracts", content)
    with transaction(ctx.database) as db:
        contract, now = find(db), database.now(db)
        former = find_subcontract(db, contract, modifies) if modifies else None
        row = declare(db, contract, said, number, key, sha256, actor, now, former)
        _to_sign(db, row, actor, now)
        return row.ref


def _to_sign(db: Session, row: Subcontract, actor: str, now: datetime) -> None:
    """The holder signs, the subcontractor where it has an address, then the buyer."""
    contract = row.contract
    row.act = open_act(
        db, contract, DC4, title=f"Sous-traitance de {row.name}", amount=row.amount_ht, key=row.key,
        sha256=row.sha256, actor=actor, now=now,
    )  # fmt: skip
    holder = Company(contract.holder_siret, contract.holder_name, contract.candidacy.contact_email)
    other = [Company(row.siret, row.name, row.email)] if row.email else []
    ask(db, row.act, [holder, *other], now)


def read_typed(typed: Mapping[str, str]) -> tuple[Declared, dict[str, str]]:
    """What was typed, and field → sentence for what cannot be read: the domain judges the rest."""
    wrong = _missing(typed)
    siret, amount, months, email = "", Decimal(0), 0, ""
    try:
        siret = parse_siret(typed["siret"]).value
    except SiretError as error:
        wrong["siret"] = error.sentence
    try:
        amount = read_euros(typed["amount_ht"], "amount_ht")
    except Invalid as error:
        wrong |= error.fields
    try:
        email = clean_email(typed["email"]) if typed["email"].strip() else ""
    except Invalid as error:
        wrong["email"] = next(iter(error.fields.values()))
    if typed["months"].strip().isascii() and typed["months"].strip().isdigit():
        months = int(typed["months"].strip()[:4])
    else:
        wrong["months"] = "Écrivez un nombre de mois."
    said = Declared(
        siret=siret, name=typed["name"], work=typed["work"], amount_ht=amount, months=months,
        price_change=typed["price_change"], reverse_charge=typed["vat"] == "reverse", email=email,
        member=typed["member"].strip(),
    )  # fmt: skip
    return said, wrong


def _missing(typed: Mapping[str, str]) -> dict[str, str]:
    """Choices and texts that are not given."""
    wrong = {}
    if typed["vat"] not in VAT:
        wrong["vat"] = "Dites qui doit la TVA."
    if not typed["payment_terms"].strip():
        wrong["payment_terms"] = "Dites comment le sous-traitant est payé."
    if typed["receivables"] not in RECEIVABLES:
        wrong["receivables"] = "Dites comment le titulaire montre que le paiement direct est possible."
    return wrong


def _of_member(db: Session, contract: Contract, said: Declared) -> str:
    """In a group, which member subcontracts: its mandataire signs for it."""
    name = next((party.name for party in parties_of(db, contract) if party.siret == said.member), "")
    other = name and said.member != contract.holder_siret
    return f"Part de {name}, membre du groupement (SIRET {said.member}). " if other else ""


def _document(
    contract: Contract, said: Declared, typed: Mapping[str, str], number: int, now: datetime, *, whose: str,
    replaces: int | None,
) -> Document:  # fmt: skip
    """The DC4's data from the contract's rows and the form; `whose`: before the work. Raises Invalid."""
    candidacy, buyer = contract.candidacy, contract.organisation
    address = candidacy.corrections.get("address") or candidacy.identity.get("address") or ""
    data = {
        "stage": "contract",
        "dated_on": paris_day(now),
        "number": number,
        "replaces": replaces,
        "reference": contract.number,
        "object": contract.consultation.object,
        "kind": contract.consultation.dossier["kind"],
        "buyer": buyer.name,
        "buyer_siret": buyer.siret,
        "holder": {
            "name": contract.holder_name, "siret": contract.holder_siret, "address": str(address),
            "email": candidacy.contact_email,
        },
        "contract_amount": contract.amount_now,
        "subcontractor": {"siret": said.siret, "name": said.name, "email": said.email},
        "work": f"{whose}{said.work}",
        "maximum": said.amount_ht,
        "vat": "reverse" if said.reverse_charge else "normal",
        "vat_rate": vat_rate(contract),
        "price_variation": said.price_change,
        "duration_months": said.months,
        # Its own declaration: it makes it by signing.
        "no_exclusion": True if said.email else None,
        **{name: typed[name] for name in ("payment_terms", "receivables", "variation_terms")},
    }  # fmt: skip
    try:
        return parse_model(Document, data)
    except DossierError as error:
        told = {FIELDS.get(path, "form"): words[:1].upper() + words[1:] for path, words in error.errors.items()}
        raise Invalid(told) from None


def _identified(document: Document, found: Identity | None) -> Document:
    """With what Sirene says of the subcontractor; what it does not give stays to be written by hand."""
    if found is None or found.outcome is not Outcome.OBTAINED:
        return document
    known = official(found)
    who = document.subcontractor.model_copy(
        update={"legal_form": known["legal_form"] or "", "address": known["address"] or ""}
    )
    return document.model_copy(update={"subcontractor": who})


def _written(document: Document, now: datetime) -> tuple[bytes, str]:
    """(PDF, sha256). Raises Refused with what stops the document, WorkFailed, Unavailable."""
    table = rule_table()
    built = isolate.run(
        "dce_templates.acts.build:build_subcontract", document, table.figures, table.contracts, ("pdf",), now=now,
        seconds=60,
    )  # fmt: skip
    stops = [finding for finding in built.findings if finding.blocks]
    if stops:
        raise Refused(stops[0].message, stops[0].article)
    return built.files[0].content, built.files[0].sha256
