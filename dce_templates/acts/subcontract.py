"""The input of a declaration of subcontracting (alias DC4). It is the YAML schema of `mps dce subcontract`.

At the `offer` it comes with the bid (R2193-1); at the `contract` it is an acte spécial (R2193-3). Amounts are euros
excluding VAT.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from dce_templates.acts.amendment import Company, Reference
from dce_templates.dossier import Processing
from dce_templates.fields import Line, Model, Money, Optional, Rate, Siret, Text


class Subcontractor(Model):
    """Known by its SIRET: a name that is not given is looked up in open data by the command."""

    siret: Siret
    name: Optional = ""
    legal_form: Optional = ""
    address: Optional = ""
    email: Optional = ""
    phone: Optional = ""
    sme: bool | None = None
    signatory: Optional = ""
    role: Optional = ""


class Subcontract(Model):
    """`dated_on` chooses the figures in force. `replaces` is the number of the act that this one modifies.

    `vat`: `reverse` where the holder owes the tax, so that the amount is paid without it. `no_exclusion` is the
    subcontractor's own declaration; None leaves it to be made. `receivables` says how the holder shows that no
    assignment stands against direct payment (R2193-3).
    """

    stage: Literal["offer", "contract"] = "contract"
    dated_on: date
    number: Annotated[int, Field(ge=1, le=99)] = 1
    replaces: Annotated[int, Field(ge=1, le=99)] | None = None
    reference: Reference
    object: Text
    kind: Literal["services", "supplies", "works"]
    buyer: Line
    buyer_siret: Siret
    buyer_signatory: Optional = ""
    holder: Company
    contract_amount: Annotated[Money, Field(gt=0)] | None = None
    subcontractor: Subcontractor
    work: Text
    maximum: Annotated[Money, Field(gt=0)]
    vat: Literal["normal", "reverse"] = "normal"
    vat_rate: Rate = Decimal("0.20")
    payment_terms: Text
    price_variation: Literal["Ferme", "Actualisable", "Révisable"] = "Ferme"
    variation_terms: Optional = ""
    advance_wanted: bool | None = None
    starts_on: date | None = None
    duration_months: Annotated[int, Field(ge=1, le=360)]
    capacities: Optional = ""
    no_exclusion: bool | None = None
    exclusion_words: Optional = ""
    receivables: Literal["no_assignment", "single_copy", "certificate", "release"] | None = None
    personal_data: bool = False
    processing: Processing | None = None

    @property
    def with_vat(self) -> Decimal:
        """What the buyer would pay at most."""
        return self.maximum if self.vat == "reverse" else self.maximum * (1 + self.vat_rate)

    def paid_directly(self, threshold: Decimal) -> bool:
        """The threshold is said including VAT, whoever owes it."""
        return self.maximum * (1 + self.vat_rate) >= threshold
