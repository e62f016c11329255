"""What the law asks of a contract's retention: what kind of buyer it has, and whether its holder is an SME."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from dce_templates.french import day, percent
from procurement.contract import Contract, paris_day
from procurement.people import BUYER_KINDS
from procurement.rules.retention import Cap, retention_cap

SIZES = {"sme": "PME", "other": "Autre entreprise"}
CATEGORIES = {"PME": True, "ETI": False, "GE": False}


@dataclass(frozen=True)
class Known:
    """What is known of both sides; `sme` and `kind` are None and "" where nobody said.

    `source`: who says the size, in the buyer's words; or, with `read`, the register that was read that day (ISO).
    """

    launched_on: date
    kind: str
    sme: bool | None
    source: str = ""
    read: str | None = None

    @property
    def size_source(self) -> str:
        """In French; "" where the size is not known."""
        if self.sme is None or self.read is None:
            return self.source
        return f"selon {self.source}" + (f", le {day(date.fromisoformat(self.read))}" if self.read else "")

    @property
    def cap(self) -> Cap:
        return retention_cap(self.launched_on, self.kind, self.sme)

    @property
    def size(self) -> str:
        return {True: SIZES["sme"], False: SIZES["other"], None: "pas connue"}[self.sme]

    @property
    def buyer(self) -> str:
        return BUYER_KINDS.get(self.kind, "pas dit")

    def doubt(self, rate: Any) -> str:
        """Why a rate that is allowed may not be, in French; "" where nothing is to say."""
        if not self.cap.perhaps < rate <= self.cap.most:
            return ""
        unknown = [] if self.kind else ["le genre de l’acheteur, que son administrateur dit"]
        unknown += [] if self.sme is not None else ["la taille du titulaire, que cette fiche peut dire"]
        return (
            f"Elle ne dépasse pas {percent(self.cap.perhaps)} quand le titulaire est une PME et l’acheteur l’État, "
            "un de ses établissements administratifs ou un grand acheteur local (R2191-33). Il reste à connaître "
            f"{' et '.join(unknown)}."
        )


def known_of(contract: Contract, size: str = "", source: str = "") -> Known:
    """`size`, `source`: what the buyer wrote of its holder, before what the register said at the deposit."""
    said = contract.consultation.dossier
    launched = str(said.get("launched_on") or "")
    on = date.fromisoformat(launched) if launched else paris_day(contract.created_at)
    if size:
        return Known(on, _kind(contract, said.get("buyer") or {}), size == "sme", source)
    identity, sme = contract.candidacy.identity or {}, registered_sme(contract)
    read = str(identity.get("fetched_at") or "")[:10]
    source = str(identity.get("source") or "l’Insee") if sme is not None else ""
    return Known(on, _kind(contract, said.get("buyer") or {}), sme, source, read)


def registered_sme(contract: Contract) -> bool | None:
    """Whether the register said, at the deposit, that the holder is an SME."""
    return CATEGORIES.get(str((contract.candidacy.identity or {}).get("category") or ""))


def _kind(contract: Contract, buyer: dict[str, Any]) -> str:
    """What the administrator said, else what the dossier said on purpose: « local » is what nobody changed there."""
    if contract.organisation.public_kind:
        return contract.organisation.public_kind
    kind = str(buyer.get("kind") or "")
    if kind == "local":
        return "local_large" if buyer.get("large") in (True, "true") else ""
    return kind if kind in BUYER_KINDS else ""
