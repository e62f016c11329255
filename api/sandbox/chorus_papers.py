"""What invented suppliers send through the sandbox's portal: one invoice per call. Heavy: for a worker process."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from api.sandbox.companies import book
from api.sandbox.invoices import Draft, Line, Party, cii, facturx_pdf, ubl
from siret_lookup.siret import vat_number

MAKERS = {"cii": (cii, "xml"), "ubl": (ubl, "xml"), "facturx": (facturx_pdf, "pdf")}
SYNTAXES = {"cii": "IN_DP_E1_CII_16B", "ubl": "IN_DP_E1_UBL_INVOICE", "facturx": "IN_DP_E2_CII_FACTURX"}
IBAN = "FR7630006000011234567890189"


def supplier_invoice(told: dict[str, Any]) -> tuple[bytes, str, str]:
    """(file, its name, syntaxeFlux). `told`: buyer {siret, name}, and what is out of the usual.

    `supplier` (rank of an invented company, or its SIRET), `number`, `amount`, `contract`, `engagement`, `service`,
    `issued_on`, `form` (cii, ubl, facturx).
    """
    form = str(told.get("form", "cii"))
    make, ending = MAKERS[form]
    number = str(told.get("number", "F-2026-001"))
    draft = Draft(
        number=number,
        issued_on=date.fromisoformat(str(told["issued_on"])),
        seller=_supplier(told.get("supplier", 0)),
        buyer=Party(
            told["buyer"].get("name", "Acheteur"), told["buyer"]["siret"], service=str(told.get("service", ""))
        ),
        lines=(Line("POSTE", "Prestation", Decimal(1), Decimal(str(told.get("amount", "1000")))),),
        contract=str(told.get("contract", "")),
        engagement=str(told.get("engagement", "")),
        iban=str(told.get("iban", IBAN)),
    )
    draft = replace(draft, profile=str(told.get("profile", draft.profile)))
    return make(draft), f"{number}.{ending}"[-50:], SYNTAXES[form]


def _supplier(asked: Any) -> Party:
    companies = book().companies
    if isinstance(asked, int):
        company = companies[asked % len(companies)]
        return Party(company.name, company.head_office.siret, vat=vat_number(company.siren))
    known = book().find(str(asked))
    name = known.company.name if known else "Fournisseur inventé"
    return Party(name, str(asked), vat=vat_number(str(asked)[:9]))
