"""Makes the receipt of one deposit in a worker process, stores it, and tells the company."""

import hashlib
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from api import db as database
from api import isolate
from api.candidacy_view import belonging_words
from api.context import Context
from api.receipt import KINDS, SEALED, Receipt, ReceiptFile, late_sentence, offer_sentence
from api.render import french_time
from api.seal import WORDS, key_of, raise_pdf, seal_or_not
from procurement.candidacy import Candidacy
from procurement.errors import Unavailable
from procurement.mail import post
from procurement.people import User
from procurement.receipts import claim_receipt, claim_stamp, keep_receipt, keep_stamped

REASON = f"Récépissé de dépôt : {WORDS}"
MAIL = """Bonjour,

Votre réponse à la consultation {number} « {object} » de {buyer} est déposée depuis le {at}.

{offer}

Votre récépissé : {url}
Vous pouvez la remplacer ou la retirer jusqu’à la date limite.

mps
"""

LATE = """Bonjour,

Votre réponse à la consultation {number} « {object} » de {buyer} est arrivée hors délai, le {at}.

{offer}

Votre récépissé : {url}
Il dit quand vos envois ont commencé et fini. Si une panne de ce service vous a retardé, écrivez à l’acheteur sans
attendre, avec ce récépissé.

mps
"""


def make_one(context: Context) -> bool:
    """Claim, make, store, record. True when a receipt was made."""
    with database.transaction(context.database) as db:
        candidacy = claim_receipt(db, database.now(db))
        if candidacy is None:
            return False
        key, at = candidacy.id, candidacy.submitted_at
        receipt = receipt_of(db, candidacy)
        now = database.now(db)
    pdf, level = _paper(context, receipt, at, now)
    stored = context.storage.put("receipts", pdf)
    with database.transaction(context.database) as db:
        row, now = db.get_one(Candidacy, key), database.now(db)
        if keep_receipt(db, row, stored, hashlib.sha256(pdf).hexdigest(), level, now):
            _tell(db, context, row, receipt, now)
    return True


def _paper(context: Context, receipt: Receipt, at: datetime | None, now: datetime) -> tuple[bytes, str]:
    """The receipt, and the level of its seal: "" where it could not be sealed, for it leaves all the same."""
    if key_of(context) is not None:
        pdf = isolate.run("api.receipt_pdf:render", replace(receipt, note=f"{receipt.note} {SEALED}"), at)
        sealed, level = seal_or_not(context, pdf, REASON, "récépissé", now)
        if level:
            return sealed, level
    plain: bytes = isolate.run("api.receipt_pdf:render", receipt, at)
    return plain, ""


def stamp_one(context: Context) -> bool:
    """A receipt sealed while no time could be had gets one. True when one did."""
    with database.transaction(context.database) as db:
        candidacy = claim_stamp(db, database.now(db))
        if candidacy is None:
            return False
        key, before = candidacy.id, str(candidacy.receipt_key)
    try:
        stamped = raise_pdf(context, context.storage.get(before), before)
    except (Unavailable, isolate.WorkFailed):
        return False
    after = context.storage.put("receipts", stamped.content)
    with database.transaction(context.database) as db:
        row = db.get_one(Candidacy, key)
        kept = keep_stamped(db, row, before, after, stamped.sha256, database.now(db))
    if not kept:
        context.storage.delete(after)
    return kept


def receipt_of(db: Session, candidacy: Candidacy) -> Receipt:
    """The five legal items, read from the frozen snapshot and nothing else of the draft."""
    snapshot, consultation = candidacy.snapshot or {}, candidacy.consultation
    late, deadline = candidacy.state == "late", french_time(consultation.deadline)
    account = db.get_one(User, candidacy.account_id)
    buyer = consultation.organisation
    return Receipt(
        title="Récépissé d’un dépôt hors délai" if late else "Récépissé de dépôt",
        reference=f"Dépôt {candidacy.ref} – consultation {consultation.number}",
        buyer=buyer.name,
        offer=late_sentence(deadline)
        if late
        else offer_sentence(snapshot, consultation.offers_here, consultation.offers_elsewhere),
        depositor=[
            ("Entreprise", candidacy.name),
            ("SIRET", candidacy.siret),
            ("Déposé par", f"{account.name} ({candidacy.contact_email})"),
            ("Appartenance à l’entreprise", belonging_words(candidacy)),
        ],
        consultation=[
            ("Acheteur", f"{buyer.name} (SIRET {buyer.siret})"),
            ("Numéro", consultation.number),
            ("Intitulé et objet", consultation.object),
            ("Version du dossier", str(snapshot["dce_version"])),
        ],
        time=[
            ("Déposé le", french_time(candidacy.submitted_at)),
            ("Heure de référence", "horloge du serveur, au moment où le dépôt est enregistré"),
            ("Date limite", deadline),
            *_sendings(snapshot["files"] if late else []),
        ],
        files=_files(snapshot["files"]),
        snapshot_sha256=candidacy.snapshot_sha256 or "",
    )


def _sendings(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """When sending began and ended: a late company may have to prove that it was diligent."""
    if not rows:
        return []
    first, last = min(row["started_at"] for row in rows), max(row["received_at"] for row in rows)
    return [("Premier envoi commencé le", french_time(first)), ("Dernier envoi reçu le", french_time(last))]


def _files(rows: list[dict[str, str]]) -> list[ReceiptFile]:
    return [
        ReceiptFile(
            number=f"{number}. {row['name']}",
            kind=KINDS[row["kind"]],
            name=f"{number}. {row['name']}",
            size=str(row["size"]),
            sha256=row["sha256"],
            received_at=french_time(row["received_at"]),
        )
        for number, row in enumerate(rows, 1)
    ]


def _tell(db: Session, context: Context, candidacy: Candidacy, receipt: Receipt, now: datetime) -> None:
    consultation = candidacy.consultation
    late = candidacy.state == "late"
    body = (LATE if late else MAIL).format(
        number=consultation.number,
        object=consultation.object,
        buyer=receipt.buyer,
        at=french_time(candidacy.submitted_at),
        offer=receipt.offer,
        url=f"{context.settings.public_url.rstrip('/')}/candidatures/{candidacy.ref}/recu",
    )
    subject = f"{consultation.number} – récépissé de votre dépôt" + (" hors délai" if late else "")
    post(db, to=candidacy.contact_email, subject=subject, body=body, now=now)
