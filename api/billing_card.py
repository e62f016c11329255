"""What a billing card says of engagements: the one of the whole contract, then those of each tranche or order."""

from procurement.execution.engagements import Quoted

Row = tuple[str, str, str]
UNASKED = "L’acheteur n’en demande pas."
APART = "L’acheteur n’en donne que pour les tranches et commandes ci-dessous."


def engagement_rows(quoted: Quoted, unasked: str = UNASKED) -> list[Row]:
    """(label, value, note), the whole contract's first; `unasked` is said where no engagement is open."""
    note = "BT-13" if quoted.whole else APART if quoted.parts else unasked
    if quoted.whole and quoted.parts:
        note = "BT-13 de ce qui n’est d’aucune tranche ni commande ci-dessous"
    return [("Numéro d’engagement", quoted.whole, note), *part_rows(quoted)]


def part_rows(quoted: Quoted) -> list[Row]:
    """The same of the tranches and orders alone."""
    return [(f"Numéro d’engagement – {row.title}", row.number, "BT-13 de ce qui s’y facture") for row in quoted.parts]
