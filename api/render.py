"""Jinja2: one environment, autoescape, French formats; `page()` is how every HTML answer is made."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import StrictUndefined
from markupsafe import Markup
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from api.typography import FrenchSpaces, spaced
from dce_templates.french import number, reading
from dce_templates.markup import restore
from procurement.people import Person, Role

PARIS = ZoneInfo("Europe/Paris")
HERE = Path(__file__).parent
MONTHS = [
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
]  # fmt: skip

templates = Jinja2Templates(directory=HERE / "templates")


def french_date(value: date | datetime | str | None) -> str:
    """« 3 mars 2026 » ; instants are shown in Paris."""
    if not value:
        return "–"
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.astimezone(PARIS).date()
    day = "1er" if value.day == 1 else str(value.day)
    return f"{day} {MONTHS[value.month - 1]} {value.year}"


@lru_cache(4096)
def french_time(value: datetime | str | None) -> str:
    """« 3 mars 2026 à 17 h 00 min 05 s (heure de Paris) », seconds only where there are some."""
    if not value:
        return "–"
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    local = value.astimezone(PARIS)
    seconds = f" min {local:%S} s" if local.second else ""
    return f"{french_date(local.date())} à {local:%H} h {local:%M}{seconds} (heure de Paris)"


def euros(value: Decimal | str | int | None) -> str:
    """« 12 345,60 € » with thin no-break spaces."""
    if value is None or value == "":
        return "–"
    whole = f"{Decimal(value):,.2f}".replace(",", "\u202f").replace(".", ",")
    return f"{whole}\u00a0€"


def file_size(value: int) -> str:
    for unit in ("octets", "Ko", "Mo"):
        if value < 1000 or unit == "Mo":
            return f"{value:.0f} {unit}" if unit == "octets" else f"{value:.1f} {unit}".replace(".", ",")
        value = value / 1000  # type: ignore[assignment]
    return str(value)


@lru_cache(256)
def badge(text: str, tone: str) -> Markup:
    """The badge of `ui.html`, made once: long lists have few states."""
    made: Markup = templates.env.get_template("ui.html").module.badge(text, tone)  # type: ignore[attr-defined]
    return made


templates.env.add_extension(FrenchSpaces)
templates.env.undefined = StrictUndefined
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters.update(
    jour=french_date, heure=french_time, euros=euros, taille=file_size, apostrophes=restore, nombre=number,
    lecture=reading,
)  # fmt: skip
templates.env.globals.update(Role=Role, badge=badge)


class Fields(dict[str, Any]):
    """Field → value, where a field that nobody filled is none, not a mistake of the template."""

    def __missing__(self, name: str) -> None:
        return None


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Render with the visitor, the sandbox banner and empty errors always there."""
    person: Person | None = getattr(request.state, "person", None)
    base: dict[str, Any] = {
        "user": person,
        "sandbox": request.app.state.sandbox,
        "errors": Fields({name: spaced(said) for name, said in context.pop("errors", {}).items()}),
        "values": Fields(context.pop("values", {})),
        "flash": spaced(FLASHES.get(request.query_params.get("ok", ""), "")),
    }
    return templates.TemplateResponse(request, template, base | context, status_code=status)


# Shown after a redirect (?ok=key): only sentences written here, never text from the address.
FLASHES: dict[str, str] = {
    "enregistre": "C’est enregistré.",
    "chorus": "Le compte est gardé : la lecture commence dans un instant.",
    "chorus-arret": "La lecture est arrêtée ; ce qui est reçu reste.",
    "chorus-relire": "La lecture reprend dans un instant.",
    "portail": "Le statut sera transmis à nouveau dans un instant.",
    "oublie": "C’est retiré : vos prochaines réponses ne le reprendront plus.",
    "conteste": "Votre raison est gardée : l’acheteur la lira à côté de la réponse.",
    "revoque": "Ce jeton est révoqué : il est refusé dès maintenant.",
    "courrier": "Le courrier est demandé : son code s’écrit ici dès qu’il est arrivé au siège.",
    "prouve": "Votre appartenance est prouvée.",
    "publie": "La consultation est publiée.",
    "prolonge": "Le délai est prolongé ; les personnes connues sont prévenues.",
    "depose": "Votre réponse est déposée.",
    "tard": "Votre réponse est reçue hors délai : elle est conservée, elle ne sera pas ouverte.",
    "retire": "Votre réponse est retirée.",
    "fichier": "Le fichier est reçu.",
    "pieces": "Les pièces sont demandées à l’entreprise.",
    "propose": "La version est proposée à la relecture.",
    "approuve": "La version est approuvée : elle sert dès maintenant aux nouveaux choix.",
    "renvoye": "La version est renvoyée à son auteur, avec votre remarque.",
    "clause-retiree": "La version est retirée ; les dossiers publiés gardent leur texte.",
    "remarque": "Votre remarque est gardée.",
    "abandonne": "Le brouillon est abandonné.",
    "lu": "C’est noté : votre texte est gardé.",
    "corrige": "C’est corrigé ; rien d’autre n’a changé.",
    "motif": "Le motif est conservé au dossier.",
    "modele": "Le modèle est gardé : les prochains documents en Word le prennent.",
    "adopte": "La table est adoptée : ses règles bloquent désormais vos dossiers.",
    "ouvert": "Les plis sont ouverts.",
    "annule": "La consultation est arrêtée ; le motif est conservé.",
    "pressenti": "L’attributaire pressenti est désigné ; ses preuves sont demandées.",
    "attribue": "Le marché est attribué ; les courriers partent.",
    "signe": "La signature est vérifiée et conservée.",
    "code": "Le code part à l’adresse de votre compte.",
    "signe-code": "Votre signature simple est gardée ; l’acte porte le cachet du service.",
    "recours": "Le recours est enregistré : plus rien ne se signe jusqu’à sa fin.",
    "signes": "Chaque signature est vérifiée et conservée.",
    "requete": "La requête est conservée avec le recours.",
    "recours-fin": "La fin du recours est enregistrée.",
    "rappel": "Le rappel part aux entreprises qui n’ont pas signé.",
    "signe-main": "La signature à la main est enregistrée : conservez l’original.",
    "sous-traitant": "La déclaration est enregistrée : l’acte attend ses signatures.",
    "sous-traitant-refuse": "Le refus est enregistré ; le titulaire en lit le motif.",
    "sous-traitant-retire": "La déclaration est retirée.",
    "sous-traitant-fini": "La fin de la sous-traitance est enregistrée.",
    "notifie": "La notification part.",
    "recu": "La réception est enregistrée : le marché prend effet.",
    "facture": "La facture est contrôlée.",
    "facture-connue": "Ce fichier est déjà là : voici la copie contrôlée la première fois.",
    "decide": "La décision est enregistrée.",
    "compare": "La comparaison avec le marché a changé : relisez les écarts.",
    "imputee": "L’imputation est enregistrée. La comparaison avec le marché a changé : relisez les écarts.",
    "compare-pareil": "Rien n’a changé depuis la comparaison précédente.",
}
