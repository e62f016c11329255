"""Which contracts an invoice may belong to: a fixed score out of 100, with its reasons in French."""

from collections.abc import Iterator
from dataclasses import dataclass

from procurement.invoicing.billed import billed
from procurement.invoicing.contracts import ContractRecord, Holder
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import citations, company_of, key, spelled, words
from procurement.invoicing.past import ZERO

CONTRACT_REFERENCE, CONTRACT_AS_ORDER, ENGAGEMENT = 40, 30, 20
SUPPLIER_SIRET, SUPPLIER_SIREN, SUPPLIER_NAME = 20, 12, 6
BUYER_SIRET, BUYER_SIREN = 15, 8
SERVICE, PERIOD, AMOUNT, PRICES, SUBJECT = 5, 4, 3, 3, 3
FULL = 100

Points = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Candidate:
    """One contract, its score (0 to 100) and why. `by_reference`: BT-12 or BT-13 named it.

    `points` is the score before it is capped; `tied`: the supplier or the buyer is one of the contract's; `sure`: it
    is cited, and both are: it then comes before any contract that is not. `exact`: it is cited sign for sign.
    """

    contract: str
    score: int
    because: tuple[str, ...]
    by_reference: bool
    buyer: str = ""
    points: int = 0
    tied: bool = True
    sure: bool = False
    exact: bool = False


def engagements(contract: ContractRecord) -> tuple[str, ...]:
    """Every engagement number under which the contract may be billed, those of its parts too."""
    return (*contract.engagements, *(number for part in contract.parts for number in part.engagements))


def references(contract: ContractRecord) -> set[str]:
    """The keys under which the contract may be cited: its number, its DECP identifier, its subsequent contracts'."""
    return {key(name) for name in _names(contract) if key(name)}


def _names(contract: ContractRecord) -> tuple[str, ...]:
    subsequent = (part.id for part in contract.parts if part.kind == "subsequent")
    return contract.id, contract.decp_id or "", *subsequent


def _spelled(text: str, contract: ContractRecord) -> bool:
    """True where the text holds one of the contract's names as it is, and not only as it may be mistyped."""
    return not spelled(text).isdisjoint(name.strip().casefold() for name in _names(contract))


def cites_contract(text: str, contract: ContractRecord) -> bool:
    """True where the text is, or holds, the contract's number or its DECP identifier."""
    return bool(text) and not citations(text).isdisjoint(references(contract))


def cites_engagement(text: str, contract: ContractRecord) -> bool:
    """True where the text is, or holds, one of the contract's engagement numbers."""
    return bool(text) and not citations(text).isdisjoint(key(number) for number in engagements(contract))


def holder_of(invoice: Invoice, contract: ContractRecord) -> Holder | None:
    """The holder that bills, by SIRET, or by VAT number where the contract knows no SIRET of it."""
    return next((holder for holder in contract.holders if _is(holder, invoice)), None)


def _is(holder: Holder, invoice: Invoice) -> bool:
    if holder.siret:
        return holder.siret in invoice.seller.sirets
    return bool(holder.vat) and key(holder.vat) == key(invoice.seller.vat)


def same_company(invoice: Invoice, contract: ContractRecord) -> Holder | None:
    """The holder of the same SIREN or VAT number as the seller, whatever the establishment."""
    names = {invoice.seller.siren, company_of(invoice.seller.vat)} - {""}
    return next((h for h in contract.holders if h.siret[:9] in names or (h.vat and company_of(h.vat) in names)), None)


def score(invoice: Invoice, contract: ContractRecord) -> Candidate | None:
    """The contract as a candidate, or None where nothing ties it to the invoice.

    A candidate is cited by BT-12 or BT-13, or has both the supplier's company and the buyer's.
    """
    company, same_buyer = same_company(invoice, contract), _same_buyer(invoice, contract)
    references_met = list(_by_reference(invoice, contract))
    if not references_met and not (company and same_buyer):
        return None
    found = [*references_met, *_by_party(invoice, contract, company, same_buyer), *_by_content(invoice, contract)]
    points = sum(worth for worth, _ in found)
    return Candidate(
        contract.id,
        min(points, FULL),
        tuple(f"{why} (+{worth})" for worth, why in found),
        bool(references_met),
        contract.buyer.siret,
        points,
        company is not None or same_buyer or holder_of(invoice, contract) is not None,
        bool(references_met) and company is not None and same_buyer,
        _spelled(invoice.contract or invoice.engagement, contract),
    )


def _same_buyer(invoice: Invoice, contract: ContractRecord) -> bool:
    return bool(invoice.buyer.siren) and invoice.buyer.siren == contract.buyer.siret[:9]


def _by_reference(invoice: Invoice, contract: ContractRecord) -> Points:
    if cites_contract(invoice.contract, contract):
        yield CONTRACT_REFERENCE, f"le numéro de marché « {invoice.contract} » (BT-12) est celui du contrat"
    elif cites_contract(invoice.engagement, contract):
        yield CONTRACT_AS_ORDER, f"le numéro de commande « {invoice.engagement} » (BT-13) est le numéro du contrat"
    if cites_engagement(invoice.engagement, contract):
        yield ENGAGEMENT, f"l’engagement « {invoice.engagement} » (BT-13) est l’un de ceux du contrat"
    elif cites_engagement(invoice.contract, contract):
        yield ENGAGEMENT, f"« {invoice.contract} », donné en BT-12, est un engagement du contrat"


def _by_party(invoice: Invoice, contract: ContractRecord, company: Holder | None, same_buyer: bool) -> Points:
    if holder_of(invoice, contract):
        yield SUPPLIER_SIRET, "le SIRET du fournisseur (BT-29) est celui d’un titulaire"
    elif company:
        yield SUPPLIER_SIREN, "le fournisseur est la même entreprise qu’un titulaire, par un autre établissement"
    elif name := _same_name(invoice, contract):
        yield SUPPLIER_NAME, f"le nom du fournisseur ressemble à celui de « {name} »"
    if invoice.buyer.siret == contract.buyer.siret:
        yield BUYER_SIRET, "le SIRET de l’acheteur (BT-46) est celui du contrat"
    elif same_buyer:
        yield BUYER_SIREN, "l’acheteur est la même personne publique, par un autre SIRET"
    services = {key(code) for code in contract.buyer.services}
    if any(key(code) in services for code in invoice.buyer.services):
        yield SERVICE, "le code service est l’un de ceux du contrat"


def _same_name(invoice: Invoice, contract: ContractRecord) -> str:
    seller = words(invoice.seller.name)
    return next((holder.name for holder in contract.holders if seller and words(holder.name) == seller), "")


def _by_content(invoice: Invoice, contract: ContractRecord) -> Points:
    first, last = invoice.worked
    if first and last and contract.start and contract.end and contract.start <= first and last <= contract.end:
        yield PERIOD, "la période facturée est dans la durée du contrat"
    limit = contract.ceiling_ht if contract.ceiling_ht is not None else contract.amount_ht
    if limit is not None and ZERO < invoice.signed_net <= limit - billed(contract, invoice):
        yield AMOUNT, "le montant tient dans ce qui reste au contrat"
    codes = {key(price.code) for price in contract.prices}
    if codes and any(line.code_among(codes) for line in invoice.lines):
        yield PRICES, "une ligne porte un code du bordereau des prix"
    if common := words(contract.subject) & _said(invoice, contract):
        yield SUBJECT, f"l’objet du contrat est dit dans la facture (« {min(common).lower()} »)"


def _said(invoice: Invoice, contract: ContractRecord) -> frozenset[str]:
    if not contract.subject:
        return frozenset()
    return frozenset[str]().union(*(words(line.name) for line in invoice.lines[:100]))
