"""The web application: routes, guards, static files. Settings and services are arguments."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api import errors
from api.context import Context
from api.db import connect
from api.guard import Guard
from api.kept import Kept
from api.pages import (
    account,
    administration,
    appeals,
    applying,
    attestations,
    award,
    belonging,
    buyer,
    buyer_check,
    buyer_clauses,
    buyer_draft,
    buyer_pieces,
    buyer_publish,
    buyer_reread,
    candidacies,
    candidacy_files,
    chorus,
    clause_library,
    clause_remarks,
    clause_versions,
    companies,
    consultations,
    contract_amendments,
    contract_assignments,
    contract_documents,
    contract_ending,
    contract_engagements,
    contract_parts,
    contract_prices,
    contract_receptions,
    contract_terms,
    contracts,
    data_push,
    deliveries,
    essential,
    given_pieces,
    health,
    home,
    how_to_verify,
    invoice_deciding,
    invoices,
    ledger,
    letters,
    mandates,
    minutes,
    oidc,
    open_data,
    opening,
    own_pieces,
    payments,
    pes,
    pli,
    pli_prices,
    portable,
    powers,
    signing,
    signing_batch,
    simple_signing,
    space,
    subcontracts,
    thresholds,
    trust_lists,
    verify,
    winner,
    winner_billing,
    winner_invoice,
    winner_subcontracts,
    word_model,
    yearly_list,
)
from api.settings import ROOT, Settings
from api.storage import Storage
from api.v1 import candidacies as v1_candidacies
from api.v1 import consultations as v1_consultations
from api.v1 import contracts as v1_contracts
from api.v1 import invoices as v1_invoices

# Routes that stream a file have their own cap (api/uploads.py). Whole paths: a part would lift the cap of any
# other route where a caller can write that word, before anyone asked who they are.
STREAMING = (
    r"/candidatures/[^/]+/fichiers/[^/]+",
    r"/acheteur/consultations/[^/]+/joindre",
    r"/administration/[^/]+/modele-word",
    r"/candidatures/[^/]+/contrat/signature-recue",
    r"/signatures/[^/]+/fichier",
    r"/acheteur/consultations/[^/]+/attribuer/recours/[^/]+/requete",
    r"/candidatures/[^/]+/pieces-demandees/[^/]+",
    r"/candidatures/[^/]+/donnees/[^/]+",
    r"/verifier/fichiers",
    r"/mon-dossier/dume",
    r"/contrats/[^/]+/prix/fichier",
    r"/factures/copie",
    r"/factures/paiements",
    r"/contrats/engagements",
    r"/contrats/[^/]+/commandes/[^/]+/(affermir|abandonner|terminer|lignes)",
    r"/contrats/[^/]+/modifications/[^/]+/(accepter|notifier)",
    r"/contrats/[^/]+/cessions",
    r"/contrats/[^/]+/cessions/[^/]+/lever",
    r"/contrats/[^/]+/service-fait",
    r"/contrats/[^/]+/fin(/decompte|/decompte/suite|/retenue)?",
    r"/contrats/[^/]+/documents",
    r"/api/v1/invoices",
)

# The first match wins and each miss costs: what strangers read most comes first.
ROUTERS: list[APIRouter] = [
    consultations.router,
    home.router,
    health.router,
    account.router,
    oidc.router,
    belonging.router,
    letters.router,
    trust_lists.router,
    administration.router,
    powers.router,
    word_model.router,
    chorus.router,
    award.router,
    appeals.router,
    contract_engagements.router,  # « /contrats/engagements » before « /contrats/{ref} »
    contracts.router,
    contract_prices.router,
    data_push.router,
    essential.router,
    contract_terms.router,
    contract_parts.router,
    contract_amendments.router,
    contract_assignments.router,
    contract_receptions.router,
    contract_ending.router,
    contract_documents.router,
    deliveries.router,
    winner.router,
    subcontracts.router,
    winner_subcontracts.router,
    signing_batch.router,
    signing.router,
    simple_signing.router,
    how_to_verify.router,
    verify.router,
    buyer_draft.router,
    buyer_pieces.router,
    buyer_check.router,
    buyer_clauses.router,
    clause_library.router,
    clause_remarks.router,
    clause_versions.router,
    buyer_publish.router,
    buyer_reread.router,
    buyer.router,
    companies.router,
    applying.router,
    candidacies.router,
    candidacy_files.router,
    opening.router,
    minutes.router,
    given_pieces.router,
    own_pieces.router,
    pli.router,
    pli_prices.router,
    portable.router,
    space.router,
    attestations.router,
    payments.router,
    mandates.router,
    invoices.router,
    invoice_deciding.router,
    ledger.router,
    pes.router,
    thresholds.router,
    winner_billing.router,
    winner_invoice.router,
    v1_consultations.router,
    v1_candidacies.router,
    v1_contracts.router,
    v1_invoices.router,
    yearly_list.router,
    open_data.router,
]


def origin(url: str) -> str:
    """`https://host:port` of an address, "" of none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def create_app(settings: Settings, sandbox: bool = True, **services: str) -> FastAPI:
    """Build the application. `services` overrides the URLs of remote services (the sandbox's, in the demonstration)."""
    database = connect(settings.database_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        database.dispose()

    app = FastAPI(
        title="mps",
        version="0.1.0",
        description="Marchés publics simplifiés : candidater avec un SIRET, jusqu’à la facture rapprochée.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = Context(settings, database, Storage(settings.storage_url), services)
    app.state.database = database
    app.state.kept = Kept()
    app.state.sandbox = sandbox
    # Not `include_router`: it builds every route anew for each application, and wraps each match.
    app.router.routes.extend(route for router in ROUTERS for route in router.routes)
    errors.install(app)
    app.router.routes.append(
        Mount("/static/vendor", StaticFiles(directory=ROOT / "build" / "static", check_dir=False), name="vendor")
    )
    app.router.routes.append(Mount("/static", StaticFiles(directory=ROOT / "api" / "static"), name="static"))
    app.add_middleware(
        Guard,
        streaming=STREAMING,
        secure=settings.public_url.startswith("https://"),
        sign_out=origin(settings.oidc_issuer or ""),
    )
    return app
