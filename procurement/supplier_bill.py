"""What a supplier starts from to make its invoice here: the contract as it may read it, its address and the buyer's."""

from collections.abc import Mapping
from typing import Any

from procurement.billing import Whole, record_of
from procurement.contract import Contract
from procurement.execution.parties import Party


def record_for(whole: Whole, siret: str) -> dict[str, Any]:
    """The contract's entry of the contracts file, with nothing of another company: its account, share, or invoices.

    An assignment's beneficiary is left out too: to whom a claim was assigned is between its parties and the buyer.
    """
    record = record_of(whole)
    return record | {
        "holders": [one if one["siret"] == siret else _named(one) for one in record["holders"]],
        "invoiced": [one for one in record["invoiced"] if one["siret"] == siret],
        "assignments": [],
    }


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
