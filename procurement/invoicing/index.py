"""The contracts an invoice may belong to, found without reading them all: the keys of both, and an index in memory.

The same keys are kept in the database (procurement/contract_keys.py), so that both ways find the same contracts.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from procurement.invoicing.contracts import ContractRecord
from procurement.invoicing.invoice import Invoice
from procurement.invoicing.keys import citations, company_of, key
from procurement.invoicing.scoring import engagements, references

# `cited`: a reference beside the SIREN of the buyer or of a holder. `parties`: supplier and buyer. `bare`: a reference
# alone, looked at last, since every buyer has a contract of the same number.
CITED, PARTIES, BARE = "cited", "parties", "bare"
Key = tuple[str, str]


def contract_keys(contract: ContractRecord) -> set[Key]:
    """Every (kind, key) under which the contract may be found."""
    buyer = contract.buyer.siret[:9]
    named = references(contract) | {key(number) for number in engagements(contract) if key(number)}
    suppliers = {holder.siret[:9] for holder in contract.holders if holder.siret}
    suppliers |= {company_of(holder.vat) for holder in contract.holders if holder.vat}
    found = {(BARE, name) for name in named}
    found |= {(CITED, f"{name}@{company}") for name in named for company in suppliers | {buyer}}
    return found | {(PARTIES, f"{supplier}>{buyer}") for supplier in suppliers}


def invoice_keys(invoice: Invoice) -> set[Key]:
    """The keys, kinds `cited` and `parties`, of the contracts that the invoice may belong to."""
    suppliers = {company for company in (invoice.seller.siren, company_of(invoice.seller.vat)) if company}
    buyer = invoice.buyer.siren
    companies = suppliers | ({buyer} if buyer else set())
    found = {(CITED, f"{name}@{company}") for name in _named(invoice) for company in companies}
    found |= {(CITED, f"{name}@{siret[:9]}") for name in _named(invoice) for siret in invoice.seller.sirets}
    return found | {(PARTIES, f"{supplier}>{buyer}") for supplier in suppliers if buyer}


def bare_keys(invoice: Invoice) -> set[Key]:
    """The references alone: for an invoice that no other key brings to a contract."""
    return {(BARE, name) for name in _named(invoice)}


def _named(invoice: Invoice) -> frozenset[str]:
    return citations(invoice.contract) | citations(invoice.engagement)


class Index:
    """Contracts by key, built once and asked for each invoice."""

    def __init__(self, contracts: Iterable[ContractRecord]) -> None:
        self.contracts = tuple(contracts)
        self._places: dict[Key, list[int]] = {}
        for place, contract in enumerate(self.contracts):
            for one in contract_keys(contract):
                self._places.setdefault(one, []).append(place)

    def __iter__(self) -> Iterator[ContractRecord]:
        return iter(self.contracts)

    def candidates(self, invoice: Invoice) -> list[ContractRecord]:
        """The contracts with a party of the invoice that it may belong to: a superset of what `score` keeps."""
        return self._at(invoice_keys(invoice))

    def cited(self, invoice: Invoice) -> list[ContractRecord]:
        """The contracts whose number the invoice gives, whoever their parties are."""
        return self._at(bare_keys(invoice))

    def _at(self, keys: set[Key]) -> list[ContractRecord]:
        places = set(chain.from_iterable(self._places.get(one, ()) for one in keys))
        return [self.contracts[place] for place in sorted(places)]
