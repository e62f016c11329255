"""The rate of the advance that a contract owes: what its dossier promises, which may be more to an SME."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dce_templates.french import percent
from procurement.execution.sizes import Known


@dataclass(frozen=True)
class Promised:
    """Fractions as text, as the dossier has them; "0" where it grants no advance."""

    rate: str
    sme_rate: str

    @property
    def by_size(self) -> bool:
        """The rate depends on the holder's size."""
        return Decimal(self.rate) != Decimal(self.sme_rate)

    def owed(self, sme: bool | None) -> str:
        """An SME's rate where the holder is one for certain."""
        return self.sme_rate if sme else self.rate

    def known(self, rate: str, sme: bool | None) -> bool:
        """Whether this rate can be told as the contract's: not where it is the one that an unknown size would raise."""
        return not self.by_size or sme is not None or Decimal(rate) != Decimal(self.rate)


def promised(dossier: Mapping[str, Any]) -> Promised:
    """What a published dossier says."""
    said: Mapping[str, Any] = dossier.get("advance") or {}
    if not said.get("granted"):
        return Promised("0", "0")
    rate = str(said.get("rate") or "0")
    sme = said.get("sme_rate")
    return Promised(rate, rate if sme in (None, "") else str(sme))


def explained(found: Promised, rate: str, known: Known) -> str:
    """Beside the rate of a contract, in French: which of the two it is; "" where the dossier has one rate alone."""
    sme_rate, other = percent(Decimal(found.sme_rate)), percent(Decimal(found.rate))
    if not found.by_size:
        return ""
    if known.sme is None and not found.known(rate, None):
        return f"{sme_rate} si le titulaire est une PME : sa taille n’est pas connue, cette fiche peut la dire."
    if known.sme is None:
        return f"Le dossier promet {sme_rate} à une PME, {other} à une autre entreprise ; la taille n’est pas connue."
    if known.sme:
        return f"Le titulaire est une PME ({known.size_source}) ; une autre entreprise recevrait {other}."
    return f"Le titulaire n’est pas une PME ({known.size_source}) ; une PME recevrait {sme_rate}."


def short_of(found: Promised, rate: str, known: Known) -> str:
    """Where a person wrote another rate than the one promised to a holder of that size, in French; "" otherwise."""
    owed = Decimal(found.owed(known.sme))
    if not found.by_size or known.sme is None or Decimal(rate) == owed:
        return ""
    who = "une PME" if known.sme else "une entreprise qui n’est pas une PME"
    return (
        f"Le dossier promet {percent(owed)} au titulaire, {who} ({known.size_source}) ; cette fiche dit "
        f"{percent(Decimal(rate))}."
    )
