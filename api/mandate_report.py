"""The readable report of one mandate: what was checked, found, decided and paid, for a public accountant.

It says what the service recorded, no more; the same values are beside it as JSON. api/contract_paper_pdf.py draws it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from api.contract_paper import ContractPaper, Rows, Section
from api.invoice_view import ESTIMATE, LABELS, not_admitted
from api.render import euros, french_date, french_time
from api.wording import register_line
from procurement.contract import Contract
from procurement.events import Event, events_about
from procurement.execution.receptions import Reception
from procurement.execution.terms import terms_of
from procurement.invoice_copy import InvoiceCopy
from procurement.invoice_delay import clock_of, interest_of, reception_day
from procurement.invoicing.reasons import REASONS
from procurement.suppliers import SUBCONTRACTOR, paid_of

MOST = 100
SEVERITIES = {"fatal": "Bloquant", "block": "Bloquant", "warning": "À voir", "warn": "À voir", "info": "Information"}
ROLES = {"holder": "Titulaire", "cocontractor": "Cotraitant", SUBCONTRACTOR: "Sous-traitant payé directement"}
CHANNELS = {"chorus": "Chorus Pro : la facture elle-même"}
COPY = "copie contrôlée, sans valeur de dépôt"


def report_of(
    db: Session, copy: InvoiceCopy, contract: Contract, done: Sequence[Reception], today: date
) -> tuple[ContractPaper, datetime]:
    """(the report without the list of its pieces, the instant of what it last tells).

    `done`: the service fait that bears on it. `today` counts in the interest of an invoice that is late and not paid.
    """
    told = events_about(db, contract.consultation, copy.ref)
    moment = told[-1].at if told else copy.created_at
    number = copy.number or copy.name
    paper = ContractPaper(
        title=f"Contrôle de la facture {number}",
        reference=f"{contract.number} – {number}",
        author=contract.organisation.name,
        lead=_lead(copy),
        sections=[
            Section("Marché", _contract(contract, copy)),
            Section("Fournisseur", _supplier(db, contract, copy)),
            Section("Facture", _invoice(copy)),
            *_checked(copy.report),
            *_matched(copy.match),
            _decided(told),
            *_service(copy, done),
            *_paid(copy),
            Section("Délai de paiement", _delay(db, copy, contract, today)),
        ],
        words=[
            f"Ce rapport dit ce que le service a enregistré jusqu’au {french_time(moment)}. Il n’est pas signé et ne "
            "vaut ni certification ni mandat. Les mêmes valeurs sont dans controle.json et liquidation.json.",
        ],
        sign="",
    )
    return paper, moment


def with_pieces(said: ContractPaper, rows: Sequence[tuple[str, str, str]]) -> ContractPaper:
    """The same, ended by its pieces: (file, what it is, sha256)."""
    listed = Section("Pièces jointes", rows, ("Fichier", "Pièce", "Empreinte SHA-256"), (3, 3, 4))
    return replace(said, sections=[*said.sections, listed])


def _lead(copy: InvoiceCopy) -> str:
    if copy.state == "to_confirm":
        return f"Proposée par {copy.proposed_by}, à confirmer par une seconde personne. Net : {euros(copy.net_ttc)}."
    how = "en partie" if not_admitted(copy) else "en entier"
    paid = f" Payée le {french_date(copy.paid_on)}, mandat {copy.mandate}." if copy.paid_on else ""
    return f"Approuvée {how} par {copy.decided_by}. Net à payer : {euros(copy.net_ttc)}.{paid}"


def _contract(contract: Contract, copy: InvoiceCopy) -> Rows:
    buyer = contract.organisation
    return [
        ("Marché", contract.number),
        ("Objet", contract.consultation.object),
        ("Acheteur", f"{buyer.name}, SIRET {buyer.siret}"),
        ("Titulaire à la signature", f"{contract.holder_name}, SIRET {contract.holder_siret}"),
        ("Montant du marché", f"{euros(contract.amount_now)} HT"),
        ("Engagement", copy.engagement or "–"),
        ("Tranche ou commande", copy.part or "–"),
    ]


def _supplier(db: Session, contract: Contract, copy: InvoiceCopy) -> Rows:
    party = next((p for p in paid_of(db, contract) if p.siret == copy.seller_siret), None)
    unknown = "N’est ni le titulaire, ni un cotraitant, ni un sous-traitant payé directement"
    return [
        ("Nom", party.name if party else "–"),
        ("SIRET", copy.seller_siret or "–"),
        ("Rôle", ROLES[party.role] if party else unknown),
    ]


def _invoice(copy: InvoiceCopy) -> Rows:
    read = copy.report
    inside = ", dans un PDF" if read.get("container") == "pdf" else ""
    tax = copy.amount_ttc - copy.amount_ht if copy.amount_ttc is not None and copy.amount_ht is not None else None
    return [
        ("Numéro", copy.number or "–"),
        ("Date", french_date(copy.issued_on)),
        ("Montant HT", euros(copy.amount_ht)),
        ("TVA", euros(tax)),
        ("Montant TTC", euros(copy.amount_ttc)),
        ("Format", f"{read.get('syntax') or '–'}{inside}, profil {read.get('profile') or 'non dit'}"),
        ("Provenance", CHANNELS.get(copy.channel, COPY)),
        ("Fichier", copy.name),
        ("Empreinte SHA-256", copy.sha256),
        ("Contrôlée le", french_time(copy.created_at)),
    ]


def _checked(report: Mapping[str, Any]) -> list[Section]:
    """The verdict of form with the rules that were used, those that do not hold, those that nobody could judge."""
    verdict = "Aucune règle bloquante en défaut" if report["valid"] else "Au moins une règle bloquante en défaut"
    used = [(s["name"], s["version"], s["sha256"]) for s in report["rule_sets"]]
    wrong = [(f["rule"], SEVERITIES[f["severity"]], f["message"], f["source"]) for f in report["findings"]]
    skipped = [(each["rule"], each["sentence"]) for each in report.get("not_verified", ())]
    found = [
        Section("Contrôle de la facture électronique", [("Résultat", verdict)]),
        Section("Règles employées", used, ("Règles", "Version", "Empreinte SHA-256"), (3, 2, 4)),
        Section("Règles en défaut", _most(wrong), ("Règle", "Gravité", "Constat", "Source"), (3, 2, 5, 2)),
        Section("Règles non vérifiées", _most(skipped), ("Règle", "Pourquoi"), (2, 5)),
    ]
    return [section for section in found if section.rows]


def _matched(match: Mapping[str, Any]) -> list[Section]:
    """Why this contract, and how the invoice differs from it."""
    best: Mapping[str, Any] = next(iter(match["candidates"]), {})
    said = f"{best['score']} sur 100 – {' ; '.join(best['because'])}" if best else "rattachée par une personne"
    proposed = {"approve": "approuver", "partial": "approuver en partie", "hold": "suspendre", "refuse": "rejeter"}
    rows = [
        ("Marché retenu", said),
        ("Proposition du service", proposed.get(str(match["decision"]), "aucune : aucun marché ne se dégage")),
    ]
    found = [
        (f["message"], SEVERITIES[f["severity"]], f["bt"] or "–", f"{f['reason_code']} – {REASONS[f['reason_code']]}"
         if f["reason_code"] in REASONS else f["reason_code"] or "–")
        for f in match["findings"]
    ]  # fmt: skip
    gaps = Section("Écarts avec le marché", _most(found), ("Constat", "Gravité", "Champ", "Motif"), (5, 2, 2, 4))
    if not found:
        rows.append(("Écarts", "Aucun écart entre la facture et le marché"))
    return [Section("Rapprochement avec le marché", rows), *([gaps] if found else [])]


def _most(rows: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
    if len(rows) <= MOST:
        return rows
    rest = f"{len(rows) - MOST} autres, dans controle.json"
    return [*rows[:MOST], (rest, *("" for _ in rows[0][1:]))]


def _decided(told: Iterable[Event]) -> Section:
    """Everything that happened to the invoice, by whom and when, as the register has it."""
    lines = [register_line(event) for event in told]
    rows = [(line.at, line.what, line.detail or "–", line.who) for line in lines]
    return Section("Décisions", rows, ("Date", "Fait", "Motif ou précision", "Par"), (3, 3, 3, 3))


def _service(copy: InvoiceCopy, done: Sequence[Reception]) -> list[Section]:
    rows = [("Service fait", french_date(copy.done_on) if copy.done_on else "date non dite à la décision")]
    said = [
        (french_date(r.on), f"{r.label}{f' ({r.part})' if r.part else ''}", _quantity(r), euros(r.amount_ht),
         r.created_by)
        for r in done
    ]  # fmt: skip
    header = ("Date", "Prestation", "Quantité", "Montant HT", "Constaté par")
    listed = Section("Service fait constaté", said, header, (3, 4, 3, 3, 4), (3,))
    return [Section("Service fait", rows), *([listed] if said else [])]


def _quantity(row: Reception) -> str:
    return f"{row.quantity.replace('.', ',')} × prix {row.code}" if row.quantity else row.code or "–"


def _paid(copy: InvoiceCopy) -> list[Section]:
    """Step by step as it was computed, then as it was decided."""
    steps = (copy.match.get("payable") or {}).get("steps") or []
    left = not_admitted(copy)
    rows = [
        ("Admis", f"{euros(copy.admitted_ht)} HT, {euros(copy.admitted_ttc)} TTC"),
        ("Non admis", f"{euros(left[0])} HT, {euros(left[1])} TTC" if left else "rien"),
        ("Retenue de garantie, TTC", euros(copy.retention_ttc or 0)),
        ("Avance remboursée, TTC", euros(copy.advance_ttc or 0)),
        ("Pénalités, TTC", euros(copy.penalties_ttc or 0)),
        ("Net à payer", euros(copy.net_ttc)),
    ]
    if copy.state == "to_confirm":
        rows.insert(0, ("Décision proposée", LABELS.get(copy.proposed, copy.proposed)))
    numbered = [(str(rank), step) for rank, step in enumerate(steps, 1)]
    computed = Section("Calcul proposé, pas à pas", numbered, ("Étape", "Calcul"), (1, 8))
    return [*([computed] if steps else []), Section("Liquidation décidée", rows)]


def _delay(db: Session, copy: InvoiceCopy, contract: Contract, today: date) -> Rows:
    days = terms_of(db, contract).payment_days
    running, owed = clock_of(copy, days), interest_of(copy, days, today)
    if running is None:
        return [("Délai", "Aucun délai ne court pour cette facture")]
    rows = [
        ("Réception", french_date(reception_day(copy))),
        ("Point de départ", f"{french_date(running.start)} : {running.why} (article {running.article})"),
        ("Délai", f"{running.days} jours"),
        ("Dernier jour pour payer", french_date(running.due) if running.due else "suspendu"),
    ]
    if copy.suspended_on:
        until = f" au {french_date(copy.resumed_on)}" if copy.resumed_on else ""
        rows.append(("Suspension", f"Du {french_date(copy.suspended_on)}{until}"))
    if owed:
        day = french_date(copy.paid_on or today)
        late = f"{euros(owed.amount)} pour {owed.days} jours de retard au {day}, et {euros(owed.fixed)} de frais"
        rows.append(("Intérêts et indemnité", f"{euros(owed.total)} : {late}. {ESTIMATE}"))
    rows.append(("Mandat", f"{copy.mandate}, payé le {french_date(copy.paid_on)}" if copy.paid_on else "pas encore"))
    return rows
