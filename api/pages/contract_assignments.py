"""The register of assignments, pledges and oppositions of a contract, and its certificats de cessibilité.

Finance keeps the register: it is what the accountant is told. The certificate is issued under the service's seal: all
its words are the service's own, and a bank must be able to tell it from a copy that was changed.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from api import db as database
from api import isolate
from api.auth import BUYER, FINANCE, Who
from api.context import Context, Ctx
from api.contract_paper import certificate, with_vat
from api.contract_record import (
    EVERYONE,
    About,
    Sent,
    Step,
    Typed,
    carry_out,
    find_for_writing,
    frame,
    may_move,
    must_be,
    page_again,
)
from api.db import Db, reading, transaction
from api.downloads import attachment
from api.render import page
from api.seal import WORDS, seal_or_not
from api.storage import withdrawn_if_refused
from procurement.contract import Contract, find_contract
from procurement.errors import Invalid
from procurement.execution.assignments import (
    KINDS,
    assignable,
    assignments_of,
    certificates_of,
    certify,
    find_assignment,
    find_certificate,
    issue_certificate,
    keep_assignment,
    release,
    return_certificate,
)
from procurement.execution.documents import by_subject, papers_of
from procurement.execution.parties import Party, parties_of
from procurement.execution.terms import Terms, terms_of
from procurement.people import Person, Role
from procurement.suppliers import directly_by, paid_of

router = APIRouter(include_in_schema=False)
WRITERS = (Role.FINANCE,)
LIST = "contracts/assignments.html"
BASE = "/contrats/{ref}/cessions"
CERTIFICATES = "certificates"
STATES = {"active": ("Active", "warning"), "released": ("Levée", "neutral")}
CERTIFICATE_STATES = {"issued": ("Délivré", "info"), "returned": ("Rendu", "neutral")}


def _context(db: Session, contract: Contract, who: Person) -> dict[str, Any]:
    companies, terms, rows = paid_of(db, contract), terms_of(db, contract), assignments_of(db, contract)
    paid = directly_by(db, contract)
    shares = {company.siret: share_ttc(contract, company, terms) for company in companies}
    return frame(contract, who, WRITERS) | {
        "rows": rows,
        "states": STATES,
        "kinds": list(KINDS.items()),
        "kinds_by_key": KINDS,
        "papers": by_subject(papers_of(db, contract)),
        "companies": {company.siret: company.name for company in companies},
        "left": [
            (
                company.name,
                shares[company.siret],
                paid.get(company.siret, Decimal(0)),
                assignable(shares[company.siret], paid.get(company.siret, Decimal(0)), rows, company.siret),
            )
            for company in companies
        ],
        "certificates": certificates_of(db, contract),
        "certificate_states": CERTIFICATE_STATES,
        "share": f"{shares[companies[0].siret]:f}".replace(".", ","),
        "several_rates": len(terms.vat_rates) > 1,
        "values": {},
    }


def share_ttc(contract: Contract, company: Party, terms: Terms) -> Decimal:
    """What a company is owed in all, in euros TTC, at the highest rate where there are several."""
    share = contract.amount_now if company.share_ht is None else company.share_ht
    return with_vat(share, max(Decimal(str(rate)) for rate in terms.vat_rates))


@router.get(BASE, dependencies=[Depends(BUYER)])
def assignments_page(request: Request, db: Db, who: Who, ref: str) -> Response:
    return page(request, LIST, **_context(db, find_contract(db, ref, who), who))


def _keep(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
    kind, siret, beneficiary = typed.text("kind", 20), typed.text("siret", 20), typed.text("beneficiary", 1000)
    iban, amount, on = typed.text("iban", 60), typed.euros("amount_ttc"), typed.day("notified_on")
    if siret not in {party.siret for party in parties_of(db, contract)}:
        typed.wrong["siret"] = "Choisissez une entreprise du marché."
    typed.hold()
    row = keep_assignment(
        db, contract, kind=kind, siret=siret, beneficiary=beneficiary, iban=iban, amount_ttc=amount, notified_on=on,
        person=who, now=now,
    )  # fmt: skip
    return About("assignment", row.ref)


@router.post(BASE, dependencies=[Depends(FINANCE)])
async def keep(request: Request, ctx: Ctx, who: Who, ref: str) -> Response:
    """What was notified, with its act."""
    await carry_out(request, ctx, who, ref, Step(WRITERS, _keep, LIST, _context))
    return RedirectResponse(f"/contrats/{ref}/cessions?ok=enregistre", 303)


@router.post(BASE + "/{aref}/lever", dependencies=[Depends(FINANCE)])
async def lift(request: Request, ctx: Ctx, who: Who, ref: str, aref: str) -> Response:
    """The mainlevée, with its paper."""

    def verb(db: Session, contract: Contract, typed: Typed, who: Person, now: datetime) -> About:
        row, on = find_assignment(db, contract, aref), typed.day("on")
        typed.hold()
        release(db, contract, row, on, who, now)
        return About("assignment", row.ref)

    def guard(db: Session, contract: Contract) -> None:
        may_move(find_assignment(db, contract, aref), "released")

    await carry_out(request, ctx, who, ref, Step(WRITERS, verb, LIST, _context, guard, at=aref))
    return RedirectResponse(f"/contrats/{ref}/cessions?ok=enregistre", 303)


@router.post(BASE + "/certificat", dependencies=[Depends(BUYER)])
def issue(ctx: Ctx, who: Who, ref: str, sent: Sent) -> Response:
    """Work the amount out, draw and seal the certificate with no transaction open, then keep it."""
    try:
        _issue(ctx, who, ref, Typed(sent.fields))
    except Invalid as error:
        with reading(ctx.database) as db:
            context = _context(db, find_for_writing(db, ref, who, EVERYONE), who)
        raise page_again(error, LIST, context, sent.fields, "certificat") from None
    return RedirectResponse(f"/contrats/{ref}/cessions?ok=enregistre", 303)


def _issue(ctx: Context, who: Person, ref: str, typed: Typed) -> None:
    share, subcontracted = typed.euros("share_ttc", needed=True), typed.euros("subcontracted_ttc")
    siret = typed.text("siret", 20)
    with reading(ctx.database) as db:
        contract, now = find_for_writing(db, ref, who, EVERYONE), database.now(db)
        must_be(contract, "in_effect")
        company = next((party for party in paid_of(db, contract) if party.siret == siret), None)
        if company is None:
            typed.wrong["siret"] = "Choisissez une entreprise du marché."
        most = max(share_ttc(contract, party, terms_of(db, contract)) for party in parties_of(db, contract))
        if share is not None and not 0 < share <= most:
            typed.wrong.setdefault("share_ttc", "La part va de zéro au montant du marché, TTC.")
        typed.hold()
        assert company is not None  # noqa: S101 - `hold` has raised
        said = certify(db, contract, siret, share or Decimal(0), subcontracted)
        paper, name = certificate(contract, company, said, now), company.name
    content: bytes = isolate.run("api.contract_paper_pdf:render", paper, now, seconds=45)
    content, _ = seal_or_not(ctx, content, f"Certificat de cessibilité : {WORDS}", paper.title, now)
    key, digest = ctx.storage.put(CERTIFICATES, content), hashlib.sha256(content).hexdigest()
    with withdrawn_if_refused(ctx.storage, [key]), transaction(ctx.database) as db:
        contract = find_for_writing(db, ref, who, EVERYONE)
        issue_certificate(
            db, contract, said, company=name, key=key, sha256=digest, person=who, now=database.now(db)
        )  # fmt: skip


@router.get(BASE + "/{cref}/certificat.pdf", dependencies=[Depends(BUYER)])
def certificate_pdf(ctx: Ctx, who: Who, ref: str, cref: str) -> Response:
    with reading(ctx.database) as db:
        contract = find_contract(db, ref, who)
        found = find_certificate(db, contract, cref)
        name = f"certificat-cessibilite-{contract.number}-{found.siret}.pdf"
    return attachment(ctx.storage.get(found.key), name, "application/pdf")


@router.post(BASE + "/{cref}/rendu", dependencies=[Depends(BUYER)])
def give_back(db: Db, who: Who, ref: str, cref: str) -> Response:
    contract = find_for_writing(db, ref, who, EVERYONE)
    return_certificate(db, contract, find_certificate(db, contract, cref), who, database.now(db))
    return RedirectResponse(f"/contrats/{ref}/cessions?ok=enregistre", 303)
