"""Pages read with a bounded number of statements, however many rows there are. The cap itself is in tests/watch.py."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from sqlalchemy.orm import Session

from api.auth import create_token
from api.context import Context
from api.db import now, transaction
from dce_templates.catalogue import catalogue
from dce_templates.clause_lines import read_typed, to_typed
from procurement.act import open_act
from procurement.candidacy import Candidacy, CandidacyFile, open_candidacy
from procurement.consultation import Consultation, DceFile, draft, find
from procurement.contract import Contract, paris_day
from procurement.deliveries import Delivery
from procurement.execution.amendments import amendments_of
from procurement.execution.parts import parts_of
from procurement.invoice_copy import Facts, InvoiceCopy, keep_copy
from procurement.library import ClauseUse, approve, comment, propose, start, versions_of
from procurement.looks import looked
from procurement.mail import post
from procurement.people import Organisation, Role, User, attach, create_organisation, person_of
from procurement.pes import PesSending
from procurement.pieces import CAPACITY, ask
from procurement.publication.essential import LISTED, Essential
from procurement.signers import leader_of
from procurement.signing import Company
from procurement.signing import ask as ask_to_sign
from procurement.space import keep_given
from procurement.subcontract import Declared, declare
from tests.api.test_routes import routes
from tests.award_scene import Scene, contract_of_scene, dossier_of, in_effect
from tests.candidacy_scene import Browser, published
from tests.factories import make_account, make_buyer, make_siret, with_role
from tests.record_scene import add_to_record
from tests.watch import CAP

FEW, MORE = 2, 7
REPORT = {"valid": True, "findings": [], "container": "xml", "syntax": "CII", "profile": "EN 16931", "rule_sets": []}
MATCH: dict[str, Any] = {"decision": "hold", "candidates": [], "findings": []}
# No list behind these, or a file. Every other GET route is measured.
UNLISTED = re.compile(
    r"/(connexion|inscription(/code)?|mentions-legales|donnees-personnelles|accessibilite|aide(/.*)?|verifier|healthz"
    r"|readyz|metrics|mon-dossier|acheteur/regles|acheteur/consultations/nouvelle)"
    r"|.*/(dce|apercu|projet|fichiers|pieces|prix)/.*|/donnees-ouvertes/.*/.*/.*|.*\.(pdf|zip|docx|asics)|.*/registre\.json"
    r"|.*/(recu|fichier|jeton)|.*/jetons/.*|/contrats/.*/pes/.*"
)

# One row and no list, for programs.
ONE_ROW = {
    "/api/v1/candidacies/{ref}", "/api/v1/contracts/{ref}", "/api/v1/invoices/{ref}", "/boite/courriers/{ref}",
    "/connexion/proconnect", "/signatures/lot", "/connexion/proconnect/retour", "/compte/appartenance/{ref}",
    "/compte/attestations/{siret}", "/signatures/{ref}/distance", "/signatures/{ref}/par-code",
    "/signatures/{ref}/preuve", "/signatures/{ref}/mode-emploi", "/contrats/{ref}/preuves/{sref}",
    "/contrats/{ref}/sous-traitants/{sref}", "/candidatures/{ref}/contrat/sous-traitants/{sref}",
}  # fmt: skip


@dataclass
class World:
    """A buyer's person with every role, a company's account, and the contract they won."""

    context: Context
    agent: User
    account: User
    scene: Scene
    open: str
    closed: str
    draft: str
    writing: str
    drafts: list[str] = field(default_factory=list)
    grown: int = 0

    def grow(self, rows: int) -> None:
        """So many more rows of everything that a page lists."""
        for _ in range(rows):
            self.grown += 1
            won = in_effect(self.context, f"2026-MAPA-1{self.grown:02d}", self.scene.buyer)
            other = published(self.context, number=f"2026-AUTRE-{self.grown}")
            contract = contract_of_scene(self.context.database, self.scene)
            stranger = make_account(self.context.database)
            with transaction(self.context.database) as db:
                if self.grown % 2:
                    self._small(db, won.consultation)
                self._around(db, other.ref, now(db))
                self._below(db, contract.id, stranger, now(db))
                self._library(db, other.ref, now(db))

    def _small(self, db: Session, consultation: str) -> None:
        """One contract in two is published with its five data alone, in the yearly list."""
        essential = db.query(Essential).join(Contract).join(Consultation).filter_by(ref=consultation).one()
        essential.form = LISTED
        essential.record = '{"objet": "o", "montant": 30000, "attributaire": "E", "codePostal": "01234"}'

    def _around(self, db: Session, other: str, at: datetime) -> None:
        """Another buyer with its consultation, an answer begun, another company, a message, a token."""
        agent, buyer = db.get_one(User, self.agent.id), find(db, other).organisation
        attach(db, agent, buyer, Role.OFFICER, evidence="", granted_by="test", now=at)
        siret = make_siret(5000 + self.grown)
        create_organisation(db, name=f"Entreprise {self.grown}", siret=siret, kind="company", now=at)
        person = person_of(db.get_one(User, self.account.id))
        keep_given(db, person.id, siret, {"references": "Une école"}, "0" * 12, "2026-A", at)
        draft, _ = open_candidacy(db, find(db, other), siret, {"name": "Entreprise"}, person, at)
        self.drafts.append(draft.ref)
        post(db, to="a@exemple.fr", subject="Objet", body="Texte", now=at)
        create_token(db, agent, f"jeton {self.grown}")

    def _library(self, db: Session, other: str, at: datetime) -> None:
        """The buyer's clauses: a version given up for a newer one, a clause of its own, a text that is used."""
        person, model = person_of(db.get_one(User, self.agent.id)), catalogue()["OD-05"]
        organisation = db.get_one(Organisation, self.scene.buyer.id)
        for base in (model, None):
            typed = to_typed(model) | {"excludes": ""}
            version = start(db, organisation.id, base, typed, person, at)
            propose(db, version, *read_typed(typed, version.clause, version.version, person.name), person, at)
            comment(db, version, "À relire.", person, at)
            version.author = "autre@exemple.fr"
            approve(db, version, person, at)
        consultation = find(db, other)
        consultation.organisation_id = organisation.id
        db.add(ClauseUse(consultation=consultation, version=version))
        db.add(ClauseUse(consultation=consultation, version=versions_of(db, organisation.id, "OD-05")[0]))

    def _below(self, db: Session, contract_id: int, stranger: User, at: datetime) -> None:
        """Under the one consultation and its contract: a document, a deposit, files, looks, a copy of an invoice."""
        consultation, agent = find(db, self.scene.consultation), person_of(db.get_one(User, self.agent.id))
        consultation.files.append(DceFile(version=consultation.dce_version, media_type="application/pdf", **_named()))
        deposit = Candidacy(
            consultation=consultation, account_id=stranger.id, siret=make_siret(5500 + self.grown), state="submitted",
            contact_email=stranger.email, identity={"name": "Autre"}, created_at=at, submitted_at=at,
        )  # fmt: skip
        db.add(deposit)
        db.flush()
        ask(db, deposit, CAPACITY, agent.email, at)
        for mine in db.query(Candidacy).filter(Candidacy.ref.in_([self.scene.won, self.drafts[0]])):
            mine.files.append(CandidacyFile(kind="offer", started_at=at, received_at=at, **_named()))
            looked(db, mine, agent.email, "Page", at)
        contract = db.get_one(Contract, contract_id)
        due = paris_day(at) + timedelta(days=self.grown)
        terms = consultation.dossier["datasets"][0]
        db.add(
            Delivery(
                contract=contract, dataset=terms["id"], due_on=due, terms=terms, state="released", file_key="a/b",
                file_name="comptages.csv", file_type="text/csv", released_at=at, file_sha256="0" * 64,
            )
        )  # fmt: skip
        said = Declared(make_siret(5800 + self.grown), "Pose", "Pose", Decimal(700), 1, "Ferme")
        row = declare(db, contract, said, self.grown, "a/b", "0" * 64, agent.email, at)
        row.act = open_act(
            db, contract, "dc4", title="Pose", amount=row.amount_ht, key="a/b", sha256="0" * 64, actor="test", now=at
        )
        holder = Company(contract.holder_siret, contract.holder_name, contract.candidacy.contact_email)
        ask_to_sign(db, row.act, [holder], at)
        facts = Facts("f.xml", f"{self.grown:064d}", f"F-{self.grown}", contract.holder_siret, None)
        copy = keep_copy(
            db, contract.organisation, facts, key="k", contract=contract, report=REPORT, match=MATCH, person=agent,
            now=at,
        )  # fmt: skip
        copy.state, copy.issued_on, copy.admitted_ht, copy.admitted_ttc = "approved", due, Decimal(10), Decimal(12)
        sheet = {"sequence": self.grown, "kind": "correction", "sha256": "0" * 64, "facts_sha256": "0" * 64, "key": "k"}
        db.add(PesSending(contract_id=contract_id, state="refused", made_at=at, made_by=agent.email, **sheet))
        add_to_record(db, contract, self.grown, agent, at)


def _named() -> dict[str, Any]:
    return {"name": "piece.pdf", "size": 1, "sha256": "0" * 64, "key": "a/b"}


def build(context: Context) -> World:
    buyer = make_buyer(context.database)
    agent = with_role(context.database, buyer, Role.OFFICER)
    with transaction(context.database) as db:
        for role in (Role.FINANCE, Role.ADMINISTRATOR):
            where, user = db.get_one(Organisation, buyer.id), db.get_one(User, agent.id)
            attach(db, user, where, role, evidence="", granted_by="test", now=now(db))
    scene = in_effect(context, "2026-MAPA-01", buyer)
    others = [published(context, number=number) for number in ("2026-OUVERTE", "2026-CLOSE")]
    others[1].close()
    with transaction(context.database) as db:
        at, user = now(db), db.get_one(User, agent.id)
        where = find(db, others[1].ref).organisation
        attach(db, user, where, Role.OFFICER, evidence="", granted_by="test", now=at)
        dossier = dossier_of(buyer, at + timedelta(days=20), "2026-BROUILLON")
        draft_ref = draft(db, db.get_one(Organisation, buyer.id), dossier, person_of(user), at).ref
        person = person_of(user)
        writing = start(db, buyer.id, catalogue()["OD-07"], to_typed(catalogue()["OD-07"]), person, at).ref
    world = World(context, agent, scene.winner, scene, others[0].ref, others[1].ref, draft_ref, writing)
    world.grow(FEW)
    return world


# Route → who reads it, and whose ref stands in its address. A new page that no line names fails.
PAGES: dict[str, tuple[str, str]] = {
    "/": ("account", ""),
    "/consultations": ("account", ""),
    "/consultations/{ref}": ("account", "consultation"),
    "/consultations/{ref}/candidater": ("account", "open"),
    "/boite": ("account", ""),
    "/compte": ("agent", ""),
    "/compte/informations": ("account", ""),
    "/candidatures": ("account", ""),
    "/candidatures/{ref}": ("account", "begun"),
    "/candidatures/{ref}/pieces": ("account", "won"),
    "/candidatures/{ref}/pieces-demandees": ("account", "won"),
    "/candidatures/{ref}/contrat": ("account", "won"),
    "/candidatures/{ref}/donnees": ("account", "won"),
    "/contrats/{ref}/donnees": ("agent", "contract"),
    "/candidatures/{ref}/contrat/sous-traitants": ("account", "won"),
    "/contrats/{ref}/sous-traitants": ("agent", "contract"),
    "/donnees-ouvertes/{ref}": ("account", "contract"),
    "/catalog.jsonld": ("account", ""),
    "/acheteur": ("agent", ""),
    "/acheteur/consultations/{ref}": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/modifier": ("agent", "draft"),
    "/acheteur/consultations/{ref}/clauses": ("agent", "draft"),
    "/acheteur/consultations/{ref}/clauses/{clause}": ("agent", "draft"),
    "/acheteur/clauses": ("agent", ""),
    "/acheteur/clauses/{buyer}/{clause}": ("agent", ""),
    "/acheteur/versions/{ref}": ("agent", "version"),
    "/acheteur/versions/{ref}/modifier": ("agent", "writing"),
    "/acheteur/consultations/{ref}/verifier": ("agent", "draft"),
    "/acheteur/consultations/{ref}/registre": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/relire": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/ouvrir": ("agent", "closed"),
    "/acheteur/consultations/{ref}/plis": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/plis/{cref}": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/journal": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/attribuer": ("agent", "consultation"),
    "/acheteur/consultations/{ref}/proces-verbal/{name}": ("agent", "consultation"),
    "/signatures": ("account", ""),
    "/signatures/{ref}": ("account", "signer"),
    "/contrats": ("agent", ""),
    "/contrats/{ref}/prix": ("agent", "contract"),
    "/contrats/{ref}": ("agent", "contract"),
    "/contrats/{ref}/carte": ("agent", "contract"),
    "/contrats/engagements": ("agent", ""),
    "/contrats/{ref}/fiche": ("agent", "contract"),
    "/contrats/{ref}/fiche/modifier": ("agent", "contract"),
    "/contrats/{ref}/engagements": ("agent", "contract"),
    "/contrats/{ref}/commandes": ("agent", "contract"),
    "/contrats/{ref}/commandes/{pref}": ("agent", "contract"),
    "/contrats/{ref}/modifications": ("agent", "contract"),
    "/contrats/{ref}/modifications/{aref}": ("agent", "contract"),
    "/contrats/{ref}/cessions": ("agent", "contract"),
    "/contrats/{ref}/service-fait": ("agent", "contract"),
    "/contrats/{ref}/fin": ("agent", "contract"),
    "/contrats/{ref}/documents": ("agent", "contract"),
    "/factures": ("agent", ""),
    "/factures/paiements": ("agent", ""),
    "/factures/liquidations.csv": ("agent", ""),
    "/contrats/{ref}/compte": ("agent", "contract"),
    "/contrats/{ref}/liquidations.csv": ("agent", "contract"),
    "/contrats/{ref}/pes": ("agent", "contract"),
    "/mes-marches": ("account", ""),
    "/candidatures/{ref}/contrat/facturation": ("account", "won"),
    "/candidatures/{ref}/contrat/facturation.json": ("account", "won"),
    "/candidatures/{ref}/contrat/facture": ("account", "won"),
    "/api/v1/invoices": ("agent", ""),
    "/factures/copie": ("agent", ""),
    "/factures/{ref}": ("agent", "copy"),
    "/administration/listes": ("agent", ""),
    "/administration": ("agent", ""),
    "/administration/organismes": ("agent", ""),
    "/administration/courriers": ("agent", ""),
    "/acheteur/entreprises": ("agent", ""),
    "/compte/appartenance": ("account", ""),
    "/administration/{ref}": ("agent", "buyer"),
    "/administration/{ref}/modele-word": ("agent", "buyer"),
    "/administration/{ref}/chorus": ("agent", "buyer"),
    "/contrats/{ref}/donnees-essentielles": ("agent", "contract"),
    "/donnees-essentielles": ("agent", ""),
    "/marches": ("account", ""),
    "/marches/chiffres": ("account", ""),
    "/marches/{ref}": ("account", "contract"),
    "/marches/{ref}/donnees.{form}": ("account", "contract"),
    "/marches/listes": ("account", ""),
    "/marches/listes/{ref}/{annee}": ("account", "buyer"),
    "/marches/listes/{ref}/{annee}/liste.{form}": ("account", "buyer"),
    "/administration/{ref}/donnees-ouvertes": ("agent", "buyer"),
    "/decp.json": ("account", ""),
    "/decp.xml": ("account", ""),
    "/api/v1/consultations": ("account", ""),
    "/api/v1/consultations/{ref}": ("account", "consultation"),
}


def test_every_page_is_counted_here(app: FastAPI) -> None:
    read = {route.path for route, _ in routes(app) if "GET" in (route.methods or ())}
    one_row = {path for path in read if UNLISTED.fullmatch(path) or path in ONE_ROW}
    assert read - one_row == set(PAGES), "a page with a list belongs in PAGES"


def test_no_page_sends_more_statements_for_more_rows(context: Context, browser: Browser) -> None:
    world = build(context)
    clients = {"agent": browser(world.agent), "account": browser(world.account)}

    def counts() -> dict[str, int]:
        refs = refs_of(world)
        sent: dict[str, int] = {}
        for route, (reader, name) in PAGES.items():
            path = route.replace("{ref}", refs.get(name, "")).replace("{cref}", world.scene.won)
            path = path.replace("{buyer}", world.scene.buyer.ref).replace("{clause}", "OD-05")
            path = path.replace("{name}", "rapport.docx").replace("{form}", "json").replace("{annee}", refs["year"])
            path = path.replace("{pref}", refs["part"]).replace("{aref}", refs["amendment"])
            answer = clients[reader].get(path)
            assert (answer.status_code, answer.url.path) == (200, path), route
            sent[route] = clients[reader].statements
        return sent

    few = counts()
    world.grow(MORE)
    many = counts()
    grown = {route: (few[route], many[route]) for route in PAGES if many[route] > few[route]}
    assert grown == {}
    assert 0 < max(many.values()) <= CAP


def refs_of(world: World) -> dict[str, str]:
    with transaction(world.context.database) as db:
        contract = db.query(Contract).join(Contract.consultation).filter_by(ref=world.scene.consultation).one()
        return {
            "consultation": world.scene.consultation, "won": world.scene.won, "begun": world.drafts[0],
            "contract": contract.ref, "signer": leader_of(db, contract.act).ref,
            "part": parts_of(db, contract)[0].ref, "amendment": amendments_of(db, contract)[0].ref,
            "year": str(paris_day(contract.act.signed_at).year),  # type: ignore[arg-type]
            "copy": db.query(InvoiceCopy).order_by(InvoiceCopy.id).first().ref,  # type: ignore[union-attr]
            "version": versions_of(db, world.scene.buyer.id, "OD-05")[0].ref, "writing": world.writing,
            "buyer": world.scene.buyer.ref, "open": world.open, "draft": world.draft, "closed": world.closed,
        }  # fmt: skip
