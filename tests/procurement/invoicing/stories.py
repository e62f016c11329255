"""What the matching stories share: the parties, a contract of 10 000 € HT, an invoice of 1 000 € HT, how it is told."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from api.sandbox.invoices import Draft, Line, Party
from procurement.invoicing.check import check_invoice
from procurement.invoicing.matching import Match, match
from procurement.invoicing.parsing import read_invoice
from procurement.invoicing.rules import MatchFinding
from tests.procurement.invoicing.samples import IBAN, SELLER, contract, draft, loaded

Made = Callable[[Draft], bytes]
SUB = Party("Peinture Exemple", "90000004300018", vat="FR43900000043")
MATE = Party("Serrurerie Exemple", "90000005000012", vat="FR50900000050")
FACTOR = Party("Affacturage Exemple", "90000006800014")
FACTOR_IBAN = "FR1420041010050500013M02606"
HOLDER = {"siret": SELLER.siret, "vat": SELLER.vat, "role": "holder", "name": SELLER.name, "ibans": [IBAN]}
PAST = {"siret": SELLER.siret, "type": "380", "issued_on": "2026-08-05", "engagement": "EJ-77"}
SOLD = (Line("P1", "Pose de fenêtres", Decimal(10), Decimal("100.00")),)  # 1 000 € HT, 1 200 € TTC
PRICES = [{"code": "P1", "unit_price": "100.00"}]
SILENT = frozenset({"info"})


def sold(**changes: Any) -> Draft:
    return draft(**{"lines": SOLD, **changes})


def agreed(**changes: Any) -> dict[str, Any]:
    return contract(**{"holders": [HOLDER], "prices": PRICES, **changes})


# What Chorus Pro and the CCP ask of an invoice is for other tests.
CHORUS = ("BR-FR-CPRO", "D2192-2")


def told(made: Made, bill: Draft, *contracts: dict[str, Any]) -> Match:
    """The invoice passes every official sheet: only the contract, or Chorus Pro, can say that something is wrong."""
    content = made(bill)
    assert [finding for finding in check_invoice(content).findings if finding.source not in CHORUS] == []
    return match(read_invoice(content), loaded(*contracts))


def only(answer: Match) -> MatchFinding:
    (finding,) = [finding for finding in answer.findings if finding.severity not in SILENT]
    return finding


def proposed(answer: Match) -> tuple[str, str, str, str]:
    finding = only(answer)
    return finding.rule, finding.reason_code, answer.chorus, answer.decision
