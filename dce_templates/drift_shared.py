"""The amounts, dates and names that several documents write alike, because one field of the dossier gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

from dce_templates import french
from dce_templates.dossier import Dossier
from dce_templates.law import Figure
from dce_templates.view import view


@dataclass(frozen=True, slots=True)
class Shared:
    """`text` comes from `field`; a short one is only looked for where the article also says `about`."""

    field: str
    label: str
    text: str
    about: str = ""


def shared_words(dossier: Dossier, figures: Mapping[str, Figure]) -> tuple[Shared, ...]:
    """What must agree, where the dossier says it."""
    said = view(dossier, figures)
    rows = (
        Shared("reference", "la référence", dossier.reference),
        Shared("object", "l’objet", dossier.object),
        Shared("buyer.name", "le nom de l’acheteur", dossier.buyer.name),
        Shared("buyer.siret", "le SIRET de l’acheteur", said["buyer_siret"]),
        Shared("cpv", "le code CPV", dossier.cpv),
        Shared("deadline", "la date limite des plis", said["deadline"]),
        Shared("questions_deadline", "la date limite des questions", said["questions_deadline"]),
        Shared("launched_on", "la date de lancement", said["launched_on"]),
        Shared("capacity.minimum_turnover", "le chiffre d’affaires minimal", said["minimum_turnover"]),
        Shared("ceiling", "le maximum", said["ceiling"] or ""),
    )
    return tuple(item for item in (*rows, *_short(dossier, said)) if item.text)


def _short(dossier: Dossier, said: Mapping[str, str]) -> tuple[Shared, ...]:
    """A number and a unit, which mean nothing apart from what they are about."""
    advance = said["advance_rate"] if dossier.advance.granted else ""
    total = said["total_duration"] if dossier.renewals else ""
    better = said["sme_rate"] if advance and said["sme_differs"] else ""
    weights = (
        Shared("criteria", f"le poids du critère « {item.label} »", f"{french.number(item.weight)} %", item.label)
        for item in dossier.criteria
    )
    return (
        Shared("duration_months", "la durée", said["duration"], "dur"),
        Shared("renewals", "la durée totale", total, "dur"),
        Shared("validity_days", "la durée de validité des offres", f"{dossier.validity_days} jours", "offres"),
        Shared("payment_delay_days", "le délai de paiement", f"{dossier.payment_delay_days} jours", "paiement"),
        Shared("advance.rate", "le taux de l’avance", advance, "avance"),
        Shared("advance.sme_rate", "le taux de l’avance pour une PME", better, "avance"),
        Shared("retention_rate", "la retenue de garantie", said["retention_rate"], "retenue"),
        Shared("penalties.cap", "le plafond des pénalités", said["penalty_cap"], "pénalité"),
        Shared("penalties.exemption", "le seuil d’exonération des pénalités", said["penalty_exemption"], "pénalité"),
        *weights,
    )
