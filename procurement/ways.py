"""Which way to sign, in one sentence for this contract and this company; and when a certificate is to be ordered."""

from dataclasses import dataclass
from datetime import date, timedelta

from dce_templates.french import day as said
from procurement.act import ENGAGEMENT
from procurement.candidacy import Candidacy
from procurement.contract import paris_day
from procurement.errors import Invalid
from procurement.rules import rule_table
from procurement.signers import Signer
from procurement.working_days import shifted

# What a company says at its deposit of its certificate; never asked of it, never shown to a buyer.
CERTIFICATES = {"yes": "Oui", "no": "Non", "unknown": "Je ne sais pas"}


@dataclass(frozen=True)
class Order:
    """What is known of ordering a qualified certificate: no law, so no row of the table of rules."""

    working_days: int
    cost: str
    source: str
    read_on: date


ORDER = Order(
    working_days=2,
    cost="il est payant, à un prix que son prestataire annonce",
    source="aide de plateformes d’acheteurs : « au moins quarante-huit heures »",
    read_on=date(2026, 11, 23),
)


def declare(candidacy: Candidacy, answer: str) -> None:
    """Keep what the company says, or nothing again. It changes nothing of its answer. Raises Invalid."""
    if answer and answer not in CERTIFICATES:
        raise Invalid({"certificate": "Choisissez une des réponses proposées."})
    candidacy.certificate = answer


def advice(signer: Signer, simple: bool, today: date) -> str:
    """One sentence: the way that applies, and where a certificate lacks, by when to order it."""
    if simple:
        return "Pour ce marché, un code reçu par courriel suffit : il ne vous faut pas de certificat."
    contract = signer.act.contract
    declared = contract.candidacy.certificate if signer.siret == contract.holder_siret else ""
    if declared == "yes":
        return (
            "Ce marché se signe avec le certificat que vous avez dit avoir, s’il est qualifié et au nom d’une personne "
            "qui engage l’entreprise."
        )
    lacking = "vous avez dit ne pas en avoir : commandez-le" if declared == "no" else "si vous n’en avez pas, commandez"
    return f"Ce marché se signe avec un certificat qualifié ; {lacking} {when(signer, today)}"


def when(signer: Signer, today: date) -> str:
    """By when to order, so that it comes before the end of the standstill where there is one."""
    end = standstill_end(signer)
    latest = shifted(end, -ORDER.working_days) if end else None
    if end and latest and latest >= today:
        return f"avant le {said(latest)} : {_wait()}, et l’acheteur ne peut pas signer avant le {said(end)}."
    return f"{ordered_today(today)}."


def ordered_today(today: date) -> str:
    """When a certificate ordered today comes at the earliest, and that it is not free."""
    return f"aujourd’hui : {_wait()}, soit le {said(shifted(today, ORDER.working_days))} au plus tôt"


def _wait() -> str:
    days = {2: "deux", 3: "trois", 4: "quatre", 5: "cinq"}.get(ORDER.working_days, str(ORDER.working_days))
    return f"comptez au moins {days} jours ouvrés ({ORDER.cost})"


def standstill_end(signer: Signer) -> date | None:
    """The first day when the buyer may sign (R2182-1), None for a procedure that has no such delay."""
    consultation = signer.act.contract.consultation
    if signer.act.kind != ENGAGEMENT or consultation.dossier.get("procedure") in ("mapa", "concession"):
        return None
    launched = date.fromisoformat(str(consultation.dossier["launched_on"]))
    figure = rule_table().in_force(launched).figures.get("standstill_days")
    return paris_day(signer.act.created_at) + timedelta(days=int(figure.value)) if figure else None
