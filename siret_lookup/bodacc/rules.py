"""What each nature of judgment makes of a company's situation: exact titles of the BODACC, as data.

Source: the titles of the open data set, and the rules that the Annuaire des entreprises publishes (search-infra,
workflows/data_pipelines/bodacc). Two differences, on purpose: a title that says nothing of the situation leaves the
former one in place, and a title that no rule can tell is kept aside to be read: it never means « no proceedings ».
"""

from collections.abc import Mapping
from enum import StrEnum

from siret_lookup.bodacc.notices import Notice


class Effect(StrEnum):
    """What a judgment does. The first five are situations."""

    LIQUIDATION = "liquidation"
    REDRESSEMENT = "redressement"
    REDRESSEMENT_PLAN = "redressement_plan"
    SAUVEGARDE = "sauvegarde"
    SAUVEGARDE_PLAN = "sauvegarde_plan"
    ENDED = "ended"
    NEUTRAL = "neutral"
    UNTOLD = "untold"


NATURES: Mapping[Effect, tuple[str, ...]] = {
    Effect.LIQUIDATION: (
        "Jugement d'ouverture de liquidation judiciaire",
        "Jugement d'extension de liquidation judiciaire",
        "Jugement prononçant la liquidation judiciaire",
        "Jugement de reprise de la procédure de liquidation judiciaire",
        "Jugement de conversion en liquidation judiciaire",
        "Jugement de conversion en liquidation judiciaire de la procédure de sauvegarde",
        "Jugement de conversion en liquidation judiciaire de la procédure de sauvegarde financière accélérée",
        "Jugement prononçant la résolution du plan de cession et la liquidation judiciaire",
        "Jugement prononçant la résolution du plan de redressement et la liquidation judiciaire",
        "Jugement prononçant la résolution du plan de sauvegarde et la liquidation judiciaire",
        "Jugement prononçant la résolution du plan de sauvegarde accélérée et la liquidation judiciaire",
        "Jugement prononçant la résolution du plan de sauvegarde financière accélérée et la liquidation judiciaire",
        "Jugement prononçant la résolution du plan de traitement de sortie de crise et la liquidation judiciaire",
        "Jugement mettant fin à la procédure de traitement de sortie de crise et ouvrant une procédure de "
        "liquidation judiciaire",
    ),
    Effect.REDRESSEMENT: (
        "Jugement d'ouverture d'une procédure de redressement judiciaire",
        "Jugement d'extension d'une procédure de redressement judiciaire",
        "Jugement de conversion en redressement judiciaire de la procédure de sauvegarde",
        "Jugement de conversion en redressement judiciaire de la procédure de sauvegarde financière accélérée",
        "Jugement prononçant la résolution du plan de sauvegarde et le redressement judiciaire",
        "Jugement prononçant la résolution du plan de sauvegarde financière accélérée et le redressement judiciaire",
        "Jugement prononçant la résolution du plan de traitement de sortie de crise et le redressement judiciaire",
        "Jugement mettant fin à la procédure de traitement de sortie de crise et ouvrant une procédure de "
        "redressement judiciaire",
    ),
    Effect.REDRESSEMENT_PLAN: (
        "Jugement arrêtant le plan de redressement",
        "Jugement de plan de redressement",
        "Jugement modifiant le plan de redressement",
        "Jugement modifiant le plan de continuation",
    ),
    Effect.SAUVEGARDE: (
        "Jugement d'ouverture d'une procédure de sauvegarde",
        "Jugement d'extension d'une procédure de sauvegarde",
        "Jugement d'ouverture d'une procédure de sauvegarde accélérée",
        "Jugement d'ouverture d'une procédure de sauvegarde financière accélérée",
    ),
    Effect.SAUVEGARDE_PLAN: (
        "Jugement arrêtant le plan de sauvegarde",
        "Jugement arrêtant le plan de sauvegarde accélérée",
        "Jugement arrêtant le plan de sauvegarde financière accélérée",
        "Jugement modifiant le plan de sauvegarde",
    ),
    Effect.ENDED: (
        "Jugement mettant fin à la procédure de redressement judiciaire",
        "Jugement mettant fin à la procédure de sauvegarde",
        "Jugement mettant fin à la procédure de sauvegarde financière accélérée",
    ),
    # Deposits, appointments and dates leave the proceedings where they are; bans are about a person.
    Effect.NEUTRAL: (
        "Jugement de désignation des organes de la procédure",
        "Jugement accordant un délai pour déposer la liste des créances",
        "Jugement modifiant la date de cessation des paiements",
        "Jugement arrêtant un plan de cession",
        "Jugement arrêtant le plan de cession",
        "Jugement d'interdiction de gérer",
        "Jugement d'interdiction de gérer Loi de 1985",
        "Jugement de faillite personnelle",
        "Jugement de faillite personnelle Loi de 1985",
        "Jugement prononçant la clôture de la procédure de rétablissement professionnel",
        "Liste des créances nées après le jugement d'ouverture d'une procédure de liquidation judiciaire",
        "Liste des créances nées après le jugement d'ouverture d'une procédure de redressement judiciaire",
    ),
}
# « Avis de dépôt » and the law of 1967 are not proceedings of today's commercial code.
NEUTRAL_FAMILIES = ("avis de dépôt", "loi de 1967")
CLOSING_FAMILY = "jugement de clôture"
WITHDRAWING_FAMILY = "rétractation sur tierce opposition"
# The text tells, where it names one proceeding only, and nothing that ends, undoes or concerns a person.
OPEN_TITLES = ("autre jugement prononçant", "autre jugement d'ouverture")
NAMED = {
    "liquidation judiciaire": Effect.LIQUIDATION,
    "redressement judiciaire": Effect.REDRESSEMENT,
    "sauvegarde": Effect.SAUVEGARDE,
}
DOUBTFUL = (
    *("clôtur", "met fin", "mettant fin", "mis fin", "infirm", "rétract", "résol", "plan", "rejet", "réform"),
    *("interdiction", "faillite", "extension", "n'y a pas lieu", "annul"),
)


def plain(words: str | None) -> str:
    """For comparison: one apostrophe, one space, one case, no full stop."""
    return " ".join((words or "").replace("’", "'").casefold().split()).rstrip(".")


_BY_NATURE = {plain(nature): effect for effect, natures in NATURES.items() for nature in natures}


def effect_of(notice: Notice) -> Effect:
    """What this judgment does to the company's situation."""
    nature, family = plain(notice.nature), plain(notice.family)
    if nature in _BY_NATURE:
        return _BY_NATURE[nature]
    if CLOSING_FAMILY in family:
        return Effect.ENDED
    if any(neutral in family for neutral in NEUTRAL_FAMILIES):
        return Effect.NEUTRAL
    return _from_text(plain(notice.complement)) if nature in OPEN_TITLES else Effect.UNTOLD


def _from_text(complement: str) -> Effect:
    if any(word in complement for word in DOUBTFUL):
        return Effect.UNTOLD
    named = {effect for words, effect in NAMED.items() if words in complement}
    return named.pop() if len(named) == 1 else Effect.UNTOLD
