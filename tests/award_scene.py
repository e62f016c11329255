"""A consultation opened with two deposits, straight through the domain: where slice 4 begins."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from api.awarding import decide_with_acte
from api.context import Context
from api.db import Database, now, reading, transaction
from api.groups import read_group
from api.sandbox import invoices, pki
from dce_templates.dossier import load_dossier
from procurement.award import decide, name_intended
from procurement.candidacy import Candidacy, open_candidacy, submit
from procurement.candidacy import answer as fill_in
from procurement.consultation import Consultation, draft, find, publish
from procurement.contract import Contract, acknowledge, notify, paris_day, prepare, set_service
from procurement.execution.engagements import Line as Engaged
from procurement.execution.engagements import open_engagement
from procurement.execution.parties import propose_account
from procurement.opening import open_plis
from procurement.people import Organisation, User, person_of
from procurement.pieces import Piece, keep_result
from procurement.powers import SigningPower, grant
from procurement.publication.decp import to_text
from procurement.publication.essential import essential_of, publish_record
from procurement.publication.mapping import plan
from procurement.signers import buyer_of
from procurement.signing import Company, Version, ask, keep
from signature.making.keys import Pkcs12
from signature.making.pades import sign_pades
from siret_lookup.siret import vat_number
from tests.factories import make_account, make_buyer, make_finance, make_officer, make_siret

PASSWORD = "essai-essai"
AMOUNT = "84000.00"
IBAN = "FR7630006000011234567890189"


@dataclass(frozen=True)
class Scene:
    """Who is there; refs of the consultation and of the winner's and the loser's deposits."""

    buyer: Organisation
    officer: User
    finance: User
    winner: User
    loser: User
    consultation: str
    won: str
    lost: str

    @property
    def award(self) -> str:
        return f"/acheteur/consultations/{self.consultation}/attribuer"

    @property
    def contract(self) -> str:
        return f"/candidatures/{self.won}/contrat"


def dossier_of(buyer: Organisation, deadline: datetime, number: str) -> dict[str, Any]:
    text = resources.files("dce_templates").joinpath("example.yaml").read_text(encoding="utf-8")
    data = load_dossier(text).model_dump(mode="json")
    data["buyer"] |= {"siret": buyer.siret, "name": buyer.name}
    return data | {"deadline": deadline.isoformat(), "reference": number}


def opened(
    database: Database, number: str = "2026-MAPA-01", buyer: Organisation | None = None, siret: str = make_siret(6100)
) -> Scene:
    """Published yesterday, closed an hour ago, opened now."""
    buyer = buyer or make_buyer(database)
    officer, finance = make_officer(database, buyer), make_finance(database, buyer)
    winner, loser = make_account(database), make_account(database)
    with transaction(database) as db:
        current = now(db)
        start = current - timedelta(days=1)
        agent = person_of(db.get_one(User, officer.id))
        dossier = dossier_of(buyer, current - timedelta(hours=1), number)
        consultation = draft(db, db.get_one(Organisation, buyer.id), dossier, agent, start)
        publish(db, consultation, [], "age1essai", b"cle", agent, start)
        sirets = (siret, make_siret(6101))
        refs = [_deposit(db, consultation, user, i, sirets[i], start) for i, user in enumerate((winner, loser))]
        open_plis(db, consultation, agent, current)
        empower(db, buyer, officer)
        first = db.query(Candidacy).filter_by(ref=refs[0]).one()
        first.opened_amount = AMOUNT
        return Scene(buyer, officer, finance, winner, loser, consultation.ref, refs[0], refs[1])


def empower(db: Any, buyer: Organisation, officer: User, ceiling: Decimal | None = None) -> SigningPower:
    """The officer may sign for the buyer since a year."""
    return grant(
        db, db.get_one(Organisation, buyer.id), db.get_one(User, officer.id), capacity="adjointe au maire",
        act="Arrêté n° 12", ceiling=ceiling, valid_from=paris_day(now(db)) - timedelta(days=365), valid_until=None,
        by="admin@exemple.fr", now=now(db),
    )  # fmt: skip


def buyer_signs(context: Context, scene: Scene, officer: Any) -> int:
    """On the buyer's own page, once every company has: the officer's file, signed at its desk."""
    with reading(context.database) as db:
        ref = buyer_of(db, db.query(Contract).filter_by(organisation_id=scene.buyer.id).one().act).ref
    path = f"/signatures/{ref}"
    signed = sign(context, officer.get(f"{path}/acte-engagement.pdf").content, scene.buyer.siret)
    answer = officer.submit(officer.get(path), "/fichier", file=("signe.pdf", signed, "application/pdf"))
    return int(answer.status_code)


def _deposit(db: Any, consultation: Consultation, user: User, index: int, siret: str, at: datetime) -> str:
    account = person_of(db.get_one(User, user.id))
    name = ("Capteurs et Mesures SAS", "Trafic Conseil SARL")[index]
    identity = {"name": name, "address": "3 rue du Port, 01234 Démonstration"}
    candidacy, _ = open_candidacy(db, consultation, siret, identity, account, at)
    fill_in(candidacy, {"capacity": "gérante", "insurance": "Assureur Essai, n° 42"}, {}, at)
    submit(db, candidacy, True, at + timedelta(minutes=5))
    return candidacy.ref


def settle_pieces(database: Database) -> None:
    """Every waiting piece is answered, as the worker would record it."""
    with transaction(database) as db:
        current = now(db)
        for piece in db.query(Piece).filter_by(state="waiting"):
            piece.attempts = 1
            keep_result(db, piece, {"outcome": "obtained", "fetched_at": current}, None, current)


def awarded(context: Context, scene: Scene, members: str = "") -> None:
    """Carried through the domain to an act that waits for its signatures; `members` as an officer types them."""
    with transaction(context.database) as db:
        agent = person_of(db.get_one(User, scene.officer.id))
        name_intended(db, find(db, scene.consultation), scene.won, agent, now(db))
    settle_pieces(context.database)
    group = read_group("Conjoint", members, False, Decimal(AMOUNT))
    motive = "La meilleure note technique et le prix le plus bas."
    decide_with_acte(context, agent, scene.consultation, Decimal(AMOUNT), motive, scene.won, group)


def sign(context: Context, pdf: bytes, siret: str = make_siret(6100), **how: bool) -> bytes:
    """Signed as the winner does at home, with a key of the sandbox's authority."""
    folder = Path(context.services.get("pki", str(pki.FOLDER)))
    with transaction(context.database) as db:
        moment = now(db)
    key = pki.issue_signer(folder, "Jeanne Martin", "Capteurs et Mesures SAS", siret, PASSWORD, now=moment, **how)
    return sign_pades(pdf, Pkcs12(key.read_bytes(), PASSWORD), "B", None, moment).content


def in_effect(context: Context, number: str = "2026-MAPA-01", buyer: Organisation | None = None) -> Scene:
    """The same, carried through the domain to a contract in effect since two months."""
    scene = opened(context.database, number, buyer)
    unsigned, signed, whole = b"%PDF-1.7 acte", b"%PDF-1.7 acte, signed", b"%PDF-1.7 acte, signed and signed"
    unsigned_key, key, last = (context.storage.put("contracts", each) for each in (unsigned, signed, whole))
    with transaction(context.database) as db:
        consultation = db.query(Consultation).filter_by(ref=scene.consultation).one()
        agent, winner = (person_of(db.get_one(User, u.id)) for u in (scene.officer, scene.winner))
        start = now(db) - timedelta(days=60)
        name_intended(db, consultation, scene.won, agent, start)
        for piece in db.query(Piece).filter_by(state="waiting"):
            piece.attempts = 1
            keep_result(db, piece, {"outcome": "obtained", "fetched_at": start}, None, start)
        motive = "La meilleure note sur les deux critères."
        award = decide(db, consultation, scene.won, Decimal(AMOUNT), motive, agent, start)
        contract = prepare(db, award, unsigned_key, digest(unsigned), start)
        (signer,) = ask(db, contract.act, [Company(make_siret(6100), "Capteurs et Mesures SAS", "x@exemple.fr")], start)
        keep(
            db, signer, way="file", before=unsigned, received=signed, kept=Version(key, digest(signed)), report=REPORT,
            person=winner, now=start,
        )  # fmt: skip
        both = REPORT | {"signatures": REPORT["signatures"] * 2}
        keep(
            db, buyer_of(db, contract.act), way="file", before=signed, received=whole,
            kept=Version(last, digest(whole)), report=both, person=agent, now=start,
        )  # fmt: skip
        notify(db, contract, agent, start)
        acknowledge(db, contract, paris_day(start), agent.email, start)
        release(db, contract, start)
    return scene


def release(db: Any, contract: Contract, at: datetime) -> None:
    """Its essential data, frozen as the worker does once they are checked."""
    essential = essential_of(db, contract)
    made = plan(db, contract, essential, paris_day(at))
    assert not made.missing
    publish_record(db, essential, made.form, to_text(made.record), at)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# A verdict as signature.verify gives it, for tests that are not about signatures.
REPORT: dict[str, Any] = {
    "format": "PAdES",
    "unsigned": [],
    "signatures": [
        {
            "indication": "TOTAL-PASSED",
            "sub_indication": None,
            "reason": "La signature, le certificat et le document sont bons.",
            "qualification": "AdESig-QC",
            "level": "T",
            "signer": "Jeanne Martin",
            "best_time": "2026-11-23T12:00:00+00:00",
            "timestamped": True,
            "covers_whole_document": True,
            "changes_after": [],
            "arrete_2019": {"receivable": True, "points": [{"number": 1, "holds": True, "evidence": "Lu."}]},
        }
    ],
}


def contract_of_scene(database: Database, scene: Scene) -> Contract:
    with reading(database) as db:
        return db.query(Contract).join(Consultation).filter(Consultation.ref == scene.consultation).one()


def quotes(database: Database, scene: Scene, engagement: str = "EJ-2026-77", service: str = "VOIRIE") -> None:
    """Finance says what the holder's invoices quote, and which account is paid."""
    with transaction(database) as db:
        contract = db.query(Contract).join(Consultation).filter(Consultation.ref == scene.consultation).one()
        person = person_of(db.get_one(User, scene.finance.id))
        set_service(db, contract, service, person, now(db))
        open_engagement(db, contract, Engaged(contract.number, engagement, service), person, now(db))
        propose_account(db, contract, contract.holder_siret, IBAN, "", person, now(db))


def invoice(scene: Scene, billed: Contract, **changes: Any) -> invoices.Draft:
    """What the holder's software makes for this contract: 1 000 € HT, today in Paris."""
    draft = invoices.Draft(
        number="F-2026-001",
        issued_on=paris_day(datetime.now(UTC)),
        seller=invoices.Party("Capteurs et Mesures SAS", billed.holder_siret, vat=vat_number(billed.holder_siret[:9])),
        buyer=invoices.Party(scene.buyer.name, scene.buyer.siret, service="VOIRIE"),
        lines=(invoices.Line("POSTE", "Comptages", Decimal(1), Decimal(1000)),),
        contract=billed.number,
        engagement="EJ-2026-77",
        iban=IBAN,
    )
    return replace(draft, **changes)
