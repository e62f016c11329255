"""States, remaining time and register lines, in the words that pages use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from api.render import PARIS, french_date, french_time
from procurement.consultation import Consultation, Listed
from procurement.events import Event


class Shown(NamedTuple):
    """A state as a badge: words and tone (api/templates/ui.html)."""

    text: str
    tone: str


_STATES: Mapping[str, Shown] = {
    "draft": Shown("Brouillon", "neutral"),
    "opened": Shown("Ouverte, analyse en cours", "info"),
    "intended": Shown("Attributaire pressenti", "info"),
    "awarded": Shown("Attribuée", "success"),
    "signed": Shown("Signée", "success"),
    "notified": Shown("Notifiée", "success"),
    "cancelled": Shown("Annulée", "danger"),
    "abandoned": Shown("Sans suite", "danger"),
}


def state_of(consultation: Consultation | Listed, now: datetime) -> Shown:
    """Dates decide: published and past its deadline is closed, whatever the row says."""
    if consultation.state != "published":
        return _STATES[consultation.state]
    if consultation.closed(now):
        return Shown("Close, plis scellés", "waiting")
    return Shown("Publiée, réponses ouvertes", "success")


def public_state_of(consultation: Consultation | Listed, now: datetime) -> Shown:
    """What anyone may know: between the deadline and the decision, only that it is closed."""
    if consultation.state in ("opened", "intended"):
        return Shown("Close, analyse en cours", "waiting")
    if consultation.state in ("signed", "notified"):
        return _STATES["awarded"]
    return state_of(consultation, now)


def to_the_second(moment: datetime) -> str:
    """« 15 janvier 2027 à 12 h 00 min 00 s, heure de Paris » : a deadline falls at its second."""
    local = moment.astimezone(PARIS)
    return f"{french_date(local.date())} à {local:%H} h {local:%M} min {local:%S} s, heure de Paris"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' if number > 1 and not unit.endswith('s') else ''}"


def time_left(deadline: datetime, now: datetime) -> str:
    """« 3 jours et 4 heures » : the two largest units that count."""
    seconds = int((deadline - now).total_seconds())
    if seconds <= 0:
        return "aucun : la date limite est passée"
    parts = [(seconds // 86400, "jour"), (seconds % 86400 // 3600, "heure"), (seconds % 3600 // 60, "minute")]
    said = [_count(number, unit) for number, unit in parts if number]
    return " et ".join(said[:2]) if said else "moins d’une minute"


_EVENTS: Mapping[str, str] = {
    "consultation.created": "Brouillon créé",
    "consultation.published": "Consultation publiée",
    "consultation.extended": "Délai prolongé",
    "consultation.shortened": "Délai raccourci par la démonstration",
    "consultation.remark_settled": "Remarque réglée sur une clause",
    "consultation.piece_added": "Pièce jointe au dossier",
    "consultation.piece_removed": "Pièce retirée du dossier",
    "consultation.passed_over": "Contrôle passé outre",
    "consultation.cancelled": "Consultation annulée",
    "consultation.abandoned": "Procédure déclarée sans suite",
    "consultation.opened": "Plis ouverts, ou retour à l’analyse",
    "consultation.intended": "Attributaire pressenti désigné",
    "consultation.sealed": "Document revêtu du cachet du service",
    "pieces.requested": "Pièces demandées à l’attributaire pressenti",
    "piece.given": "Pièce fournie par l’entreprise",
    "consultation.awarded": "Marché attribué",
    "consultation.signed": "Marché signé",
    "consultation.notified": "Marché notifié",
    "candidacy.created": "Réponse commencée",
    "candidacy.submitted": "Réponse déposée",
    "candidacy.late": "Réponse reçue hors délai, non ouverte",
    "candidacy.replaced": "Réponse remplacée",
    "candidacy.withdrawn": "Réponse retirée",
    "candidacy.contested": "Une réponse d’organisme est contestée",
    "candidacy.sealed": "Récépissé revêtu du cachet du service",
    "candidacy.purged": "Brouillon jamais déposé, effacé",
    "pieces.asked": "Pièces demandées",
    "piece.settled": "Pièce reçue ou classée",
    "piece.waiting": "Pièce redemandée",
    "act.opened": "Acte à signer préparé",
    "act.signed": "Acte signé par toutes les parties",
    "act.withdrawn": "Acte à signer retiré",
    "subcontract.declared": "Sous-traitant déclaré",
    "subcontract.accepted": "Sous-traitant accepté",
    "subcontract.refused": "Sous-traitant refusé",
    "subcontract.withdrawn": "Déclaration de sous-traitance retirée",
    "subcontract.replaced": "Sous-traitance modifiée par un autre acte",
    "subcontract.ended": "Sous-traitance terminée",
    "signer.asked": "Signature demandée",
    "signer.reminded": "Signature rappelée",
    "signer.code_sent": "Code de signature simple envoyé",
    "signer.signed": "Signature reçue",
    "signer.refused": "Signature refusée",
    "signer.waiting": "Refus de signer retiré",
    "contract.created": "Acte d’engagement préparé",
    "contract.signed": "Acte d’engagement signé reçu et vérifié",
    "contract.notified": "Notification envoyée",
    "contract.in_effect": "Notification reçue, marché en vigueur",
    "contract.renewal": "Preuves du titulaire redemandées",
    "contract.service": "Code service modifié",
    "contract.ended": "Marché terminé",
    "terms.written": "Conditions financières écrites",
    "engagement.kept": "Engagement enregistré",
    "engagement.closed": "Engagement clos",
    "engagement.imported": "Engagements importés du logiciel financier",
    "index.written": "Valeur d’indice écrite",
    "bankaccount.proposed": "Compte bancaire proposé",
    "bankaccount.confirmed": "Compte bancaire confirmé",
    "bankaccount.refused": "Compte bancaire écarté",
    "bankaccount.closed": "Compte bancaire fermé",
    "part.planned": "Tranche ou commande écrite",
    "part.lines": "Lignes de prix de la commande écrites",
    "part.affirmed": "Tranche affermie ou commande passée",
    "part.dropped": "Tranche ou commande abandonnée",
    "part.ended": "Tranche ou commande terminée",
    "essential.published": "Données essentielles publiées",
    "essential.held": "Données essentielles à compléter",
    "essential.waiting": "Données essentielles complétées",
    "essential.appended": "Acte ajouté aux données essentielles",
    "amendment.drafted": "Modification écrite",
    "amendment.agreed": "Modification acceptée",
    "amendment.notified": "Modification notifiée",
    "amendment.dropped": "Modification abandonnée",
    "assignment.notified": "Cession, nantissement ou opposition notifiée",
    "assignment.released": "Mainlevée reçue",
    "assignability.issued": "Certificat de cessibilité délivré",
    "assignability.returned": "Certificat de cessibilité rendu",
    "reception.done": "Service fait constaté",
    "reception.cancelled": "Service fait annulé",
    "finalaccount.asked": "Projet de décompte final reçu",
    "finalaccount.notified": "Décompte général notifié",
    "finalaccount.contested": "Décompte général contesté",
    "finalaccount.definitive": "Décompte général définitif",
    "prices.kept": "Prix du marché enregistrés",
    "paper.kept": "Document joint au marché",
    "invoicecopy.received": "Copie de facture contrôlée",
    "invoicecopy.attached": "Facture rattachée au marché",
    "invoicecopy.compared": "Facture comparée de nouveau au marché",
    "invoicecopy.detached": "Facture rattachée à un autre marché",
    "invoicecopy.reception": "Date de réception de la facture écrite",
    "invoicecopy.imputed": "Facture rattachée à une tranche ou à un engagement",
    "contract.ceiling_near": "Plafond du marché bientôt atteint",
    "pessending.made": "Fiche du marché préparée pour le comptable",
    "pessending.sent": "Fiche du marché transmise au comptable",
    "pessending.acked": "Fiche du marché acquittée par le comptable",
    "pessending.refused": "Fiche du marché refusée par le comptable",
    "invoicecopy.approved": "Facture approuvée",
    "invoicecopy.to_confirm": "Facture proposée à une seconde personne",
    "invoicecopy.completed": "Pièce manquante reçue, délai repris",
    "invoicecopy.paid": "Facture payée",
    "invoicecopy.partial": "Facture approuvée en partie",
    "invoicecopy.sent_back": "Facture renvoyée pour correction",
    "invoicecopy.held": "Facture suspendue",
    "invoicecopy.refused": "Facture rejetée",
    "invoicecopy.replaced": "Copie remplacée par la facture déposée",
    "invoicecopy.told": "Statut transmis à Chorus Pro",
    "invoicecopy.not_told": "Statut refusé par Chorus Pro",
    "consultation.changed": "Consultation modifiée",
    "appeal.received": "Recours reçu",
    "appeal.file": "Requête jointe au recours",
    "appeal.ended": "Recours terminé",
    "signature.stamped_again": "Acte signé horodaté de nouveau",
    "deliveries.planned": "Remises de données prévues",
    "delivery.received": "Données reçues",
    "delivery.accepted": "Données acceptées",
    "delivery.returned": "Données à corriger",
    "delivery.released": "Données publiées",
    "delivery.withdrawn": "Données retirées",
}


class Line(NamedTuple):
    """One line of the register, said."""

    at: str
    what: str
    detail: str
    who: str


def _detail(event: Event) -> str:
    data: dict[str, Any] = event.data
    if event.kind in ("consultation.extended", "consultation.shortened"):
        dates = f"du {french_time(data['before'])} au {french_time(data['after'])}"
        if "files" not in data:
            return dates
        files, former = _hashes(data["files"]), _hashes(data["files_before"])
        return f"{dates} ; version {data['version']} : {files} ; remplace : {former}"
    if event.kind == "consultation.published":
        return _hashes(data.get("files", {}))
    said = [
        str(data[key]) for key in ("reason", "motive", "amount", "candidacy", "name", "key", "outcome") if data.get(key)
    ]
    if data.get("certified"):
        said.append("aucun service fait n’étant constaté, qui approuve le certifie")
    if event.kind == "consultation.passed_over":
        return f"{event.subject} : {' '.join(said)}"
    if event.kind.startswith(("candidacy.", "piece")):
        said.insert(0, event.subject)
    return " – ".join(said)


def _hashes(files: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({sha256[:12]}…)" for name, sha256 in files.items())


def _who(actor: str) -> str:
    if actor == "worker":
        return "le service"
    return "un candidat" if actor.startswith("account:") else actor


def register_line(event: Event) -> Line:
    """A register's line for its reader."""
    return Line(french_time(event.at), said_of(event.kind), _detail(event), _who(event.actor))


def said_of(kind: str) -> str:
    """An event's kind in French; as it is where an older release wrote one that is gone."""
    return _EVENTS.get(kind, kind)


def open_lines(consultation: Consultation, events: list[Event]) -> list[Event]:
    """Until the opening the register must not betray who answers, nor how many (R2132-9)."""
    if consultation.opened_at is not None:
        return events
    return [event for event in events if event.kind.startswith("consultation.")]
