"""What a modification notice compares: each point of the dossier that the documents say, in ready words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dce_templates import french
from dce_templates.dossier import Dossier

# Never told: the estimate is the buyer's own. The others only choose clauses, which are told one by one.
UNTOLD = frozenset({"estimated_amount", "subjects", "produces_data", "high_risk", "entrusted_data", "innovative"})
# Told apart, in sentences of their own.
APART = frozenset({"deadline", "questions_deadline", "clauses", "criteria", "datasets", "attachments", "deliverables"})


@dataclass(frozen=True, slots=True)
class Point:
    """`field` is the part of the dossier it covers; `words` gives its value ("" for nothing) from dossier and view."""

    field: str
    label: str
    words: Callable[[Dossier, Mapping[str, Any]], str]


def _money(value: Decimal | None) -> str:
    return "" if value is None else french.euros(value)


def _rate(value: Decimal | None) -> str:
    return "" if value is None else french.percent(value)


def _yes(value: bool) -> str:
    return "oui" if value else "non"


def _months(value: int | None) -> str:
    return french.months(value) if value else ""


def _where(dossier: Dossier) -> str:
    return "ici" if dossier.offers_received_at == "mps" else dossier.offers_received_at


def _processing(dossier: Dossier, name: str) -> str:
    value = getattr(dossier.processing, name, "")
    return value if isinstance(value, str) else " ; ".join(value)


def _lots(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for all: number, title, duration, maximum."""
    said = (
        f"n° {r['number']}, {r['title']}, {r['duration']}" + (f", {r['ceiling']}" if r["ceiling"] else "") for r in rows
    )
    return " ; ".join(said)


def beside(dossier: Dossier) -> list[Any]:
    """What lots have that no point tells."""
    told = {"number", "title", "duration_months", "ceiling", "ceiling_quantity", "estimated_amount"}
    return [lot.model_dump(exclude=told) for lot in dossier.lots]


POINTS: tuple[Point, ...] = (
    Point("launched_on", "Date de lancement", lambda d, w: w["launched_on"]),
    Point("object", "Objet", lambda d, w: d.object),
    Point("need", "Besoin", lambda d, w: d.need),
    Point("reference", "Référence", lambda d, w: d.reference),
    Point("procedure", "Procédure", lambda d, w: w["procedure"]),
    Point("nature", "Genre de contrat", lambda d, w: d.nature),
    Point("kind", "Nature des prestations", lambda d, w: w["kind"]),
    Point("cpv", "Code CPV", lambda d, w: d.cpv),
    Point("place", "Lieu d’exécution", lambda d, w: f"{d.place.label} ({d.place.code})"),
    Point("buyer", "Nom de l’acheteur", lambda d, w: d.buyer.name),
    Point("buyer", "SIRET de l’acheteur", lambda d, w: w["buyer_siret"]),
    Point("buyer", "Adresse de l’acheteur", lambda d, w: w["buyer_address"]),
    Point("buyer", "Adresse électronique de l’acheteur", lambda d, w: d.buyer.email),
    Point("buyer", "Téléphone de l’acheteur", lambda d, w: d.buyer.phone),
    Point("buyer", "Profil d’acheteur", lambda d, w: d.buyer.profile_url),
    Point("buyer", "Signataire", lambda d, w: f"{d.buyer.signatory.name}, {d.buyer.signatory.role}"),
    Point("buyer", "Comptable assignataire", lambda d, w: d.buyer.accountant),
    Point("buyer", "Délégué à la protection des données", lambda d, w: d.buyer.data_officer or ""),
    Point("court", "Tribunal compétent", lambda d, w: f"{d.court.name}, {w['court_address']}"),
    Point("publicity", "Publicité", lambda d, w: w["publicity"]),
    Point("duration_months", "Durée de la première période", lambda d, w: w["duration"]),
    Point("renewals", "Nombre de reconductions", lambda d, w: str(d.renewals)),
    Point("renewal_months", "Durée de chaque reconduction", lambda d, w: w["renewal"] if d.renewals else ""),
    Point("start_event", "Début de la durée", lambda d, w: d.start_event),
    Point("duration_reason", "Motif de la durée", lambda d, w: d.duration_reason),
    Point("ceiling", "Maximum", lambda d, w: w["ceiling"] or ""),
    Point("ccag", "CCAG", lambda d, w: w["ccag"].short),
    Point("price", "Forme du prix", lambda d, w: d.price.form),
    Point("price", "Évolution du prix", lambda d, w: d.price.kind),
    Point("price", "Formule de révision", lambda d, w: d.price.revision_formula),
    Point("price", "Indice", lambda d, w: d.price.revision_index),
    Point("price", "Périodicité de la révision", lambda d, w: _months(d.price.revision_months)),
    Point("price", "Taux de TVA", lambda d, w: w["vat_rate"]),
    Point("advance", "Avance", lambda d, w: w["advance_rate"] if d.advance.granted else "aucune"),
    Point("advance", "Avance d’une PME", lambda d, w: w["sme_rate"] if d.advance.granted else "aucune"),
    Point("retention_rate", "Retenue de garantie", lambda d, w: _rate(d.retention_rate)),
    Point("penalties", "Diviseur des pénalités", lambda d, w: w["divisor"]),
    Point("penalties", "Plafond des pénalités", lambda d, w: w["penalty_cap"]),
    Point("penalties", "Seuil d’exonération des pénalités", lambda d, w: w["penalty_exemption"]),
    Point("payment_delay_days", "Délai de paiement", lambda d, w: f"{d.payment_delay_days} jours"),
    Point("service_code", "Code service de Chorus Pro", lambda d, w: d.service_code),
    Point("lot", "Motif du lot unique", lambda d, w: d.lot.single_reason),
    Point("lot", "Lots auxquels on peut répondre", lambda d, w: str(d.lot.max_bids or "")),
    Point("lot", "Lots que l’on peut obtenir", lambda d, w: str(d.lot.max_awards or "")),
    Point("lot", "Règle qui départage entre les lots", lambda d, w: d.lot.tie_rule),
    Point("lots", "Lots", lambda d, w: _lots(w["lots"])),
    Point("variants", "Variantes permises", lambda d, w: _yes(d.variants.allowed)),
    Point("variants", "Exigences des variantes", lambda d, w: d.variants.requirements),
    Point("capacity", "Chiffre d’affaires minimal", lambda d, w: _money(d.capacity.minimum_turnover)),
    Point("capacity", "Motif du chiffre d’affaires minimal", lambda d, w: d.capacity.turnover_reason),
    Point("capacity", "Nombre de références demandées", lambda d, w: str(d.capacity.references)),
    Point("negotiation", "Négociation possible", lambda d, w: _yes(d.negotiation)),
    Point("environmental_condition", "Condition environnementale", lambda d, w: d.environmental_condition),
    Point("social_condition", "Condition sociale", lambda d, w: d.social_condition),
    Point("no_social_reason", "Motif de l’absence de condition sociale", lambda d, w: d.no_social_reason),
    Point("global_contract", "Marché global", lambda d, w: _yes(d.global_contract)),
    Point("sme_share", "Part confiée à des petites et moyennes entreprises", lambda d, w: _rate(d.sme_share)),
    Point("reserved", "Marché réservé", lambda d, w: _yes(d.reserved)),
    Point("validity_days", "Durée de validité des offres", lambda d, w: f"{d.validity_days} jours"),
    Point("offers_received_at", "Lieu de dépôt", lambda d, w: _where(d)),
    Point("backup_copy_address", "Adresse de la copie de sauvegarde", lambda d, w: d.backup_copy_address),
    Point("site_visit", "Visite du site", lambda d, w: d.site_visit),
    Point("personal_data", "Données personnelles", lambda d, w: _yes(d.personal_data)),
    Point("processing", "Finalités du traitement", lambda d, w: _processing(d, "purposes")),
    Point("processing", "Données traitées", lambda d, w: _processing(d, "data")),
    Point("processing", "Personnes concernées", lambda d, w: _processing(d, "people")),
    Point("processing", "Conservation des données", lambda d, w: _processing(d, "retention")),
    Point("processing", "Hébergement des données", lambda d, w: _processing(d, "hosting")),
    Point("public_service", "Service public", lambda d, w: _yes(d.public_service)),
    Point("data_waiver", "Dispense de remise des données", lambda d, w: d.data_waiver),
)  # fmt: skip
