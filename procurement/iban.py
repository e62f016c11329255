"""Bank account numbers (ISO 13616). The only file that knows stdnum's IBAN tables."""

from stdnum import iban
from stdnum.exceptions import ValidationError


def valid_iban(text: str) -> str | None:
    """The number without spaces, in capitals; None where its country's length or its key is wrong."""
    try:
        return str(iban.validate(text, check_country=False))
    except ValidationError:
        return None
