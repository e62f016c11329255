"""Bank account numbers (ISO 13616). The only file that knows stdnum's IBAN tables."""

from stdnum import iban
from stdnum.exceptions import ValidationError


def wrong_iban(text: str) -> str:
    """Why an account cannot be taken, in one sentence; "" where it can."""
    if not text.strip():
        return "Écrivez l’IBAN du compte."
    if valid_iban(text) is None:
        return f"L’IBAN {text.strip()[:42]} n’est pas juste : sa longueur ou sa clé ne correspond pas."
    return ""


def valid_iban(text: str) -> str | None:
    """The number without spaces, in capitals; None where its country's length or its key is wrong."""
    try:
        return str(iban.validate(text, check_country=False))
    except ValidationError:
        return None
