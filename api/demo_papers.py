"""Papers that companies make at home, made here in a worker process: a signature, an invoice."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from api.remote.tsa import request_timestamp
from api.sandbox.invoices import Draft, Line, Party, facturx_pdf
from signature.making.keys import Pkcs12
from signature.making.pades import sign_pades


def sign(pdf: bytes, p12: bytes, password: str, tsa: str) -> bytes:
    """The PDF signed at level T now, timestamped by the authority at `tsa`. Raises SignatureError, Unavailable."""
    return sign_pades(pdf, Pkcs12(p12, password), "T", partial(request_timestamp, tsa), datetime.now(UTC)).content


def invoice(
    seller: tuple[str, str, str], buyer: tuple[str, str, str], quotes: tuple[str, str, str], amount: str, day: str
) -> bytes:
    """A Factur-X PDF. seller: name, SIRET, VAT; buyer: name, SIRET, service; quotes: contract, engagement, IBAN."""
    draft = Draft(
        number="F-2026-001",
        issued_on=datetime.fromisoformat(day).date(),
        seller=Party(seller[0], seller[1], vat=seller[2]),
        buyer=Party(buyer[0], buyer[1], service=buyer[2]),
        lines=(Line("P1", "Comptages de mobilité, premier trimestre", Decimal(1), Decimal(amount)),),
        contract=quotes[0],
        engagement=quotes[1],
        iban=quotes[2],
    )
    return facturx_pdf(draft)
