"""Which contracts an invoice may belong to: a fixed score out of 100, with its reasons in French."""

import re
import unicodedata
from dataclasses import dataclass

from procurement.invoicing.contracts import ContractRecord, Holder
from procurement.invoicing.invoice import Invoice

CONTRACT_REFERENCE, CONTRACT_AS_ORDER, ENGAGEMENT = 40, 30, 20
SUPPLIER_SIRET, SUPPLIER_SIREN = 20, 12
BUYER_SIRET, BUYER_SIREN = 15, 8
SERVICE = 5


@dataclass(frozen=True)
class Candidate:
    """One contract, its score (0 to 100) and why. `by_reference`: BT-12 or BT-13 named it."""

    contract: str
    score: int
    because: tuple[str, ...]
    by_reference: bool


def key(text: str) -> str:
    """A reference as people mistype it: letters and digits only, upper case, no leading zero of a number kept apart."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    return re.sub(r"[^A-Z0-9]", "", folded)


def references(contract: ContractRecord) -> set[str]:
    """The keys under which the contract may be cited."""
    return {key(name) for name in (contract.id, contract.decp_id or "") if key(name)}


def cites_contract(text: str, contract: ContractRecord) -> bool:
    """True where the text is the contract's number or its DECP identifier."""
    return bool(key(text)) and key(text) in references(contract)


def cites_engagement(text: str, contract: ContractRecord) -> bool:
    """True where the text is one of the contract's engagement numbers."""
    return bool(key(text)) and key(text) in {key(engagement) for engagement in contract.engagements}


def holder_of(invoice: Invoice, contract: ContractRecord) -> Holder | None:
    """The holder that bills, by SIRET."""
    return next((holder for holder in contract.holders if holder.siret in invoice.seller.sirets), None)


def same_company(invoice: Invoice, contract: ContractRecord) -> Holder | None:
    """The holder of the same SIREN or VAT number as the seller, whatever the establishment."""
    for holder in contract.holders:
        same_vat = bool(holder.vat) and key(holder.vat or "") == key(invoice.seller.vat)
        if same_vat or (invoice.seller.siren and holder.siret[:9] == invoice.seller.siren):
            return holder
    return None


def score(invoice: Invoice, contract: ContractRecord) -> Candidate | None:
    """The contract as a candidate, or None where nothing ties it to the invoice.

    A candidate is cited by BT-12 or BT-13, or has both the supplier's company and the buyer's.
    """
    points, because = 0, []
    for found, worth, why in (*_by_reference(invoice, contract), *_by_party(invoice, contract)):
        if found:
            points += worth
            because.append(f"{why} (+{worth})")
    cited = any(found for found, _, _ in _by_reference(invoice, contract))
    parties = same_company(invoice, contract) is not None and invoice.buyer.siren == contract.buyer.siret[:9]
    return Candidate(contract.id, points, tuple(because), cited) if cited or parties else None


def _by_reference(invoice: Invoice, contract: ContractRecord) -> tuple[tuple[bool, int, str], ...]:
    in_contract = cites_contract(invoice.contract, contract)
    in_order = cites_contract(invoice.engagement, contract)
    return (
        (in_contract, CONTRACT_REFERENCE, f"le numéro de marché « {invoice.contract} » (BT-12) est celui du contrat"),
        (
            in_order and not in_contract,
            CONTRACT_AS_ORDER,
            f"le numéro de commande « {invoice.engagement} » (BT-13) est le numéro du contrat",
        ),
        (
            cites_engagement(invoice.engagement, contract),
            ENGAGEMENT,
            f"l’engagement « {invoice.engagement} » (BT-13) est l’un de ceux du contrat",
        ),
    )


def _by_party(invoice: Invoice, contract: ContractRecord) -> tuple[tuple[bool, int, str], ...]:
    holder, company = holder_of(invoice, contract), same_company(invoice, contract)
    buyer = invoice.buyer.siret == contract.buyer.siret
    same_buyer = bool(invoice.buyer.siren) and invoice.buyer.siren == contract.buyer.siret[:9]
    services = {key(code) for code in contract.buyer.services}
    service = any(key(code) in services for code in invoice.buyer.services)
    return (
        (holder is not None, SUPPLIER_SIRET, "le SIRET du fournisseur (BT-29) est celui d’un titulaire"),
        (
            holder is None and company is not None,
            SUPPLIER_SIREN,
            "le fournisseur est la même entreprise qu’un titulaire, par un autre établissement",
        ),
        (buyer, BUYER_SIRET, "le SIRET de l’acheteur (BT-46) est celui du contrat"),
        (not buyer and same_buyer, BUYER_SIREN, "l’acheteur est la même personne publique, par un autre SIRET"),
        (service, SERVICE, "le code service est l’un de ceux du contrat"),
    )
