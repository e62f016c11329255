"""Papers that the service writes from a contract's rows: order, certificat de cessibilité; api/mandate_report.py writes
one more. api/contract_paper_pdf.py draws them in a worker process.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from api.render import euros, french_date
from procurement.contract import Contract, paris_day
from procurement.execution.assignments import Certified
from procurement.execution.engagements import Engagement
from procurement.execution.order_lines import OrderLine
from procurement.execution.parties import Party
from procurement.execution.parts import Part
from procurement.execution.terms import Terms

Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Section:
    """A heading and its table. `widths` are shares of the page's width; the columns in `right` hold numbers."""

    name: str
    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ("Élément", "Valeur")
    widths: Sequence[int] = (1, 2)
    right: Sequence[int] = ()


@dataclass(frozen=True)
class ContractPaper:
    """What the paper says, in words. `lead` stands out; `sign`: who signs it in ink, "" for nobody."""

    title: str
    reference: str
    author: str
    lead: str
    sections: list[Section]
    words: list[str]
    sign: str


def _buyer(contract: Contract) -> Rows:
    buyer = contract.organisation
    return [("Acheteur", buyer.name), ("SIRET de l’acheteur", buyer.siret), ("Adresse", buyer.address or "–")]


def _contract(contract: Contract) -> Rows:
    return [("Marché", contract.number), ("Objet", contract.consultation.object)]


def order(
    contract: Contract, part: Part, lines: Sequence[OrderLine], holder: Party, terms: Terms,
    engagements: Iterable[Engagement], now: datetime,
) -> ContractPaper:  # fmt: skip
    """The order of one tranche, bon de commande or marché subséquent."""
    quoted = [e.number for e in engagements if e.closed_at is None and e.part in (part.number, "")]
    bill = [
        ("Numéro de marché", contract.number),
        ("Numéro d’engagement", ", ".join(quoted) or "aucun n’est demandé"),
        ("Code service", contract.service or "aucun n’est demandé"),
        ("Commande à rappeler", part.number),
        ("Délai de paiement", f"{terms.payment_days} jours"),
    ]
    state = {"planned": "Projet, sans effet.", "dropped": "Abandonné, sans effet."}.get(part.state, "")
    return ContractPaper(
        title=f"{part.title}, marché {contract.number}",
        reference=f"{contract.number} – {part.number}",
        author=contract.organisation.name,
        lead=state or f"Émis le {french_date(part.decided_on)}.",
        sections=[
            Section("Parties", [*_buyer(contract), ("Titulaire", holder.name), ("SIRET du titulaire", holder.siret)]),
            Section("Ce qui est commandé", [*_contract(contract), *_ordered(part, terms)]),
            *_lines(part, lines, terms),
            Section("Ce que la facture doit porter", bill),
        ],
        words=[
            "Les stipulations du marché s’appliquent à cette commande. La facture se dépose sur Chorus Pro, ou par une "
            "plateforme agréée.",
            f"Établi le {french_date(paris_day(now))}.",
        ],
        sign="Pour l’acheteur (nom, qualité, date, signature)",
    )


def _lines(part: Part, lines: Sequence[OrderLine], terms: Terms) -> list[Section]:
    """The price lines and what they add up to."""
    if not lines:
        return []
    rows = [
        (line.code, line.label or "–", line.unit or "–", _plain(line.quantity), f"{_plain(line.unit_price)}\u00a0€",
         euros(line.amount_ht))
        for line in lines
    ]  # fmt: skip
    rows += [(label, "", "", "", "", amount) for label, amount in totals(part, terms)]
    header = ("Code", "Prestation", "Unité", "Quantité", "Prix HT", "Montant HT")
    return [Section("Lignes de prix, avant révision", rows, header, (3, 5, 2, 2, 3, 3), (3, 4, 5))]


def totals(part: Part, terms: Terms) -> Rows:
    """HT; then the tax and TTC, where the contract has one rate."""
    found = [("Total HT", euros(part.amount_ht))]
    if len(terms.vat_rates) == 1:
        rate = Decimal(str(terms.vat_rates[0]))
        whole = with_vat(part.amount_ht, rate)
        found += [(f"TVA à {_plain(rate)}\u00a0%", euros(whole - part.amount_ht)), ("Total TTC", euros(whole))]
    return found


def _plain(number: str | Decimal) -> str:
    return f"{Decimal(number).normalize():f}".replace(".", ",")


def _ordered(part: Part, terms: Terms) -> Rows:
    rows = [("Prestations", part.label), ("Montant HT", euros(part.amount_ht))]
    if len(terms.vat_rates) == 1:
        rate = Decimal(str(terms.vat_rates[0]))
        rows.append((f"Montant TTC, TVA à {_plain(rate)}\u00a0%", euros(with_vat(part.amount_ht, rate))))
    days = (("Début", part.starts_on), ("Fin", part.ends_on))
    return rows + [(label, french_date(day)) for label, day in days if day]


def with_vat(amount_ht: Decimal, rate: Decimal) -> Decimal:
    """Euros TTC, to the cent; `rate` in percent."""
    return round(amount_ht * (1 + rate / 100), 2)


def certificate(contract: Contract, company: Party, said: Certified, now: datetime) -> ContractPaper:
    """The certificat de cessibilité of one company (R2191-46): what it may assign that day."""
    return ContractPaper(
        title=f"Certificat de cessibilité, marché {contract.number}",
        reference=f"{contract.number} – {company.siret}",
        author=contract.organisation.name,
        lead=f"Créance cessible ou nantissable au plus : {euros(said.amount)} TTC.",
        sections=[
            Section("Parties", [*_buyer(contract), ("Bénéficiaire", company.name), ("SIRET", company.siret)]),
            Section("Créance", [
                *_contract(contract),
                ("Part de l’entreprise, TTC", euros(said.share)),
                ("Sous-traité et payé directement, TTC", euros(said.subcontracted)),
                ("Déjà cédé ou nanti, TTC", euros(said.share - said.subcontracted - said.amount)),
                ("Montant cessible, TTC", euros(said.amount)),
            ]),
        ],
        words=[
            "Délivré en application des articles R2191-45 et R2191-46 du code de la commande publique. Il n’y a qu’un "
            "certificat à la fois : il est rendu avant qu’un autre soit délivré.",
            "La cession ou le nantissement se notifie au comptable assignataire (R2191-54).",
            f"Établi le {french_date(paris_day(now))}. Le cachet du service, s’il y figure, prouve l’origine et "
            "l’intégrité de ce fichier ; il ne vaut pas signature : l’acheteur signe ce certificat.",
        ],
        sign="Pour l’acheteur (nom, qualité, date, signature)",
    )  # fmt: skip
