"""The first page and the papers every public service shows."""

from collections.abc import Mapping
from functools import cache

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import db as database
from api import isolate
from api.auth import PUBLIC
from api.context import Context, Ctx
from api.cursor import Cursor
from api.db import Db
from api.demo import COMPANIES, PASSWORD, PEOPLE
from api.downloads import attachment
from api.guard import from_this_machine
from api.kept import for_strangers, until_next
from api.letters import paper_of
from api.render import page
from api.sandbox.companies import book
from procurement.consultation import public_list
from procurement.errors import NotFound
from procurement.letter import find_letter, waiting_letters
from procurement.mail import latest_mail
from procurement.pieces import CAPACITY, ON_MOTIVE, WINNER
from siret_lookup.catalogue import PIECES
from siret_lookup.outcome import Outcome
from siret_lookup.sources import insee_etablissement
from siret_lookup.words import LABELS

router = APIRouter(include_in_schema=False)
PAGE = 20

# /aide/<slug> → its template.
HELP: Mapping[str, str] = {
    "entreprise": "home/help_company.html",
    "acheteur": "home/help_officer.html",
    "juriste": "home/help_lawyer.html",
    "finances": "home/help_finance.html",
    "pieces": "home/help_pieces.html",
}
# Outcome → what it means, what the buyer can do (/aide/pieces).
READING: Mapping[Outcome, tuple[str, str]] = {
    Outcome.OBTAINED: (
        "L’organisme a répondu, ou délivré le document, à la date dite. Il a pu le faire avec un échéancier ou un "
        "recours en cours : ce n’est pas la preuve que tout est payé.",
        "Lire le document, vérifier sa date. Rien à demander à l’entreprise (R2143-13).",
    ),
    Outcome.REFUSED_BY_AUTHORITY: (
        "L’organisme connaît l’entreprise et ne délivre pas l’attestation aujourd’hui.",
        "Interroger l’attributaire pressenti et fixer un délai : une régularisation avant votre décision compte "
        "(L2141-2, R2144-4, R2144-7).",
    ),
    Outcome.OUT_OF_SCOPE: (
        "Le service ne répond pas pour ce genre d’entreprise. Aucune conclusion possible.",
        "Demander à l’attributaire pressenti la pièce équivalente, nommée à côté.",
    ),
    Outcome.NOT_FOUND: (
        "Aucun document à ce numéro. L’entreprise est peut-être hors du champ, récente, ou connue autrement.",
        "Ne rien en conclure : cela ne peut pas, seul, fonder un rejet. Demander la pièce au besoin.",
    ),
    Outcome.WITHHELD_BY_LAW: (
        "La loi empêche l’organisme de transmettre ces données.",
        "Lire ce que l’entreprise a saisi elle-même, et ne pas le diffuser.",
    ),
    Outcome.UNAVAILABLE: (
        "Panne, maintenance ou examen en cours chez l’organisme. L’entreprise n’y est pour rien.",
        "Attendre : le service réessaie à l’heure dite. Après huit essais, demander la pièce à l’entreprise.",
    ),
    Outcome.NOT_APPLICABLE: (
        "L’organisme n’a pas été interrogé : d’après Sirene ou la nature du marché, il n’avait rien à répondre.",
        "Lire la raison ; demander quand même, avec un motif, si elle est fausse.",
    ),
    Outcome.GIVEN_BY_CANDIDATE: (
        "L’entreprise, à votre demande, a fourni la pièce elle-même. Elle n’a pas été vérifiée auprès de "
        "l’organisme, dont la réponse reste à côté.",
        "La vérifier avec son code de contrôle, s’il y en a un.",
    ),
    Outcome.NOT_AUTHORISED: (
        "Votre habilitation ne couvre pas cette donnée, ou votre jeton a expiré. L’entreprise n’y est pour rien.",
        "Prévenir votre administrateur ; en attendant, demander la pièce.",
    ),
}
# Companies of the sandbox worth trying first: name in api/sandbox/companies.yaml → what a person will see.
TELLING: Mapping[str, str] = {
    "BOULANGERIE TOUT VA BIEN": "Toutes les pièces sont obtenues.",
    "MAÇONNERIE URSSAF REFUSE": "L’Urssaf ne délivre pas l’attestation de vigilance.",
    "NETTOYAGE URSSAF EN PANNE": "L’Urssaf ne répond pas : la réponse se dépose quand même.",
    "JEANNE DISCRÈTE": "L’entrepreneuse a choisi de ne pas rendre publiques toutes ses informations.",
    "MARIE MICRO": "Une micro-entreprise que plusieurs administrations ne connaissent pas.",
    "ATELIER CESSÉ": "L’entreprise a cessé son activité.",
}


@router.get("/", dependencies=[Depends(PUBLIC)])
async def home(request: Request, ctx: Ctx) -> Response:
    return await for_strangers(request, lambda: _home(request, ctx))


def _home(request: Request, ctx: Context) -> tuple[Response, float]:
    with database.reading(ctx.database) as db:
        found, now = public_list(db, "", None, 10), database.now(db)
    open_now = [c for c in found if c.receives(now)][:5]
    shown = page(request, "home/home.html", consultations=open_now)
    return shown, until_next((c.deadline for c in found), now)


@router.get("/mentions-legales", dependencies=[Depends(PUBLIC)])
def legal(request: Request) -> Response:
    return page(request, "home/legal.html")


@router.get("/donnees-personnelles", dependencies=[Depends(PUBLIC)])
def privacy(request: Request) -> Response:
    return page(request, "home/privacy.html", fetched=fetched_rows())


@router.get("/accessibilite", dependencies=[Depends(PUBLIC)])
def accessibility(request: Request) -> Response:
    return page(request, "home/accessibility.html")


@router.get("/aide", dependencies=[Depends(PUBLIC)])
def help_page(request: Request) -> Response:
    shown = {"companies": trial_companies(), "people": PEOPLE, "password": PASSWORD, "accounts": list(COMPANIES)}
    trial = shown if request.app.state.sandbox else {}
    return page(request, "home/help.html", trial=trial)


@router.get("/aide/{slug}", dependencies=[Depends(PUBLIC)])
def help_for(request: Request, slug: str) -> Response:
    if slug not in HELP:
        raise NotFound
    return page(request, HELP[slug], outcomes=[(LABELS[outcome], *said) for outcome, said in READING.items()])


def fetched_rows() -> list[tuple[str, str, str]]:
    """(what, from whom, when) for each source that is called: written from the code, so that it stays true."""
    places = (
        "Liste des établissements",
        "Recherche d’entreprises",
        "Si vous n’écrivez que neuf chiffres, préparez votre dossier ou prouvez une appartenance",
    )
    return [places, *((s.title, s.provider, _moment(s.key)) for s in PIECES.values() if _moment(s.key))]


def _moment(key: str) -> str:
    if key == insee_etablissement.OPEN.key:
        return "Dès que le SIRET est écrit : ce sont des données publiques"
    if key in CAPACITY:
        return "Après l’ouverture des plis, pour chaque réponse reçue"
    if key in ON_MOTIVE:
        return "Seulement si l’acheteur écrit en quoi le marché l’exige"
    return "Pour l’attributaire pressenti seulement" if key in WINNER else ""


@cache
def trial_companies() -> list[tuple[str, str, str]]:
    """(SIRET, name, what it shows) of the sandbox's telling companies."""
    sirets = {company.name: company.head_office.siret for company in book().companies}
    return [(sirets[name], name, shown) for name, shown in TELLING.items()]


@router.get("/boite", dependencies=[Depends(PUBLIC)])
def trial_box(request: Request, db: Db, ctx: Ctx, avant: Cursor = None) -> Response:
    """The « boîte d’essai »: what would leave by mail and by post."""
    _trial_only(request, ctx)
    letters = [letter for letter in waiting_letters(db, None, PAGE) if letter.code_sealed] if avant is None else []
    return page(request, "home/box.html", mails=latest_mail(db, avant, PAGE), letters=letters, size=PAGE)


def _trial_only(request: Request, ctx: Context) -> None:
    """In the sandbox, without a mail server, from this machine: codes are shown."""
    if ctx.settings.smtp_url is not None or not request.app.state.sandbox or not from_this_machine(request):
        raise NotFound


@router.get("/boite/courriers/{ref}", dependencies=[Depends(PUBLIC)])
def trial_letter(request: Request, ctx: Ctx, ref: str) -> Response:
    """The letter that would be posted, until the operator has taken it out."""
    _trial_only(request, ctx)
    with database.reading(ctx.database) as db:
        letter, now = find_letter(db, ref), database.now(db)
        if letter.code_sealed is None:
            raise NotFound
        words = paper_of(ctx, db, letter, now)
    return attachment(isolate.run("api.letter_pdf:render", words, now), f"courrier-{ref}.pdf", "application/pdf")
