"""How both letters say things: values or marked blanks, identity with its origin, amounts in their currency."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from dce_templates import french
from dce_templates.blocks import Block, Fields, Note
from dce_templates.candidate.candidate import TODO, Candidate

SIZES = {
    "micro": "Microentreprise (moins de 10 personnes)",
    "small": "Petite entreprise (moins de 50 personnes)",
    "medium": "Moyenne entreprise (moins de 250 personnes)",
    "large": "Grande entreprise",
}
KINDS = {"works": "Travaux", "supplies": "Fournitures", "services": "Services"}
GROUPS = {
    "conjoint": "Groupement conjoint",
    "conjoint_mandataire_solidaire": "Groupement conjoint avec mandataire solidaire",
    "solidaire": "Groupement solidaire",
}
BLANK = f"………… ({TODO})"
_IDENTITY = (
    ("name", "Nom ou raison sociale"),
    ("legal_form", "Forme juridique"),
    ("street", "Adresse"),
    ("postcode", "Code postal"),
    ("city", "Commune"),
)


def filled(value: object) -> str:
    """The value, or a blank that cannot be taken for one."""
    return str(value) if value not in (None, "") else BLANK


def fields(caption: str, rows: Iterable[tuple[str, object]]) -> Fields:
    return Fields(caption, tuple((label, filled(value)) for label, value in rows))


def day(value: date | None) -> str:
    return french.day(value) if value else ""


def money(value: Decimal | None, currency: str) -> str:
    if value is None:
        return ""
    text = french.euros(value)
    return text if currency == "EUR" else text.removesuffix("€") + currency


def share(value: Decimal | None) -> str:
    return french.percent(value / 100) if value is not None else ""


def consultation(candidate: Candidate) -> tuple[Fields, Fields]:
    """Rubriques A and B, the same in both letters."""
    asked = candidate.answers.consultation
    return (
        fields("", [("Acheteur", asked.buyer)]),
        fields("", [("Objet de la consultation", asked.object), ("Référence", asked.reference or "non précisée")]),
    )


def lots(candidate: Candidate) -> str:
    numbers = candidate.answers.lots
    if not numbers:
        return "le marché dans son ensemble (aucun lot n’a été indiqué)"
    return ("le lot n° " if len(numbers) == 1 else "les lots n° ") + ", ".join(numbers)


def identity(candidate: Candidate) -> list[Block]:
    """Who the company is: official values, and the company's own beside them where they differ."""
    official, own = candidate.identity, candidate.answers.identity
    rows: list[tuple[str, object]] = [("SIRET", french.siret(official.siret))]
    for key, label in _IDENTITY:
        found, typed = getattr(official, key), getattr(own, key)
        rows.append((label, _beside(found, typed)))
    rows += [("Nom commercial", official.trade_name)] if official.trade_name else []
    blocks: list[Block] = [fields("Identité", rows), Note(_origin(candidate))]
    return blocks


def _beside(found: str, typed: str) -> str:
    if not found or not typed or found.casefold() == typed.casefold():
        return found or (f"{typed} (saisi par l’entreprise)" if typed else "")
    return f"{found} – corrigé par l’entreprise : {typed}"


def _origin(candidate: Candidate) -> str:
    official = candidate.identity
    if not official.source:
        return "L’identité n’a pas été lue dans les données ouvertes : elle est déclarée par l’entreprise."
    when = f", le {day(official.fetched_on)}" if official.fetched_on else ""
    masked = " Certaines valeurs ne sont pas diffusées, à la demande de l’entreprise." if official.masked else ""
    return f"Identité lue dans les données ouvertes – {official.source}{when}.{masked}"


def contact(candidate: Candidate) -> Fields:
    said = candidate.answers.contact
    rows = [("Personne à contacter", said.name), ("Courriel", said.email), ("Téléphone", said.phone)]
    return fields("Contact", rows)


def signatory(candidate: Candidate) -> str:
    said = candidate.answers.signatory
    return " ".join(part for part in (said.first_name, said.last_name) if part)
