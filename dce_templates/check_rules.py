"""The tests about criteria, dates and money, and the registry of all of them: rule id → test."""

from collections.abc import Iterator
from decimal import Decimal

from dce_templates import french
from dce_templates.check_clauses import CLAUSE_CHECKS
from dce_templates.check_contract import CONTRACT_CHECKS
from dce_templates.check_lots import LOT_CHECKS
from dce_templates.check_money import MONEY_CHECKS
from dce_templates.check_tools import Check, Context, Problem, eu_threshold


def weights(c: Context) -> Iterator[Problem]:
    total = sum((item.weight for item in c.dossier.criteria), Decimal(0))
    if total != 100:
        yield Problem(
            f"La somme des poids des critères est {french.number(total)}, et non 100.",
            "Corrigez les poids pour que leur somme soit 100.",
            "criteria",
        )
    for index, item in enumerate(c.dossier.criteria):
        if item.weight == 0:
            yield Problem(
                f"Le critère « {item.label} » a un poids nul.",
                "Donnez-lui un poids, ou retirez-le.",
                f"criteria.{index}.weight",
            )


def subweights(c: Context) -> Iterator[Problem]:
    for index, item in enumerate(c.dossier.criteria):
        total = sum((sub.weight for sub in item.subcriteria), Decimal(0))
        if item.subcriteria and total != item.weight:
            yield Problem(
                f"Les sous-critères de « {item.label} » totalisent {french.number(total)},"
                f" et le critère {french.number(item.weight)}.",
                "Faites coïncider la somme des sous-critères et le poids du critère.",
                f"criteria.{index}.subcriteria",
            )


def environmental_criterion(c: Context) -> Iterator[Problem]:
    if not {item.kind for item in c.dossier.criteria} & {"environmental", "global_cost"}:
        yield Problem(
            "Aucun critère ne prend en compte les caractéristiques environnementales de l'offre.",
            "Ajoutez un critère environnemental pondéré, ou retenez le coût global comme critère.",
            "criteria",
        )


def price_only(c: Context) -> Iterator[Problem]:
    if c.dossier.criteria and {item.kind for item in c.dossier.criteria} == {"price"}:
        yield Problem(
            "Le prix est le seul critère de jugement.",
            "Ajoutez d'autres critères, ou retenez un critère unique de coût global.",
            "criteria",
        )


def environmental_condition(c: Context) -> Iterator[Problem]:
    if not c.dossier.environmental_condition:
        yield Problem(
            "Aucune condition d'exécution ne prend en compte l'environnement.",
            "Rédigez une condition environnementale liée à l'objet du marché.",
            "environmental_condition",
        )


def social_condition(c: Context) -> Iterator[Problem]:
    dossier = c.dossier
    if dossier.social_condition or dossier.no_social_reason:
        return
    if dossier.estimated_amount >= _threshold(c):
        yield Problem(
            "Aucune condition sociale n'est prévue et aucun motif ne l'explique.",
            "Rédigez une condition sociale, ou donnez le motif de son absence.",
            "social_condition",
        )


def deadline_past(c: Context) -> Iterator[Problem]:
    if c.dossier.deadline <= c.now or c.dossier.deadline.astimezone(french.PARIS).date() <= c.dossier.launched_on:
        yield Problem(
            f"La date limite de réception, le {french.moment(c.dossier.deadline)}, est passée ou précède le lancement.",
            "Choisissez une date limite à venir, après le lancement.",
            "deadline",
        )


def deadline_short(c: Context) -> Iterator[Problem]:
    days = (c.dossier.deadline.astimezone(french.PARIS).date() - c.dossier.launched_on).days
    if c.dossier.procedure == "mapa" and 0 < days < c.figure("mapa_usual_days"):
        yield Problem(
            f"Les entreprises disposent de {days} jours pour répondre ;"
            f" l'usage est d'au moins {french.number(c.figure('mapa_usual_days'))}.",
            "Reportez la date limite, ou gardez trace de ce qui justifie ce délai.",
            "deadline",
        )


def questions_late(c: Context) -> Iterator[Problem]:
    asked = c.dossier.questions_deadline
    if asked is not None and asked >= c.dossier.deadline:
        yield Problem(
            "La date limite des questions n'est pas antérieure à celle des plis.",
            "Avancez la date limite des questions.",
            "questions_deadline",
        )


def variants(c: Context) -> Iterator[Problem]:
    if c.dossier.variants.allowed and not c.dossier.variants.requirements:
        yield Problem(
            "Les variantes sont autorisées sans exigences minimales.",
            "Indiquez ce que toute variante doit respecter, ou n'autorisez pas les variantes.",
            "variants.requirements",
        )


def _threshold(c: Context) -> Decimal:
    return c.figure(eu_threshold(c.dossier.buyer, c.dossier.kind, c.dossier.concedes))


def procedure_threshold(c: Context) -> Iterator[Problem]:
    limit = _threshold(c)
    if c.dossier.procedure == "mapa" and c.dossier.estimated_amount >= limit:
        yield Problem(
            f"La valeur estimée, {french.euros(c.dossier.estimated_amount)} HT, atteint le seuil"
            f" européen de {french.euros(limit)} HT.",
            "Choisissez une procédure formalisée, ou vérifiez l'estimation.",
            "procedure",
        )


def dispensation(c: Context) -> Iterator[Problem]:
    limit = c.figure("dispensation_works" if c.dossier.kind == "works" else "dispensation_others")
    if c.dossier.estimated_amount < limit:
        yield Problem(
            f"La valeur estimée est inférieure à {french.euros(limit)} HT.",
            "Rien à corriger : la procédure adaptée reste un choix possible.",
            "estimated_amount",
        )


def publicity(c: Context) -> Iterator[Problem]:
    """Formal procedures publish in the JOUE as well: their own forms say so. R2131-12 is of marchés alone."""
    if c.dossier.concedes:
        return
    limit = c.figure("publicity_threshold")
    if c.dossier.estimated_amount >= limit and not {"boamp", "jal"} & set(c.dossier.publicity):
        yield Problem(
            f"La valeur estimée atteint {french.euros(limit)} HT et l'avis n'est prévu ni au BOAMP ni dans un journal"
            " d'annonces légales.",
            "Ajoutez le BOAMP ou un journal d'annonces légales.",
            "publicity",
        )


CHECKS: dict[str, Check] = {
    "weights": weights,
    "subweights": subweights,
    "environmental_criterion": environmental_criterion,
    "price_only": price_only,
    "environmental_condition": environmental_condition,
    "social_condition": social_condition,
    "deadline_past": deadline_past,
    "deadline_short": deadline_short,
    "questions_late": questions_late,
    "variants": variants,
    "procedure_threshold": procedure_threshold,
    "dispensation": dispensation,
    "publicity": publicity,
    **LOT_CHECKS,
    **CONTRACT_CHECKS,
    **MONEY_CHECKS,
    **CLAUSE_CHECKS,
}
