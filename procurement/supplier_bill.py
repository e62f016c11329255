"""What a supplier starts from to make its invoice here: the contract as it may read it, its address and the buyer's."""

from collections.abc import Mapping
from typing import Any

from procurement.billing import Whole, record_of
from procurement.contract import Contract
from procurement.execution.parties import Party
from procurement.execution.prices import ContractPrice

# What a subcontractor reads of the contract: what it must write, and what is published. Prices, orders, receptions and
# what is withheld are between the holders and the buyer.
SUBCONTRACTORS = (
    "id", "decp_id", "buyer", "engagements", "amount_ht", "vat_rates", "kind", "payment_days", "launched_on", "start",
    "end",
)  # fmt: skip
OF_A_PART = ("id", "kind", "engagements", "start", "end", "state")


def record_for(whole: Whole, siret: str) -> dict[str, Any]:
    """The contract's entry of the contracts file, with nothing of another company: its account, share, or invoices.

    An assignment's beneficiary is left out too: to whom a claim was assigned is between its parties and the buyer. A
    subcontractor gets nothing of the contract's prices, orders and receptions either.
    """
    record = record_of(whole)
    seen = record if is_party(whole, siret) else {
        **{key: record[key] for key in SUBCONTRACTORS},
        "parts": [{key: part[key] for key in OF_A_PART} for part in record["parts"]],
    }  # fmt: skip
    return seen | {
        "holders": [one if one["siret"] == siret else _named(one) for one in record["holders"]],
        "invoiced": [one for one in record["invoiced"] if one["siret"] == siret],
        "assignments": [],
    }


def is_party(whole: Whole, siret: str) -> bool:
    """The holder or a member of its group, whose contract it is; a subcontractor is not."""
    return any(party.siret == siret for party in whole.parties)


def prices_for(whole: Whole, siret: str) -> list[ContractPrice]:
    """The price list of the contract, for its parties alone."""
    return whole.prices if is_party(whole, siret) else []


def _named(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {key: holder[key] for key in ("siret", "name", "vat", "role") if key in holder}


def address_of(contract: Contract, party: Party) -> dict[str, str]:
    """`street`, `postcode`, `city` of the company that answered, as Sirene gave them; empty for the others."""
    candidacy = contract.candidacy
    if party.siret != candidacy.siret:
        return {}
    known: Mapping[str, Any] = candidacy.identity
    postcode, city = str(known.get("postcode") or ""), str(known.get("city") or "")
    lines = [str(line) for line in known.get("address_lines") or []]
    street = [line for line in lines if not (postcode and city) or f"{postcode} {city}" not in line]
    return {"street": ", ".join(street), "postcode": postcode, "city": city}


def buyer_address(contract: Contract) -> dict[str, str]:
    """The same of the buyer, from the dossier; empty where there is none."""
    address = ((contract.consultation.dossier or {}).get("buyer") or {}).get("address") or {}
    return {key: str(address.get(key) or "") for key in ("street", "postcode", "city")} if address else {}
