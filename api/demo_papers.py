"""What companies do at home, done here in a worker process: a signature."""

from datetime import UTC, datetime
from functools import partial

from api.remote.tsa import request_timestamp
from signature.making.keys import Pkcs12
from signature.making.pades import sign_pades


def sign(pdf: bytes, p12: bytes, password: str, tsa: str) -> bytes:
    """The PDF signed at level T now, timestamped by the authority at `tsa`. Raises SignatureError, Unavailable."""
    return sign_pades(pdf, Pkcs12(p12, password), "T", partial(request_timestamp, tsa), datetime.now(UTC)).content
