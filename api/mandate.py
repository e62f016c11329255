"""The supporting documents of one mandate, in one ZIP: the papers of the contract that bear on it, and an index."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from api import isolate
from api.bundle import zipped
from api.contract_paper import ContractPaper
from api.mandate_report import report_of, with_pieces
from api.storage import Storage
from api.uploads import safe_name
from procurement.contract import Contract
from procurement.execution.assignments import KINDS as ASSIGNED
from procurement.execution.assignments import assignments_of
from procurement.execution.documents import papers_of
from procurement.execution.receptions import Reception, receptions_of
from procurement.execution.terms import terms_of
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_delay import clock_of, interest_of
from procurement.rules.mandate_pieces import rubrics
from procurement.spreadsheet import written
from procurement.subcontract import accepted_of

TO_READ_AGAIN = "à vérifier dans la liste annexée à l’article D1617-19"
# Papers of the contract that go with a payment; an ending or « other » does not.
WITH_PAYMENT = ("order", "amendment", "reception", "subcontract", "assignment", "guarantee", "account")


@dataclass(frozen=True)
class Piece:
    """One file: its kind (procurement/rules/mandate_pieces.yaml), its name, and its bytes or where they are stored."""

    kind: str
    name: str
    content: bytes = b""
    key: str = ""


# Its place: it is drawn last.
REPORT = Piece("report", "controle.pdf")


@dataclass(frozen=True)
class Mandate:
    """What goes with one payment. `said` is the report without its pieces; `moment` is the last thing that it tells."""

    pieces: list[Piece]
    said: ContractPaper
    moment: datetime


def mandate_of(db: Session, copy: InvoiceCopy, contract: Contract, today: date) -> Mandate:
    """Read in one session; nothing is drawn and no stored file is read yet."""
    rows = receptions_of(db, contract)
    done = [row for row in rows if row.state == "done" and row.part in ("", copy.part)]
    said, moment = report_of(db, copy, contract, done, today)
    return Mandate(_pieces(db, copy, contract, done, today), said, moment)


def _pieces(db: Session, copy: InvoiceCopy, contract: Contract, done: list[Reception], today: date) -> list[Piece]:
    """Everything that bears on this payment; stored files by their key, to be read once the session is closed."""
    found = [
        Piece("invoice", copy.name, key=copy.key),
        REPORT,
        Piece("report", "controle.json", _json({"report": copy.report, "match": copy.match})),
        Piece("liquidation", "liquidation.json", _json(_liquidation(db, copy, today))),
        Piece("act", f"acte-engagement-{contract.number}.pdf", key=contract.act.key),
    ]
    papers = [paper for paper in papers_of(db, contract) if paper.kind in WITH_PAYMENT]
    found += [Piece(paper.kind, paper.name, key=paper.key) for paper in papers]
    acts = [act for act in accepted_of(db, contract) if act.siret == copy.seller_siret]
    found += [Piece("subcontract", f"DC4-{act.number}.pdf", key=act.act.key if act.act else act.key) for act in acts]
    if done:
        rows = [(row.on, row.part, row.label, row.code, row.quantity, row.amount_ht, row.created_by) for row in done]
        header = ("date", "tranche", "prestation", "prix", "quantite", "montant_ht", "constate_par")
        found.append(Piece("reception", "service-fait.csv", written(header, rows)))
    if told := [row for row in assignments_of(db, contract) if row.siret == copy.seller_siret]:
        lines = [(ASSIGNED[r.kind], r.beneficiary, r.iban, r.amount_ttc, r.notified_on, r.released_on) for r in told]
        columns = ("nature", "beneficiaire", "iban", "montant_ttc", "notifie_le", "mainlevee_le")
        found.append(Piece("assignment", "cessions.csv", written(columns, lines)))
    return found


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode()


def _liquidation(db: Session, copy: InvoiceCopy, today: date) -> dict[str, Any]:
    """Who decided what, and how the net is made; amounts in euros as strings."""
    days = terms_of(db, copy.contract).payment_days if copy.contract else 30
    running, owed = clock_of(copy, days), interest_of(copy, days, today)
    names = ("amount_ht", "amount_ttc", "admitted_ht", "admitted_ttc", "retention_ttc", "advance_ttc", "penalties_ttc")
    return {
        "invoice": copy.number, "supplier": copy.seller_siret, "state": copy.state, "engagement": copy.engagement,
        "part": copy.part, "service_done_on": copy.done_on, "decided_at": copy.decided_at,
        "decided_by": copy.decided_by, "proposed_by": copy.proposed_by or None, "motive": copy.motive,
        "reason": copy.reason_code or None, **{name: getattr(copy, name) for name in names},
        "net_ttc": copy.net_ttc, "due": running.due if running else None,
        "interest": owed.total if owed else None, "mandate": copy.mandate or None, "paid_on": copy.paid_on,
    }  # fmt: skip


def bundle_of(storage: Storage, mandate: Mandate) -> Iterator[bytes]:
    """The ZIP, with no session open; its index comes first, in the order of the rubrics. The same data, the same bytes.

    Raises WorkFailed, Unavailable where the report cannot be drawn.
    """
    order = list(rubrics())
    sorted_pieces = sorted(mandate.pieces, key=lambda piece: order.index(piece.kind))
    named = [(f"{n:02d}-{safe_name(piece.name)}", piece) for n, piece in enumerate(sorted_pieces, 1)]
    report = _drawn(storage, mandate, named)
    return zipped(_files(storage, [(name, report if piece == REPORT else piece) for name, piece in named]))


def _drawn(storage: Storage, mandate: Mandate, named: list[tuple[str, Piece]]) -> Piece:
    """The report, that tells the sha256 of every other piece as it goes into the ZIP."""
    others = [(name, piece) for name, piece in named if piece != REPORT]
    rows = [(name, rubrics()[piece.kind].title, _sha256(storage, piece)) for name, piece in others]
    content: bytes = isolate.run(
        "api.contract_paper_pdf:render", with_pieces(mandate.said, rows), mandate.moment, seconds=45
    )
    return replace(REPORT, content=content)


def _sha256(storage: Storage, piece: Piece) -> str:
    digest = hashlib.sha256()
    for chunk in _read(storage, piece):
        digest.update(chunk)
    return digest.hexdigest()


def _read(storage: Storage, piece: Piece) -> Iterable[bytes]:
    return storage.chunks(piece.key) if piece.key else [piece.content]


def _files(storage: Storage, named: list[tuple[str, Piece]]) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "00-index.csv", [_index(named)]
    for name, piece in named:
        yield name, _read(storage, piece)


def _index(named: list[tuple[str, Piece]]) -> bytes:
    rows = []
    for name, piece in named:
        row = rubrics()[piece.kind]
        rows.append((name, row.title, row.rubric, "lue dans le texte" if row.verified else TO_READ_AGAIN))
    return written(("fichier", "piece", "rubrique", "verification"), rows)
